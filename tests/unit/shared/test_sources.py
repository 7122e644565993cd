"""`.env` and files of secrets, as editors, shells and other programs write them."""

import os
from pathlib import Path

import pytest

from shared.configuration.sources import FILE_BYTES_MAX, Found, UnreadableError, find, read_text

NAME = "A_VARIABLE_OF_THIS_TEST"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found_in_dotenv(folder: Path, content: bytes) -> str | None:
    (folder / ".env").write_bytes(content)
    found = find([NAME])
    return found.value if found else None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("plain", "plain"), ("  plain  ", "plain"), ("a#b", "a#b"), ("a # a comment", "a"),
        ("a$b${HOME}", "a$b${HOME}"),
        ("'a # b'", "a # b"), ("'${HOME} $HOME $$ `x`'", "${HOME} $HOME $$ `x`"), ('"${HOME}"', "${HOME}"),
        (r"'it\'s'", "it's"), (r"'a\\b\n'", r"a\b\n"), (r'"a\\b\"c"', r'a\b"c'), ('"a\'b"', "a'b"), ("'a\"b'", 'a"b'),
        ("pässword", "pässword"), ("'mysql+pymysql://u:p%23w@h/d'", "mysql+pymysql://u:p%23w@h/d"), ("a=b", "a=b"),
    ],
)  # fmt: skip
def test_a_value_of_dotenv_is_what_its_writer_means(folder: Path, written: str, meant: str) -> None:
    assert found_in_dotenv(folder, f"OTHER=1\n{NAME}={written}\nLAST=2\n".encode()) == meant


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfA_VARIABLE_OF_THIS_TEST=v\n", b"A_VARIABLE_OF_THIS_TEST=v\r\n", b"A_VARIABLE_OF_THIS_TEST=v",
        b"export A_VARIABLE_OF_THIS_TEST = v\n", b"# a comment\n\n  A_VARIABLE_OF_THIS_TEST=v  # another\n",
        b"A_VARIABLE_OF_THIS_TEST=early\nA_VARIABLE_OF_THIS_TEST=v\n",
    ],
)  # fmt: skip
def test_a_dotenv_of_any_editor_is_read(folder: Path, content: bytes) -> None:
    assert found_in_dotenv(folder, content) == "v"


SPECIFIC = f"SPECIFIC_{NAME}"


@pytest.mark.parametrize("specific", [f"{SPECIFIC}=v\n", f"{SPECIFIC}_FILE=file\n"])
@pytest.mark.parametrize("common", [NAME, f"{NAME}_FILE"])
def test_the_more_specific_name_counts_wherever_it_stands(
    folder: Path, monkeypatch: pytest.MonkeyPatch, specific: str, common: str
) -> None:
    (folder / "file").write_text("v")
    (folder / ".env").write_text(specific)
    (folder / "of another").write_text("of another")
    monkeypatch.setenv(common, "of another")
    found = find([SPECIFIC, NAME])
    assert found == Found(specific.partition("=")[0], "v")
    monkeypatch.setenv(SPECIFIC, "of this shell")
    assert find([SPECIFIC, NAME]) == Found(SPECIFIC, "of this shell")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (f"{NAME}=v\n".encode("utf-16"), "UTF-8"),  # PowerShell's `>`
        (f"{NAME}=v\n".encode("utf-16-le"), "UTF-8"),
        (f"{NAME}=pässword\n".encode("latin-1"), "UTF-8"),
        (f"OTHER=1\n{NAME}='never closed\nTHIRD=3\n".encode(), "line 2"),
        (b"OTHER=1\n\n= no name\n", "line"),
        (f'{NAME}="a" b\n'.encode(), "line 1"),
    ],
)
def test_a_dotenv_that_cannot_be_read_is_named(folder: Path, content: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=rf"^\.env: .*{why}") as raised:
        found_in_dotenv(folder, content)
    assert "\n" not in str(raised.value)
    assert "pässword" not in str(raised.value)


def test_a_folder_called_dotenv_is_somebody_elses(folder: Path) -> None:
    (folder / ".env").mkdir()  # `python -m venv .env`
    assert find([NAME]) is None


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfs3cret\r\n", b"s3cret\n", b"  s3cret", b"\xef\xbb\xbf s3cret\n\n"])
def test_a_secret_is_the_same_whatever_editor_wrote_it(folder: Path, content: bytes) -> None:
    (folder / "file").write_bytes(content)
    (folder / ".env").write_text(f"{NAME}_FILE=file\n")
    assert find([NAME]) == Found(f"{NAME}_FILE", "s3cret")


def test_a_file_that_never_ends_is_given_up() -> None:
    with pytest.raises(UnreadableError, match=str(FILE_BYTES_MAX)):
        read_text(Path("/dev/zero"))


def test_bytes_of_the_environment_that_are_no_text_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, os.fsdecode(b"p\xe4ss"))
    with pytest.raises(UnreadableError, match=NAME):
        find([NAME])
