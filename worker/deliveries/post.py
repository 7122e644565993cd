"""From a row of the outbox to a message on its way."""

import hmac
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage

from auth_service.domain.one_time_tokens import hash_of, token_of
from auth_service.domain.outbox import Letter, letter_of
from auth_service.letters.writing import write
from shared.outbox.claims import Claim
from shared.outbox.turn import Later, Refused
from worker.deliveries.message import message_of
from worker.deliveries.sender import Sender

OTHER_SECRET = "MAIL_TOKEN_SECRET is not that of the auth service: no link of this mail would work"  # noqa: S105  words

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """Writes letters and hands them to ``mailer``. ``shows_links``: into the log, where mail is only tried out."""

    mailer: Callable[[EmailMessage], None]
    sender: Sender
    link_base: str
    secret: str
    shows_links: bool

    def send(self, claim: Claim) -> None:
        """Send the letter of a row. Raises Later or Refused, whose text names no address."""
        letter = letter_of(claim.kind, claim.payload)
        written = write(letter, self.link_base, self._token(letter))
        message = message_of(written, letter.address, claim.id, claim.created_at, self.sender)
        try:
            self.mailer(message)
        except (Later, Refused) as outcome:
            raise type(outcome)(_without_address(str(outcome), message)) from outcome
        if self.shows_links and written.link:
            log.info("link of %s %s: %s", claim.kind, claim.id, written.link)

    def _token(self, letter: Letter) -> str | None:
        if letter.link is None:
            return None
        token = token_of(self.secret, letter.link.token_id)
        if not hmac.compare_digest(hash_of(token), letter.link.token_hash):
            raise Later(OTHER_SECRET)
        return token


def _without_address(reply: str, message: EmailMessage) -> str:
    # A server repeats the address in its answer, and the answer is logged.
    addresses = (address.addr_spec for address in message["To"].addresses)
    return re.sub("|".join(map(re.escape, addresses)), "…", reply, flags=re.IGNORECASE)
