from pathlib import Path

from deploy import configuration

FILE = Path(__file__).resolve().parents[2] / ".env.example"


def test_the_file_is_what_the_classes_say() -> None:
    assert FILE.read_text(encoding="utf-8") == configuration.example(), "python -m deploy.configuration > .env.example"


def test_copying_it_changes_nothing() -> None:
    lines = configuration.example().splitlines()
    assert all(not line or line.startswith("#") for line in lines)


def test_readme_has_the_table_of_all_variables() -> None:
    readme = (FILE.parent / "README.md").read_text(encoding="utf-8")
    assert configuration.table() in readme, "put the output of `python -m deploy.configuration table` into README.md"
