"""What an e-mail address is, and when two are one mailbox (`docs/decisions/0011-names-and-addresses.md`)."""

import unicodedata

import email_validator
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from auth_service.domain.mailboxes import NotAnAddressError, email_key, require_address
from auth_service.domain.models import EMAIL_KEY_LENGTH_MAX

ONE_MAILBOX = [
    ("Ada@Example.com", " ada@example.COM"),
    ("straße@x.com", "STRASSE@x.com"),
    ("ﬁ@x.com", "fi@x.com"),
    ("jos\u00e9@x.com", "jose\u0301@x.com"),
    ("u@b\u00fccher.de", "u@xn--bcher-kva.de"),
    ("u@b\u00fccher.de", "u@bu\u0308cher.de"),
    ("u@b\u00fccher.de", "u@B\u00dcCHER.DE"),
    ("u@b\u00fccher.de", "U@XN--BCHER-KVA.DE"),
    ("u@example.com", "u@example\u3002com"),
    ("u@example.com", "u@example\uff0ecom"),
    ("u@example.com", "u@example\uff61com"),
    ("u@example.com", "u@\uff45\uff58ample.com"),
    ("u@example.com", "\uff35@EXAMPLE.\uff23\uff2f\uff2d"),
    ("u@example.com", "u@example.com."),
    ("u@example.com", "u\uff20example.com"),
    ("u@fa\u00df.de", "u@xn--fa-hia.de"),
    ("u@fa\u00df.de", "u@FA\u1e9e.DE"),
    ("u@\u65e5\u672c\u8a9e\u3002jp", "u@xn--wgv71a119e.jp"),
    ("u@\u0434\u043e\u043c.\u0440\u0444", "u@\u0414\u041e\u041c.\u0420\u0424"),
]
DIFFERENT = [
    ("jos\u00e9@x.com", "jose@x.com"),
    ("\U0001f600@x.com", "\U0001f601@x.com"),
    ("u@fa\u00df.de", "u@fass.de"),  # two domains since IDNA 2008
    ("u@\u03b2\u03cc\u03bb\u03bf\u03c2.com", "u@\u03b2\u03cc\u03bb\u03bf\u03c3.com"),  # and so are these
    ("u@b\u00fccher.de", "u@bucher.de"),
    ("a.b@x.com", "ab@x.com"),  # only the host of a mailbox may say that these are one (RFC 5321, section 2.3.11)
    ("a+b@x.com", "a@x.com"),
    ("u@\u2488com", "u@1.com"),  # UTS 46 forbids what NFKC would make a number and a dot of
    ("u@foo_bar.com", "u@foobar.com"),
]


@pytest.mark.parametrize(("one", "other"), ONE_MAILBOX)
def test_spellings_of_one_mailbox_share_a_key(one: str, other: str) -> None:
    assert email_key(one) == email_key(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_mailboxes_have_different_keys(one: str, other: str) -> None:
    assert email_key(one) != email_key(other)


LABEL = "a" * 63
DOMAIN_OF_189 = f"{LABEL}.{LABEL}.{'b' * 61}"  # with a local part of 64: 254


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com", "o'neil+1@example.com", "a!#$%&'*+-/=?^_`{|}~b@x.com", "\u00fc@ex\u00e4mple.com",
        "u@localhost", "u@a.test", "u@booking.local", "u@fa\u00df.de", "\u7528\u6237@\u4f8b\u5b50.\u4e2d\u56fd",
        "u@example\u3002com", "l" * 64 + "@example.com", "\u00fc" * 32 + "@example.com", f"{'l' * 64}@{DOMAIN_OF_189}",
        "u@1.2.3.com", "u@xn--fa-hia.de", "\u0909\u092a\u092f@\u0909\u0926\u093e\u0939\u0930\u0923.\u092d\u093e",
    ],
)  # fmt: skip
def test_these_are_addresses(address: str) -> None:
    require_address(address)


@pytest.mark.parametrize(
    "text",
    [
        "", "ada", "@example.com", "ada@", "a@b@c.com", "Ada <ada@example.com>", "<ada@example.com>",
        "ada\uff20example.com",
        # Each of these may be another spelling of an address that needs none of it (RFC 5321, section 4.1.2).
        '"ada"@example.com', '"a b"@example.com', '"a@b"@example.com', "ada(comment)@example.com",
        "(comment)ada@example.com", "ada@example.com(comment)", "ada @example.com", "ada@ example.com",
        # Addresses of machines, not of mailboxes' domains.
        "u@[127.0.0.1]", "u@[IPv6:::1]", "u@127.0.0.1", "u@127.1", "u@2130706433", "u@x.123", "u@\uff11\uff12\uff17.1",
        # Lengths of RFC 5321, section 4.5.3.1, in bytes.
        "l" * 65 + "@example.com", "\u00fc" * 33 + "@example.com", "\U0001f600" * 17 + "@example.com",
        "\ufdfa" * 20 + "@example.com", f"{'l' * 64}@{DOMAIN_OF_189}c", f"u@{'a' * 64}.com", f"u@{chr(0xFC) * 60}.com",
        ".a@x.com", "a.@x.com", "a..b@x.com", "u@.x.com", "u@x..com", "u@x.com.", "u@-x.com", "u@x-.com",
        "u@foo_bar.com",
        "u@ab--cd.com", "u@xn--", "u@xn--a-.com", "u@xn--0.com", "u@XN--b\u00fccher.de", "u@\u2488com", "u@i\u2764.ws",
        "u@x.invalid", "u@x.onion", "u@1.\u05d0\u05d1.com", "u@a\u202eb.com", "a\u200bb@x.com", "a\u00adb@x.com",
        "\u0301a@x.com", "a\ue000@x.com", "u@exam\u00adple.com",
    ],
)  # fmt: skip
def test_these_are_none(text: str) -> None:
    with pytest.raises(NotAnAddressError) as refusal:
        require_address(text)
    assert str(refusal.value)


def is_address(text: str) -> bool:
    try:
        require_address(text)
    except NotAnAddressError:
        return False
    return True


HOSTILE = (
    "aZ0.-_@xn--\uff20\ufe6b\u00df\u1e9e\u03c3\u03c2\u017f\u0130\u0131\u212a\u00fc\u0308\u3002\uff0e\uff61\u2024\u2488"
    "\u200c\u200d\u00ad\ufe0f\u05d0\u0660\uff21\u1fef"
)
ANY = st.text(st.characters() | st.sampled_from(HOSTILE), max_size=40)


@settings(max_examples=500, deadline=None)
@given(text=ANY | st.builds("{}@{}".format, ANY, ANY) | st.emails())
@example(text="@xn--99999999999.com")
def test_any_text_has_a_key_without_capital_letters(text: str) -> None:
    # Migration 0002 counts on that: who gets a key with capital letters in it is found by no text.
    key = email_key(text)
    assert not any("A" <= character <= "Z" for character in key)
    assert unicodedata.is_normalized("NFKC", key.rpartition("@")[0])


@settings(max_examples=500, deadline=None)
@given(text=st.builds("{}@{}".format, ANY, st.builds("{}.com".format, ANY)) | st.emails())
def test_every_address_has_a_key_of_a_letters_that_fits(text: str) -> None:
    assume(is_address(text))
    found = email_validator.validate_email(text, check_deliverability=False, globally_deliverable=False)
    key = email_key(text)
    assert key.rpartition("@")[2] == found.ascii_domain
    assert key == email_key(found.normalized)
    assert len(key) <= EMAIL_KEY_LENGTH_MAX
