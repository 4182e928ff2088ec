"""The embedded database's one account: its password file, its user, and the proof that both fit."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from sysproduction.domain.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from pymongo import MongoClient

_USER = "sysproduction"
_USER_EXISTS = 51003
_TIMEOUT_MS = 5000


def address(port: int, password: str | None) -> str:
    """The server's address for clients, with the account's name and password unless that is None."""
    login = "" if password is None else f"{_USER}:{quote_plus(password)}@"
    return f"mongodb://{login}127.0.0.1:{port}/?directConnection=true&authSource=admin"


def is_provisioned(storage: Path) -> bool:
    """Whether a login with the password of the file has once been proved on these data."""
    return _marker(storage).exists()


def mark_provisioned(storage: Path) -> None:
    """Remember that the login was proved; raises OSError."""
    _write_durably(_marker(storage), "The database knows the password in the file beside this one.\n")


def password_of(storage: Path) -> str:
    """The password in the storage folder's file, made if these data never had one.

    Raises ConfigError if it is lost or empty, OSError if it cannot be read or written.
    """
    path = storage / "password"
    if not path.exists():
        if is_provisioned(storage):
            raise ConfigError(f"the embedded database's password file {path} is lost: {_remedy(storage)}")
        _write_durably(path, secrets.token_urlsafe(24) + "\n")
    password = path.read_text().strip()
    if not password:
        raise ConfigError(f"the embedded database's password file {path} is empty: {_remedy(storage)}")
    return password


def create_user(port: int, password: str) -> None:
    """Give the account this password on a server that runs without logins; raises Unavailable."""
    from pymongo.errors import OperationFailure

    with _connected(port, None) as client:
        try:
            client.admin.command("createUser", _USER, pwd=password, roles=["root"])
        except OperationFailure as exc:
            if exc.code != _USER_EXISTS:
                raise
            client.admin.command("updateUser", _USER, pwd=password)


def prove_login(port: int, password: str, storage: Path) -> None:
    """Log in once; raises ConfigError if the password is refused, Unavailable if the server does not answer."""
    from pymongo.errors import OperationFailure

    with _connected(port, password) as client:
        try:
            client.admin.command("usersInfo", _USER)
        except OperationFailure as exc:
            path = storage / "password"
            raise ConfigError(
                f"the embedded database refuses the password in {path} ({(exc.details or {}).get('errmsg')}): "
                f"{_remedy(storage)}"
            ) from exc


def _remedy(storage: Path) -> str:
    return (
        f"restore the file from a backup, or delete {_marker(storage)} "
        "and start again to give the database the file's password (a new one if there is no file)"
    )


def _marker(storage: Path) -> Path:
    return storage / "provisioned"


@contextmanager
def _connected(port: int, password: str | None) -> "Iterator[MongoClient[dict[str, Any]]]":
    from pymongo import MongoClient
    from pymongo.errors import ConnectionFailure

    client: MongoClient[dict[str, Any]] = MongoClient(
        address(port, password), serverSelectionTimeoutMS=_TIMEOUT_MS, socketTimeoutMS=_TIMEOUT_MS
    )
    try:
        yield client
    except ConnectionFailure as exc:
        raise Unavailable(f"the embedded database on port {port} does not answer ({type(exc).__name__})") from exc
    finally:
        client.close()


def _write_durably(path: Path, text: str) -> None:
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
