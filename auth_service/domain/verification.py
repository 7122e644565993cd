"""Whether an account's owner reads the mailbox that it names."""

from datetime import timedelta

from sqlalchemy import Connection, select, update

from auth_service.domain import one_time_tokens, outbox
from auth_service.domain.audit_log import Act, By
from auth_service.domain.errors import AccountGone, AlreadyVerified
from auth_service.domain.models import User
from auth_service.domain.one_time_tokens import VERIFY
from auth_service.domain.outbox import VERIFICATION, Letter
from shared.database.clock import database_now
from shared.languages import spoken


def ask(connection: Connection, account_id: int, accept_language: str, *, secret: str, lifetime: timedelta) -> None:
    """Have a link sent to the address of ``account_id``. Raises AccountGone or AlreadyVerified."""
    account = connection.execute(
        select(User.email, User.email_key, User.locale, User.verified_at).where(
            User.id == account_id, User.disabled_at.is_(None)
        )
    ).one_or_none()
    if account is None:
        raise AccountGone
    if account.verified_at is not None:
        raise AlreadyVerified
    now = database_now(connection)
    link = one_time_tokens.issue(
        connection,
        secret=secret,
        account_id=account_id,
        purpose=VERIFY,
        email_key=account.email_key,
        now=now,
        lifetime=lifetime,
    )
    language = spoken(account.locale, accept_language)
    letter = Letter(VERIFICATION, account.email, language, link, lifetime // timedelta(minutes=1))
    outbox.put(connection, letter, now, deliver_until=now + lifetime)


def verify(connection: Connection, token: str, by: By) -> None:
    """Note that whoever has ``token`` reads its mailbox. Raises UnusableLink. Safe to repeat with the same ``by``."""
    redeemed = one_time_tokens.redeem(connection, token, VERIFY, by.at)
    if not redeemed.is_repeated:
        mailbox = (User.id == redeemed.account_id, User.email_key == redeemed.email_key)
        connection.execute(update(User).where(*mailbox).values(verified_at=by.at))
        by.record(connection, Act.ADDRESS_VERIFIED, redeemed.account_id)
