"""Settings of those who deliver, and a letter."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from uuid import UUID

import pytest

from auth_service.letters.writing import Written
from worker.deliveries.message import message_of
from worker.deliveries.sender import Sender
from worker.deliveries.settings import DeliverySettings

ROW_ID = UUID("01890f3e-0000-7000-8000-000000000001")
WRITTEN_AT = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
SENDER = Sender.of("Tickets <tickets@example.com>")
WRITTEN = Written("de", "Adresse bestätigen", "Guten Tag,\n", "<p>Guten Tag,</p>\n", None)

Settings = Callable[..., DeliverySettings]
Message = Callable[..., EmailMessage]


@pytest.fixture
def settings() -> Settings:
    """Make settings that send by SMTP, with some changed."""

    def make(**changes: object) -> DeliverySettings:
        values = {
            "database_url": "sqlite:///auth.db",
            "redis_url": "redis://127.0.0.1:1/0",
            "mail_mode": "smtp",
            "mail_token_secret": "a secret of thirty-two characters",
            "mail_from": "Tickets <tickets@example.com>",
            "mail_link_base": "https://tickets.example",
            "smtp_host": "127.0.0.1",
            "smtp_tls": "none",
            **changes,
        }
        return DeliverySettings.model_validate(values)

    return make


@pytest.fixture
def message() -> Message:
    """Make a message to an address."""

    def make(address: str = "ada@example.com", row_id: UUID = ROW_ID) -> EmailMessage:
        return message_of(WRITTEN, address, row_id, WRITTEN_AT, SENDER)

    return make
