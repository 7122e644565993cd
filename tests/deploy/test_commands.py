"""Our processes are run by the same commands everywhere: here, in containers and in the operator's guide."""

from pathlib import Path

import pytest

from deploy.commands import AUTH, BEAT, BOOKING, WORKER

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE = (REPOSITORY / "docker-compose.yml").read_text()
OPERATING = (REPOSITORY / "docs" / "operating.md").read_text()


def words(command: tuple[str, ...]) -> list[str]:
    """Return what an operator types for ``command``, which is what Python is given."""
    dash_m, module, *_ = command
    assert dash_m == "-m"
    return ["python", *command] if module != "celery" else list(command[1:])


@pytest.mark.parametrize("command", [AUTH, BOOKING, WORKER, BEAT], ids=["auth", "booking", "worker", "beat"])
def test_containers_and_the_guide_have_the_same_command(command: tuple[str, ...]) -> None:
    assert f"command: [{', '.join(words(command))}]\n" in COMPOSE
    assert f"| `{' '.join(words(command))}` |" in OPERATING
