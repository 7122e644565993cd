"""A Content-Length by itself: the parser passes on good ones only, another server may not."""

import pytest

from shared.http.framing import Malformed, body_length


@pytest.mark.parametrize(
    ("value", "length"),
    [
        (b"0", 0),
        (b"0" * 5_000, 0),
        (b"5", 5),
        (b"0" * 15_000 + b"5", 5),
        (b"18446744073709551615", 2**64 - 1),
        (b"99999999999999999999", 10**20 - 1),
    ],
)
def test_a_length_is_read_however_many_zeros_lead_it(value: bytes, length: int) -> None:
    assert body_length(value) == length


@pytest.mark.parametrize("value", [b"", b"-1", b"+5", b"5 ", b"0x5", b"5,5", b"1_0", b"\xd9\xa5", b"1" + b"0" * 20])
def test_what_is_no_length_is_malformed(value: bytes) -> None:
    with pytest.raises(Malformed):
        body_length(value)
