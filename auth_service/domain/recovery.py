"""A new password for who has forgotten the old one and reads the account's mailbox."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select, update

from auth_service.domain import one_time_tokens, outbox
from auth_service.domain.audit_log import Act, By
from auth_service.domain.mailboxes import email_key
from auth_service.domain.models import User
from auth_service.domain.one_time_tokens import RESET
from auth_service.domain.outbox import PASSWORD_CHANGED, PASSWORD_RESET, Letter
from auth_service.domain.sessions import records
from shared.database.clock import database_now
from shared.languages import spoken

ENDED_BY: Final = "password_reset"  # why the sessions of before have ended


def ask(  # noqa: PLR0913  what a request says, and by which rules it is served
    connection: Connection, email: str, accept_language: str, by: By, *, secret: str, lifetime: timedelta
) -> None:
    """Have a link sent to ``email`` if an account has it, and do the same work if none has.

    One account is read, one token, one row of the outbox and one of the audit trail are written in either case, so that
    neither answer nor time tells who has an account. What was written for nobody is deleted some days later.
    """
    key = email_key(email)
    account = connection.execute(
        select(User.id, User.email, User.locale).where(User.email_key == key, User.disabled_at.is_(None))
    ).one_or_none()
    now = database_now(connection)
    link = one_time_tokens.issue(
        connection,
        secret=secret,
        account_id=account.id if account else None,
        purpose=RESET,
        email_key=key if account else "",
        now=now,
        lifetime=lifetime,
    )
    by.record(connection, Act.PASSWORD_RESET_ASKED, account.id if account else None)
    minutes = lifetime // timedelta(minutes=1)
    if account is None:
        outbox.pretend(connection, Letter(PASSWORD_RESET, email, spoken(None, accept_language), link, minutes), now)
    else:
        letter = Letter(PASSWORD_RESET, account.email, spoken(account.locale, accept_language), link, minutes)
        outbox.put(connection, letter, now, deliver_until=now + lifetime)


def require_usable(connection: Connection, token: str, now: datetime) -> None:
    """Refuse a token that `reset` would refuse, before a password is hashed for it. Raises UnusableLink."""
    one_time_tokens.look(connection, token, RESET, now)


def reset(connection: Connection, token: str, password_hash: str, accept_language: str, by: By) -> None:
    """Give the account of ``token`` another password, end its sessions, and tell its owner. Raises UnusableLink.

    Who got the mail reads the mailbox, so it is verified by that. Safe to repeat with the same ``by``.
    """
    redeemed = one_time_tokens.redeem(connection, token, RESET, by.at)
    if redeemed.is_repeated:
        return
    whose = User.id == redeemed.account_id
    account = connection.execute(select(User.email, User.locale, User.verified_at).where(whose)).one()
    renewed = {"password_hash": password_hash, "verified_at": account.verified_at or by.at}
    connection.execute(update(User).where(whose).values(renewed))
    by.record(connection, Act.PASSWORD_RESET, redeemed.account_id)
    records.end_all(connection, redeemed.account_id, ENDED_BY, by)
    notice = Letter(PASSWORD_CHANGED, account.email, spoken(account.locale, accept_language))
    outbox.put(connection, notice, database_now(connection))
