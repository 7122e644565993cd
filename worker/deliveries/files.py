"""Mail as files, for trying things out: nothing is sent, and the link is in the log."""

import os
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from shared.outbox.turn import Later

OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class FileMailer:
    """Writes each message into a folder, under the name of its id, so that a repetition is the same file."""

    folder: Path

    def send(self, message: EmailMessage) -> None:
        """Write ``message`` as `<id>.eml`, whole or not at all. Raises Later when that cannot be done."""
        name = str(message["Message-ID"]).partition("@")[0].removeprefix("<")
        temporary = self.folder / f".{name}.{os.getpid()}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.touch(mode=OWNER_ONLY)
            temporary.write_bytes(message.as_bytes())
            temporary.replace(self.folder / f"{name}.eml")
        except OSError as error:
            msg = f"MAIL_FOLDER: {self.folder}: {error.strerror}"
            raise Later(msg) from error
