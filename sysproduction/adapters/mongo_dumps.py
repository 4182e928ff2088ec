"""Dumps of a MongoDB database in mongodump's layout: written by it, or through the driver, which is always there."""

import json
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

from bson import decode_file_iter, json_util
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.database import Database

from sysproduction.adapters import mongodump
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.domain.errors import DataError

_RAW: Final[CodecOptions[RawBSONDocument]] = CodecOptions(document_class=RawBSONDocument)
_BATCH: Final = 1000
_MARK: Final = "restore_under_way"
"""A collection that stands as long as a restore is not complete."""


class MongoDumps:
    """The DocumentDumps port: a folder with COLLECTION.bson and COLLECTION.metadata.json for each collection, which
    `mongorestore` reads as well. Documents keep every byte. `mongodump` is the program that writes them; None: the
    driver does."""

    def __init__(self, documents: MongoDocuments, mongodump: Path | None = None) -> None:
        self._documents, self._mongodump = documents, mongodump

    def dump(self, folder: Path) -> dict[str, int]:
        """As the port."""
        if self._mongodump is not None:
            mongodump.dump(self._mongodump, *self._documents.address, folder)
            return {path.stem: sum(map(len, _batches(path))) for path in sorted(folder.glob("*.bson"))}
        with self._documents.database() as database:
            names = [name for name in sorted(database.list_collection_names()) if not name.startswith("system.")]
            return {name: _dump(database, name, folder) for name in names}

    def restore(self, folder: Path) -> dict[str, int]:
        """As the port."""
        files = sorted(folder.glob("*.bson"))
        if not files:
            raise DataError(f"{folder}: there is no dump here (expected COLLECTION.bson files)")
        with self._documents.database() as database:
            database[_MARK].insert_one({"_id": "restore", "_v": 1})
            restored = {path.stem: _restore(database, path) for path in files}
            database.drop_collection(_MARK)
        return restored

    def is_half_restored(self) -> bool:
        """As the port."""
        with self._documents.database() as database:
            return _MARK in database.list_collection_names()

    def collections(self) -> list[str]:
        """As the port."""
        with self._documents.database() as database:
            return sorted(set(database.list_collection_names()) - {_MARK})

    def clear(self) -> None:
        """As the port."""
        self._documents.drop()

    def fingerprint(self, file: Path) -> str:
        """As the port."""
        total = sum(int.from_bytes(sha256(one.raw).digest()) for batch in _batches(file) for one in batch)
        return f"{total % 2**256:064x}"


def _dump(database: Database[dict[str, Any]], name: str, folder: Path) -> int:
    collection = _raw(database, name)
    count = 0
    with (folder / f"{name}.bson").open("wb") as file:
        for document in collection.find(sort=[("_id", 1)]):
            file.write(document.raw)
            count += 1
    indexes = [dict(index) for index in database[name].list_indexes()]
    told = {"indexes": indexes, "uuid": "", "collectionName": name, "type": "collection"}
    (folder / f"{name}.metadata.json").write_text(json.dumps(told, default=_plain), encoding="utf-8")
    return count


def _raw(database: Database[dict[str, Any]], name: str) -> Collection[RawBSONDocument]:
    return cast("Collection[RawBSONDocument]", database.get_collection(name, codec_options=_RAW))


def _plain(value: Any) -> Any:
    """Index keys come as the driver's own mapping."""
    return dict(value)


def _restore(database: Database[dict[str, Any]], path: Path) -> int:
    collection = _raw(database, path.stem)
    _index(database, path)
    count = 0
    for batch in _batches(path):
        collection.insert_many(batch)
        count += len(batch)
    return count


def _index(database: Database[dict[str, Any]], path: Path) -> None:
    metadata = path.with_name(f"{path.stem}.metadata.json")
    try:
        indexes = json_util.loads(metadata.read_text(encoding="utf-8"))["indexes"]
        models = [
            IndexModel(list(index["key"].items()), name=index["name"], unique=index.get("unique", False))
            for index in indexes
            if index["name"] != "_id_"
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{metadata}: not the metadata of a dump: {error}") from error
    if models:
        database[path.stem].create_indexes(models)


def _batches(path: Path) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    try:
        with closing(path.open("rb")) as file:
            for document in decode_file_iter(file, _RAW):
                batch.append(document)
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
    except BSONError as error:
        raise DataError(f"{path}: not a dump: {error}") from error
    if batch:
        yield batch
