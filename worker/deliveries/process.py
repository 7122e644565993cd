"""What one process of deliveries holds: made when its first task runs, which is after the fork."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from functools import cache
from pathlib import Path

from auth_service.domain import one_time_tokens
from auth_service.domain.installation import installation_name
from auth_service.domain.models import Outbox
from shared.configuration.settings import load
from shared.database.units import Database
from shared.outbox.nudge import NudgePublisher, deliveries_queue
from shared.outbox.turn import Deliverer, Retries
from worker.consuming import CONNECT_SECONDS
from worker.deliveries.files import FileMailer
from worker.deliveries.post import Post
from worker.deliveries.sender import Sender
from worker.deliveries.settings import DeliverySettings
from worker.deliveries.smtp import SmtpMailer
from worker.installation import wait_for_name

CONNECTIONS = 1  # a task does one thing at a time
# A task is killed after DELIVERY_SECONDS_MAX; this much later somebody else may take what it had.
LEASE_SECONDS_SPARE = 10


@dataclass(frozen=True, slots=True)
class Process:
    """Everything that a task needs: nothing to deliver with when mail is off."""

    deliverer: Deliverer | None


@cache
def settings() -> DeliverySettings:
    """Return the configuration, read once. Ends the process with one line when something is wrong with it."""
    return load(DeliverySettings)


@cache
def queue() -> str:
    """Return what this installation calls its queue, once the database has said it."""
    return deliveries_queue(wait_for_name(settings(), settings().database_url, installation_name))


@cache
def publisher() -> NudgePublisher:
    """Return this process's way to send messages."""
    return NudgePublisher.connect(settings().redis_url.get_secret_value(), queue, timeout_seconds=CONNECT_SECONDS)


@cache
def process() -> Process:
    """Return what this process holds."""
    configured = settings()
    if configured.mail_mode == "off" or configured.mail_from is None or configured.mail_token_secret is None:
        return Process(None)
    sender = Sender.of(configured.mail_from)
    post = Post(
        mailer=_mailer(configured, sender),
        sender=sender,
        link_base=configured.mail_link_base or "",
        secret=configured.mail_token_secret.get_secret_value(),
        shows_links=configured.mail_mode == "file",
    )
    database = Database.connect(configured.database_url.get_secret_value(), configured, CONNECTIONS)
    retries = Retries(
        attempts_max=configured.delivery_attempts_max,
        pause_seconds=configured.delivery_pause_seconds,
        pause_seconds_max=configured.delivery_pause_seconds_max,
    )
    lease = timedelta(seconds=configured.delivery_seconds_max + LEASE_SECONDS_SPARE)
    return Process(Deliverer(database, Outbox, post.send, retries, lease, one_time_tokens.forget))


def _mailer(configured: DeliverySettings, sender: Sender) -> Callable[[EmailMessage], None]:
    if configured.mail_mode == "file":
        return FileMailer(configured.mail_folder or Path()).send
    return SmtpMailer(configured, sender.domain).send
