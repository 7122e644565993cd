"""Programs are found where people install them, and not in a virtual environment that happens to come first."""

from pathlib import Path

import pytest

from lab.programs import find_program

NAME = "a-server-of-this-test"


def install(folder: Path) -> Path:
    folder.mkdir(parents=True)
    program = folder / NAME
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment."""
    (tmp_path / "environment").mkdir()
    (tmp_path / "environment/pyvenv.cfg").touch()
    return tmp_path / "environment"


def test_the_program_of_the_machine_is_found_behind_that_of_a_virtual_environment(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(environment / "bin")
    ours = install(tmp_path / "machine")
    monkeypatch.setenv("PATH", f"{environment}/bin:{tmp_path}/machine")
    assert find_program(NAME) == str(ours)


def test_a_program_of_a_virtual_environment_alone_is_none(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(environment / "bin")
    monkeypatch.setenv("PATH", f"{environment}/bin")
    assert find_program(NAME) is None


def test_the_first_name_that_is_installed_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = install(tmp_path / "machine")
    monkeypatch.setenv("PATH", f"{tmp_path}/machine")
    assert find_program("another-that-nobody-has", NAME) == str(ours)
