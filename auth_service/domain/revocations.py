"""What was revoked lately: which access tokens are no longer good although they have not ended."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from auth_service.domain.models import Session, User
from shared.clock import seconds_since_epoch
from shared.identity.revocations import MARGIN, Revoked

# A commit may come so much later than the moment that it carries: longer than a transaction is repeated for.
COMMITS_LATE: Final = timedelta(seconds=60)


def revoked_since(connection: Connection, since: datetime, token_life: timedelta) -> Revoked:
    """Return what was revoked after ``since``, each until the last of its tokens has ended."""
    ended = select(Session.id, Session.ended_at).where(Session.ended_at > since)
    renewed = select(User.id, User.token_version, User.tokens_revoked_at).where(User.tokens_revoked_at > since)

    def until(moment: datetime | None) -> int:
        return seconds_since_epoch((moment or since) + token_life + MARGIN)

    return Revoked(
        sessions={session_id.hex: until(at) for session_id, at in connection.execute(ended)},
        accounts={account_id: (version, until(at)) for account_id, version, at in connection.execute(renewed)},
    )
