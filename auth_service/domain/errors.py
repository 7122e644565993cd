"""What can be wrong with an account or a login.

Problem
├── Conflict 409
│   ├── EmailTaken
│   ├── LastAdmin             somebody must be left who can let others in
│   ├── AlreadyVerified
│   └── MailOff               this installation sends no mail
├── Forbidden 403
│   ├── NotYourself           one's own rights are changed by others
│   ├── RoleNotAllowed        nobody gives a role that may do more than they may
│   └── WrongPassword         the current one was asked for
├── InvalidInput 422
│   ├── PasswordTooShort
│   ├── PasswordTooCommon     among those that are tried first
│   └── UnusableLink          says the same for every reason
├── Unauthenticated 401
│   ├── WrongCredentials      says the same for every reason
│   ├── RefreshTokenRefused   unknown, ended, or used before
│   └── InvalidToken
│       └── AccountGone       a good token of a deleted or disabled user
└── Unavailable 503
    └── NoSigningKey          readiness and the log say what is wrong with the keys
"""

from shared.errors import Conflict, FieldError, Forbidden, InvalidInput, InvalidToken, Unauthenticated, Unavailable

LENGTH_MIN_DEFAULT = 8  # of PASSWORD_LENGTH_MIN; only OpenAPI's example does not ask the settings


class EmailTaken(Conflict):
    """Another account has this mailbox, in this or another spelling."""

    code, title = "email-taken", "This e-mail address is taken"
    # A client whose first attempt was answered 503 in the middle of the commit learns here that it went through.
    default_detail = (
        "Log in with it, or use another address. If an earlier attempt of yours got no answer or a 503, "
        "it may have made the account: try its password."
    )


class LastAdmin(Conflict):
    """The only admin that there is cannot go."""

    code, title = "last-admin", "This is the only admin"
    default_detail = "Make another one first."


class NotYourself(Forbidden):
    """Somebody wants to change their own role, or disable themselves."""

    code, title = "not-yourself", "Nobody changes their own rights"
    default_detail = "Ask another admin."


class WrongPassword(Forbidden):
    """The current password, which was asked for, is another."""

    code, title = "wrong-password", "This is not the current password"
    default_detail = "Send the password that this account has now. Nothing was changed."


class AlreadyVerified(Conflict):
    """The sender's address was verified before."""

    code, title = "already-verified", "This address is verified"
    default_detail = "There is nothing left to do."


class MailOff(Conflict):
    """MAIL_MODE is off, so nobody can be sent a link."""

    code, title = "mail-off", "This installation sends no mail"
    default_detail = "Ask whoever runs it."


class RoleNotAllowed(Forbidden):
    """The creator of an account may not give it this role."""

    code, title = "role-not-allowed", "You may not give this role"
    default_detail = "Ask somebody who may manage users and may do what the role may; or register as `user`."


class PasswordTooShort(InvalidInput):
    """The new password has fewer characters than PASSWORD_LENGTH_MIN."""

    def __init__(self, length_min: int = LENGTH_MIN_DEFAULT, pointer: str = "#/password") -> None:
        super().__init__(errors=(FieldError(f"Use at least {length_min} characters.", pointer),))


class PasswordTooCommon(InvalidInput):
    """The new password is one of those that are tried first."""

    def __init__(self, pointer: str = "#/password") -> None:
        words = "Use another one: this is among those that people choose most often, so it is tried first."
        super().__init__(errors=(FieldError(words, pointer),))


class UnusableLink(InvalidInput):
    """A token that is unknown, used, at its end, not the newest, for something else, or of an address that is gone."""

    code, title = "unusable-link", "This link cannot be used any more"
    default_detail = "Ask for a new one; each works once, for a while, and only the newest."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("Use the token of the newest mail.", "#/token"),))


class WrongCredentials(Unauthenticated):
    """Unknown e-mail, wrong password or disabled account: which of them, nobody is told."""

    code, title = "wrong-credentials", "The e-mail address or the password is wrong"
    default_detail = "Check both and try again."


class RefreshTokenRefused(Unauthenticated):
    """A refresh token that nobody was given, whose session is over, or that was used before."""

    code, title = "refresh-token-refused", "This refresh token is not good"
    default_detail = "Log in again. Each refresh token is good once: keep the newest one."


class AccountGone(InvalidToken):
    """The token is good, and its user was deleted or disabled since."""

    code, title = "account-gone", "This account is no longer there"
    default_detail = "It was disabled or deleted after this token was issued. Log in with another."


class NoSigningKey(Unavailable):
    """The keys are not known yet, or the one that is to sign cannot be opened."""

    code, title = "no-signing-key", "Tokens cannot be given out at this moment"
