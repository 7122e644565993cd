"""The texts of the letters, in English; each `_(…)` is a sentence for translators. `make catalogues` collects them.

A comment that begins with `For translators:` is shown to them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from gettext import NullTranslations
from typing import Final

from auth_service.domain.outbox import PASSWORD_CHANGED, PASSWORD_RESET, VERIFICATION

MINUTES_PER_HOUR: Final = 60
# A lifetime of fewer hours is told in minutes.
HOURS_MIN: Final = 2

Gettext = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Text:
    """What a letter says. ``page`` is where its link leads, and None where it has none."""

    subject: str
    before: tuple[str, ...]  # paragraphs, as the next one
    after: tuple[str, ...]
    page: str | None = None
    button: str = ""


def text_of(kind: str, translations: NullTranslations, lifetime_minutes: int) -> Text:
    """Return what the letter ``kind`` says. Raises LookupError for a letter that there is not."""
    return TEXTS[kind](translations.gettext, _lifetime(translations, lifetime_minutes))


def greeting(translations: NullTranslations) -> str:
    """Return what every letter begins with."""
    _ = translations.gettext
    # For translators: the reader's name is not known.
    return _("Hello,")


def closing(translations: NullTranslations) -> str:
    """Return what every letter ends with."""
    _ = translations.gettext
    return _("This mail was sent by a program. Nobody reads answers to it.")


def _lifetime(translations: NullTranslations, minutes: int) -> str:
    ngettext = translations.ngettext
    hours, rest = divmod(minutes, MINUTES_PER_HOUR)
    if hours >= HOURS_MIN and not rest:
        words = ngettext("The link works once, for {count} hour.", "The link works once, for {count} hours.", hours)
        return words.format(count=hours)
    words = ngettext("The link works once, for {count} minute.", "The link works once, for {count} minutes.", minutes)
    return words.format(count=minutes)


def _verification(_: Gettext, lifetime: str) -> Text:
    return Text(
        subject=_("Confirm your e-mail address"),
        before=(_("Please confirm that this is your address, for your account at our event booking."),),
        page="verify-email",
        button=_("Confirm the address"),
        after=(
            lifetime,
            _("If you have no account with us, ignore this mail: somebody has mistaken your address for theirs."),
        ),
    )


def _password_reset(_: Gettext, lifetime: str) -> Text:
    return Text(
        subject=_("Set a new password"),
        before=(_("Somebody has asked for a new password for your account at our event booking."),),
        page="password-reset",
        button=_("Set a new password"),
        after=(lifetime, _("If it was not you, ignore this mail: your password stays as it is.")),
    )


def _password_changed(_: Gettext, _lifetime: str) -> Text:
    return Text(
        subject=_("Your password was changed"),
        before=(
            _("The password of your account at our event booking was changed, and you were logged out everywhere."),
        ),
        after=(
            _(
                "If it was not you, somebody else reads your mail: change the password of your mailbox first, "
                "then ask us for a new password."
            ),
        ),
    )


TEXTS: Final[Mapping[str, Callable[[Gettext, str], Text]]] = {
    VERIFICATION: _verification,
    PASSWORD_RESET: _password_reset,
    PASSWORD_CHANGED: _password_changed,
}
