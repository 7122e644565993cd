from pathlib import Path

from deploy.secret_files import keep, password


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    made = keep(file, password)
    assert keep(file, password) == made == file.read_text().strip()


def test_only_the_owner_may_read_a_secret(tmp_path: Path) -> None:
    keep(tmp_path / "secret", password)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_no_half_written_file_lies_beside_a_secret(tmp_path: Path) -> None:
    keep(tmp_path / "secret", password)
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_two_passwords_differ_and_are_plain_letters_and_digits() -> None:
    one, other = password(), password()
    assert one != other
    assert (one + other).isalnum()
