from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.secret_files import keep, password, rsa_private_key


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


def test_the_signing_key_is_rsa_of_2048_bits_or_more() -> None:
    key = load_pem_private_key(rsa_private_key().encode(), None)
    assert isinstance(key, RSAPrivateKey)
    assert key.key_size >= 2048
