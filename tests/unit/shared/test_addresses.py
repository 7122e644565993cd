"""What counts as one address."""

import pytest

from shared.http.addresses import network_of, unmapped


@pytest.mark.parametrize(
    ("host", "counts_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0db8:0001:0002::", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_an_ipv4_address_counts_as_itself_and_one_of_ipv6_as_its_64(host: str, counts_as: str) -> None:
    assert network_of(host) == counts_as


@pytest.mark.parametrize(
    ("host", "shown"),
    [("::ffff:127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("127.0.0.1", "127.0.0.1"), ("::ffff:1", "::ffff:1")],
)
def test_an_ipv4_peer_of_a_socket_for_both_kinds_is_an_ipv4_address(host: str, shown: str) -> None:
    assert unmapped(host) == shown
