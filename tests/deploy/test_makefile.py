"""The manual: what `make` prints, and what it says to a machine that cannot run it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MAKEFILE = REPOSITORY / "Makefile"


def _make(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    shutil.copy(MAKEFILE, folder)
    (folder / "requirements.lock").touch()
    (folder / "requirements-dev.lock").touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)


def _python(folder: Path, version: str, *, with_venv: bool) -> str:
    """Write a stand-in for an interpreter that this machine does not have."""
    program = folder / "python-of-a-test"
    old = "1" if tuple(map(int, version.split("."))) < (3, 11) else "0"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in\n-V) echo Python {version} ;;\n*version_info*) exit {old} ;;\n'
        f"*ensurepip*) exit {0 if with_venv else 1} ;;\n*) exit 99 ;;\nesac\n"
    )
    program.chmod(0o755)
    return str(program)


def test_bare_make_prints_every_target_with_a_line_of_its_own(tmp_path: Path) -> None:
    printed = _make(tmp_path)
    targets = re.search(r"^TARGETS := (.*)$", MAKEFILE.read_text(), re.MULTILINE)
    assert targets is not None
    assert printed.returncode == 0
    assert re.findall(r"^  make (\S+) +\S", printed.stdout, re.MULTILINE) == targets.group(1).split()


@pytest.mark.parametrize("target", ["run", "test", "lint"])
def test_an_old_python_is_told_in_one_line(tmp_path: Path, target: str) -> None:
    finished = _make(tmp_path, target, f"PYTHON={_python(tmp_path, '3.10', with_venv=True)}")
    line, *rest = finished.stderr.splitlines()
    assert line.startswith("Python 3.11 or later is needed")
    assert "3.10" in line
    assert len(rest) == 1, "only make's own line comes after it"


def test_a_python_without_venv_is_told_in_one_line(tmp_path: Path) -> None:
    finished = _make(tmp_path, "run", f"PYTHON={_python(tmp_path, '3.12', with_venv=False)}")
    assert "python3-venv" in finished.stderr.splitlines()[0]


def test_a_missing_python_is_told_in_one_line(tmp_path: Path) -> None:
    finished = _make(tmp_path, "run", "PYTHON=python-that-nobody-has")
    assert "there is no python-that-nobody-has" in finished.stderr.splitlines()[0]


def test_nothing_is_installed_again_while_the_lock_files_stay_the_same(tmp_path: Path) -> None:
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    shutil.copy(MAKEFILE, tmp_path)
    for name in ("requirements.lock", "requirements-dev.lock"):
        (tmp_path / name).touch()
    (binaries / "python").symlink_to(sys.executable)
    for name in ("run.stamp", "dev.stamp"):
        (tmp_path / ".venv" / name).touch()
    up_to_date = subprocess.run(["make", "-q", ".venv/run.stamp", ".venv/dev.stamp"], cwd=tmp_path, check=False)
    assert up_to_date.returncode == 0
