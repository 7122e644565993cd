"""`python -m deploy.compose.secrets_job`: makes every secret of the containers on the first start.

One folder for each reader, so that each container sees only what it needs; what is already there stays as it is.
"""

from functools import partial
from pathlib import Path

from auth_service.domain.signing import new_private_key
from deploy.secret_files import encryption_secret, keep, password
from shared.identity.jwk import RS256

FOLDER = Path("/run/secrets")
FOLDERS = ("mysql", "redis", "auth", "booking", "deliveries")
MYSQL_USER = "event_booking"
# Redis reads its file as a user of its own image. Only that container sees the folder.
FOR_ANOTHER_USER = 0o444

MYSQL_CLIENT = """\
[client]
user={user}
password={password}
protocol=tcp
host=127.0.0.1
"""


def main(folder: Path = FOLDER) -> None:
    """Fill FOLDERS below ``folder``."""
    mysql, redis, auth, booking, post = (folder / name for name in FOLDERS)
    keep(mysql / "root_password", password)
    user_password = keep(mysql / "user_password", password)
    keep(mysql / "client.cnf", lambda: MYSQL_CLIENT.format(user=MYSQL_USER, password=user_password))
    redis_password = keep(redis / "password", password, FOR_ANOTHER_USER)
    keep(redis / "redis.conf", lambda: f"requirepass {redis_password}", FOR_ANOTHER_USER)
    for name, reader in (("auth", auth), ("booking", booking), ("auth", post)):
        url = f"mysql+pymysql://{MYSQL_USER}:{user_password}@mysql:3306/{name}"
        keep(reader / "database_url", partial(str, url))
    keep(auth / "jwt_private_key", partial(new_private_key, RS256))
    keep(auth / "key_encryption_secret", encryption_secret)
    for reader in (auth, booking, post):
        keep(reader / "redis_url", lambda: f"redis://:{redis_password}@redis:6379/0")
    mail_token_secret = keep(auth / "mail_token_secret", password)
    keep(post / "mail_token_secret", partial(str, mail_token_secret))
    keep(auth / "admin_password", password)


if __name__ == "__main__":
    main()
