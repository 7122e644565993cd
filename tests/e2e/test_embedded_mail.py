"""Mail in `make run`: a file, and its link in a log."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import httpx
import pytest

from tests.deploy.embedded import Embedded
from tests.fixtures.servers import wait_until


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    embedded = Embedded(tmp_path / "data")
    yield embedded
    if embedded.launcher is not None and embedded.launcher.poll() is None:
        embedded.stop()


@pytest.mark.timeout(240)
def test_mail_is_a_file_and_its_link_is_in_the_log(embedded: Embedded) -> None:
    embedded.start()
    headers = {"Authorization": f"Bearer {embedded.register()}", "Accept-Language": "fr"}
    assert httpx.post(f"{embedded.auth}/users/me/verification", headers=headers).status_code == 202

    log = embedded.data / "logs" / "deliveries.log"
    wait_until(lambda: "#token=" in log.read_text(), "the mail is written")
    (file,) = (embedded.data / "mail").iterdir()
    message = message_from_bytes(file.read_bytes(), policy=policy.SMTP)
    link = re.search(r"http://localhost:[0-9]+/verify-email#token=(\S+)", log.read_text())
    assert link is not None
    assert message["Subject"] == "Confirmez votre adresse e-mail"
    assert link[0] in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # a letter has one
    assert httpx.post(f"{embedded.auth}/verify-email", json={"token": link[1]}).status_code == 204
    assert f"mail     {embedded.data}/mail" in embedded.output
