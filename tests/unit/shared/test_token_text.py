"""One token has one text: what is remembered by its text, and revoked by its id, must not come in a second spelling."""

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.errors import Unauthenticated
from tests.fixtures.tokens import HEADER, base64, claims, judge, public_key, sign, signer, verifier

# What decoders skip, pad or fold together: blanks, padding, the other alphabet, controls, anything else.
JUNK = [
    "=",
    "==",
    ",",
    "!",
    " ",
    "\t",
    "\n",
    "\r\n",
    "+",
    "/",
    ".",
    "*",
    "%3D",
    "\x00",
    "\x7f",
    "\\",
    '"',
    "ä",
    "\u200b",
    "A",
]


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("part", [0, 1, 2])
def test_nothing_may_be_added_to_a_part(junk: str, part: int) -> None:
    # Added before it is signed, so that the signature is good: in the last part nothing is signed anyway.
    good = signer().sign(1, "a@example.com", "user").split(".")
    for changed in (junk + good[part], good[part][:9] + junk + good[part][9:], good[part] + junk):
        parts = [changed if number == part else text for number, text in enumerate(good)]
        token = ".".join(parts) if part == 2 else sign(*parts[:2])
        with pytest.raises(Unauthenticated):
            judge(token)


def test_the_other_alphabet_is_another_text() -> None:
    # Claims whose base64url has both characters that the standard alphabet writes in another way.
    payload = base64(json.dumps(claims(x="\u043f\u00ff>>>???~~~"), ensure_ascii=False).encode())
    assert "-" in payload
    assert "_" in payload
    header = base64(json.dumps(HEADER).encode())
    assert judge(sign(header, payload)).uid == 1
    with pytest.raises(Unauthenticated):
        judge(sign(header, payload.replace("-", "+").replace("_", "/")))


def test_the_last_bits_of_each_part_are_zero() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    header, payload = json.dumps(HEADER), json.dumps(claims())
    while len(header) % 3 != 1:
        header += " "  # so that the last character carries four bits that nobody reads
    while len(payload) % 3 != 1:
        payload += " "
    good = sign(base64(header.encode()), base64(payload.encode())).split(".")
    assert judge(".".join(good)).uid == 1
    for part in (0, 1, 2):
        for last in set(alphabet) - {good[part][-1]}:
            changed = [text[:-1] + last if number == part else text for number, text in enumerate(good)]
            with pytest.raises(Unauthenticated):
                judge(".".join(changed) if part == 2 else sign(*changed[:2]))


@settings(max_examples=300, deadline=None)
@given(position=st.integers(0, 10_000), character=st.characters(max_codepoint=0x17F), instead=st.booleans())
def test_a_token_has_one_text(position: int, character: str, instead: bool) -> None:  # noqa: FBT001  hypothesis's own
    token = signer().sign(1, "a@example.com", "user")
    position %= len(token)
    changed = token[:position] + character + token[position + instead :]
    assume(changed != token)
    judging = verifier(cache_max=10)
    with pytest.raises(Unauthenticated):
        judging.verify(changed, public_key())
    assert judging.cached(changed) is None


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        ('{"alg":"none","alg":"RS256","typ":"at+jwt","kid":"k"}', None),
        ('{"alg":"RS256","typ":"at+jwt","kid":"k","kid":"k"}', None),
        ('{"alg":"RS256","typ":"at+jwt","kid":"k","jwk":{"kty":"RSA","kty":"oct"}}', None),
        (None, ',"role":"user"}'),
        (None, ',"exp":9999999999}'),
        (None, ',"\\u0072ole":"user"}'),
    ],
)
def test_a_member_that_comes_twice_is_refused(header: str | None, payload: str | None) -> None:
    written = json.dumps(claims())[:-1] + (payload or "}")
    with pytest.raises(Unauthenticated):
        judge(sign(base64((header or json.dumps(HEADER)).encode()), base64(written.encode())))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_that_is_not_utf_8_is_refused(encoding: str) -> None:
    header, payload = json.dumps(HEADER), json.dumps(claims())
    for one, other in ((encoding, "utf-8"), ("utf-8", encoding)):
        with pytest.raises(Unauthenticated):
            judge(sign(base64(header.encode(one)), base64(payload.encode(other))))
