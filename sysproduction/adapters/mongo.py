"""Documents in MongoDB, or in any server that speaks its protocol."""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from typing import Any

from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry
from bson.errors import BSONError
from bson.int64 import Int64
from pymongo import IndexModel, MongoClient, errors
from pymongo.collection import Collection
from pymongo.database import Database

from sysproduction.adapters.document_values import checked_key, checked_limit, directions, plain_body, plain_query
from sysproduction.domain.errors import (
    AlreadyExists,
    ConfigError,
    Conflict,
    DataError,
    InvariantBroken,
    SysproductionError,
    Unavailable,
)
from sysproduction.ports import Document

_Stored = dict[str, Any]

_REFUSED_LOGIN = frozenset({13, 18, 8000})
_OTHER_INDEX = frozenset({85, 86})
_WRITE_CONFLICT = 112


class _PlainInteger(TypeDecoder):
    """Reads large integers as int, so that what comes back has the type that went in."""

    bson_type = Int64

    def transform_bson(self, value: Any) -> int:
        return int(value)


_CODEC: CodecOptions[_Stored] = CodecOptions(tz_aware=True, tzinfo=UTC, type_registry=TypeRegistry([_PlainInteger()]))


class MongoDocuments:
    """The Documents port on MongoDB: `_id` is the key, `_v` the version, the other fields are the body.

    Connects at first use, and anew in a forked child. An unreachable server is given up after `timeout_seconds`;
    a server that is reached but does not answer, after `answer_seconds`. Reads are tried a second time, writes never:
    with the driver's own repetition a write that had succeeded could come back as AlreadyExists or Conflict, so it
    is off and a broken connection is Unavailable, outcome unknown, as the port says. A refused login or an
    address that cannot be read raises ConfigError. No message shows the address's user and password.
    """

    def __init__(self, uri: str, database: str, *, timeout_seconds: float = 2.5, answer_seconds: float = 20.0) -> None:
        self._uri = uri
        self._database = database
        self._timeout_ms = self._connect_ms = int(timeout_seconds * 1000)
        self._answer_ms = int(answer_seconds * 1000)
        self._rest_seconds = 0.0
        self._rests_until = 0.0
        self._meanwhile: Callable[[], None] | None = None
        self._clients: dict[int, MongoClient[_Stored]] = {}

    @property
    def address(self) -> tuple[str, str]:
        """Where the server is, password included, and which of its databases this is."""
        return self._uri, self._database

    def hurry(self, seconds: float, meanwhile: Callable[[], None]) -> None:
        """From now on give up on an answer after `seconds`, on a server that is not there after half of that, without a
        second try, and then say Unavailable at once for as long: for a loop that must go on whatever the server does.
        `meanwhile` is called before each operation, for many slow ones take long together."""
        self.close()
        self._meanwhile = meanwhile
        self._timeout_ms = int(seconds * 500)
        self._connect_ms = self._answer_ms = int(seconds * 1000)
        self._rest_seconds = seconds

    def declare(
        self, collection: str, *, unique: Sequence[Sequence[str]] = (), indexes: Sequence[Sequence[str]] = ()
    ) -> None:
        """As the port; raises InvariantBroken if stored documents already break a unique index, and ConfigError
        if an index on the same fields exists with the other uniqueness."""
        models = [IndexModel(directions(tuple(names)), unique=True) for names in unique]
        models += [IndexModel(directions(tuple(names))) for names in indexes]
        if not models:
            return
        try:
            with self._translated():
                self._collection(collection).create_indexes(models)
        except AlreadyExists as exc:
            raise InvariantBroken(f"{collection}: stored documents break a unique index: {exc}") from exc

    def get(self, collection: str, key: str) -> Document | None:
        """As the port."""
        with self._translated():
            stored = self._collection(collection).find_one({"_id": checked_key(key)})
        return None if stored is None else _document(stored)

    def find(
        self,
        collection: str,
        *,
        equal: Mapping[str, Any] | None = None,
        between: tuple[str, Any, Any] | None = None,
        order: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[Document]:
        """As the port."""
        wanted = _filter(equal, between)
        directed = directions(tuple(order))
        sort = [*directed, ("_id", 1)] if directed or limit is not None else None
        if checked_limit(limit) == 0:
            return []
        with self._translated():
            found = self._collection(collection).find(wanted, sort=sort, limit=limit or 0)
            documents = [_document(stored) for stored in found]
        if sort is None:  # the whole answer is sorted here: it costs a server more
            documents.sort(key=lambda document: document.key)
        return documents

    def count(
        self,
        collection: str,
        *,
        equal: Mapping[str, Any] | None = None,
        between: tuple[str, Any, Any] | None = None,
    ) -> int:
        """As the port."""
        wanted = _filter(equal, between)
        with self._translated():
            return self._collection(collection).count_documents(wanted)

    def insert(self, collection: str, key: str, body: Mapping[str, Any]) -> Document:
        """As the port; raises DataError if the document is larger than the server takes."""
        document = Document(checked_key(key), 1, plain_body(body))
        with self._translated():
            self._collection(collection).insert_one(_stored(document))
        return document

    def replace(self, collection: str, key: str, body: Mapping[str, Any], version: int) -> Document:
        """As the port; raises AlreadyExists if it would break a unique index, DataError if it is too large."""
        document = Document(checked_key(key), version + 1, plain_body(body))
        with self._translated():
            result = self._collection(collection).replace_one({"_id": key, "_v": version}, _stored(document))
        if result.matched_count == 0:
            raise _conflict(collection, key, version)
        return document

    def delete(self, collection: str, key: str, version: int) -> None:
        """As the port."""
        with self._translated():
            result = self._collection(collection).delete_one({"_id": checked_key(key), "_v": version})
        if result.deleted_count == 0:
            raise _conflict(collection, key, version)

    @contextmanager
    def database(self) -> Iterator[Database[_Stored]]:
        """The driver's view of the database, for what the port does not offer; its errors are translated."""
        with self._translated():
            yield self._client()[self._database]

    def drop(self) -> None:
        """Remove the whole database with everything in it; raises Unavailable."""
        with self._translated():
            self._client().drop_database(self._database)

    def close(self) -> None:
        """As the port; a later call connects anew."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    def _collection(self, name: str) -> Collection[_Stored]:
        return self._client()[self._database].get_collection(name, codec_options=_CODEC)

    def _client(self) -> MongoClient[_Stored]:
        # A parent's client is left alone in a forked child: its sockets belong to the parent.
        client = self._clients.get(os.getpid())
        return client if client is not None else self._clients.setdefault(os.getpid(), self._connected())

    def _connected(self, *, at_once: bool = True) -> MongoClient[_Stored]:
        try:
            if not self._uri.startswith(("mongodb://", "mongodb+srv://")):
                raise ValueError(self._uri)
            return MongoClient(
                self._uri,
                w="majority",
                journal=True,
                wTimeoutMS=self._answer_ms,
                retryWrites=False,
                retryReads=self._rest_seconds == 0.0,
                serverSelectionTimeoutMS=self._timeout_ms,
                connectTimeoutMS=self._connect_ms,
                socketTimeoutMS=self._answer_ms,
                appname="sysproduction",
                connect=at_once,
            )
        except (errors.ConfigurationError, ValueError, TypeError):
            # The driver's own words may repeat parts of the password.
            raise ConfigError(
                f"`mongo` in private_config.yaml is not a usable MongoDB address (host part: {host_of(self._uri)}): "
                "write mongodb://USER:PASSWORD@HOST:PORT with special characters percent-encoded, or `embedded`"
            ) from None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._meanwhile is not None:
            self._meanwhile()
        if time.monotonic() < self._rests_until:
            raise Unavailable(f"the database at {host_of(self._uri)} could not be reached a moment ago")
        try:
            yield
        except errors.DuplicateKeyError as exc:
            raise AlreadyExists(f"{self._database}: {_told(exc)}") from exc
        except errors.WriteConcernError as exc:
            where = f"the database at {host_of(self._uri)}"
            raise Unavailable(f"{where} did not confirm a write, which may or may not be kept: {_told(exc)}") from exc
        except errors.OperationFailure as exc:
            raise self._failure(exc) from exc
        except errors.DocumentTooLarge as exc:
            raise DataError(f"{self._database}: the document is larger than the database takes: {exc}") from exc
        except (errors.PyMongoError, BSONError) as exc:
            self._rests_until = time.monotonic() + self._rest_seconds
            raise Unavailable(
                f"the database at {host_of(self._uri)} is not reachable ({type(exc).__name__}): "
                "start it or check `mongo` in private_config.yaml"
            ) from exc

    def _failure(self, exc: errors.OperationFailure) -> SysproductionError:
        where = f"the database at {host_of(self._uri)}"
        if exc.code in _REFUSED_LOGIN:
            return ConfigError(
                f"{where} refused the user or password ({_told(exc)}): check `mongo` in private_config.yaml"
            )
        if exc.code in _OTHER_INDEX:
            return ConfigError(f"{where} has another index on the same fields; drop it there: {_told(exc)}")
        if exc.code == _WRITE_CONFLICT:
            return Conflict(f"{where}: somebody else wrote at the same moment; nothing was written")
        return Unavailable(f"{where} could not do it: {_told(exc)}; look into its log and at its disk")


def rehearse() -> None:
    """Make and drop a client that reaches for nobody and starts no thread: what the driver then keeps in memory, the
    children of the calling process share."""
    MongoDocuments("mongodb://NAME:WORD@127.0.0.1:1", "none")._connected(at_once=False).close()


def host_of(uri: str) -> str:
    """The hosts and ports in a MongoDB address, without user, password and options."""
    return re.sub(r"^[a-z0-9+]+://", "", uri).rpartition("@")[2].partition("/")[0].partition("?")[0]


def _told(exc: errors.OperationFailure) -> str:
    message = (exc.details or {}).get("errmsg") or str(exc).partition(", full error")[0]
    return f"{message}" if exc.code is None else f"{message} [code {exc.code}]"


def _conflict(collection: str, key: str, version: int) -> Conflict:
    return Conflict(f"{collection} has no document {key!r} at version {version}")


def _stored(document: Document) -> _Stored:
    return {"_id": document.key, "_v": document.version, **document.body}


def _document(stored: _Stored) -> Document:
    return Document(stored.pop("_id"), stored.pop("_v"), stored)


def _filter(equal: Mapping[str, Any] | None, between: tuple[str, Any, Any] | None) -> dict[str, dict[str, Any]]:
    wanted, span = plain_query(equal, between)
    conditions: dict[str, dict[str, Any]] = {name: {"$eq": value} for name, value in wanted.items()}
    if span is not None:
        name, low, high = span
        bounds = {"$gte": low, "$lt": high}
        limits = {sign: bound for sign, bound in bounds.items() if bound is not None}
        if limits:
            conditions[name] = conditions.get(name, {}) | limits
    return conditions
