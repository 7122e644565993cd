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
    return _run(folder, *arguments)


def _run(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")} | variables
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


def test_it_is_run_from_any_folder(tmp_path: Path) -> None:
    """A colon, a quote and blanks in its path mean something to make, and do not stand in the way."""
    strange = tmp_path / "a: b  'c' $HOME 100% \"ü\""
    strange.mkdir()
    there = _make(strange)
    assert there.returncode == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "Makefile").write_text("help:\n\t@echo another\n")
    assert _run(elsewhere, "-f", str(strange / "Makefile")).stdout == there.stdout


def test_a_path_that_no_virtual_environment_can_have_is_told_in_one_line(tmp_path: Path) -> None:
    strange = tmp_path / "a:b"
    strange.mkdir()
    said = _make(strange, "run", f"PYTHON={sys.executable}").stderr.splitlines()
    assert f"{strange}, whose path has a colon" in said[0]
    assert len(said) == 2, "only make's own line comes after it"
    for path in ("/a:b/venv", "/a b/venv"):
        (line,) = _run(strange, "run", f"VENV={path}").stderr.splitlines()
        assert f'VENV is "{path}"' in line


def test_variables_of_others_are_not_its_own(tmp_path: Path) -> None:
    others = {
        "VENV": "/a b",
        "PYTHON": "python-that-nobody-has",
        "PYTHONPATH": "/x",
        "PIP_USER": "1",
        "PIP_TARGET": "/x",
    }
    (tmp_path / "python-of-a-test").write_text("#!/bin/sh\nenv >&2\nexit 1\n")
    (tmp_path / "python-of-a-test").chmod(0o755)
    shutil.copy(MAKEFILE, tmp_path)
    (tmp_path / "requirements.lock").touch()
    told = _run(tmp_path, "run", f"PYTHON={tmp_path}/python-of-a-test", **others).stderr
    assert "PATH=" in told
    assert not [name for name in ("PYTHONPATH", "PIP_USER", "PIP_TARGET") if f"\n{name}=" in told]
    assert "python-that-nobody-has" not in _run(tmp_path, "run", "-n", **others).stdout


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
