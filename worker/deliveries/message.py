"""A letter as a message (RFC 5322, RFC 2046): the same bytes at every attempt, so that a repetition is recognised."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from uuid import UUID

import idna

from auth_service.letters.writing import Written
from shared.outbox.turn import Refused
from worker.deliveries.sender import Sender

NO_ADDRESS = "this is no address that mail can be sent to"


def message_of(written: Written, address: str, row_id: UUID, written_at: datetime, sender: Sender) -> EmailMessage:
    """Make the message to ``address``. Raises Refused for an address that no message can be sent to."""
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<{row_id}@{sender.domain}>"
    message["Date"] = written_at
    message["From"] = sender.address
    message["To"] = _recipient(address)
    message["Subject"] = written.subject
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice comes back
    message.set_content(written.text)
    message.add_alternative(written.html, subtype="html")
    message.set_boundary(f"=_{row_id.hex}")
    message["Content-Language"] = written.language  # RFC 3282; set before, it would have become the first part's
    return message


def _recipient(address: str) -> Address:
    local, _, domain = address.strip().rpartition("@")
    if not local:
        raise Refused(NO_ADDRESS)
    try:
        # The domain as DNS and every mail server know it; the part before it is its own server's business (RFC 6531).
        ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode()
        # This also refuses CR and LF, with which an address could add header fields of its own.
        return Address(username=local, domain=ascii_domain)
    except (ValueError, IndexError) as error:  # idna.IDNAError is a ValueError
        raise Refused(NO_ADDRESS) from error
