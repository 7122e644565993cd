from pathlib import Path

from deploy import env_example

FILE = Path(__file__).resolve().parents[2] / ".env.example"


def test_the_file_is_what_the_classes_say() -> None:
    assert FILE.read_text(encoding="utf-8") == env_example.text(), "python -m deploy.env_example > .env.example"


def test_copying_it_changes_nothing() -> None:
    lines = env_example.text().splitlines()
    assert all(not line or line.startswith("#") for line in lines)
