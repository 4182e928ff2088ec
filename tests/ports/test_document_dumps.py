"""The contract of the DocumentDumps port, on the real server."""

from datetime import UTC, datetime
from pathlib import Path

import bson
import pytest

from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.adapters.mongo_dumps import MongoDumps
from sysproduction.domain.errors import AlreadyExists, DataError

MOMENT = datetime(2024, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def dumps(mongo_documents: MongoDocuments) -> MongoDumps:
    """Of a database with two collections."""
    mongo_documents.declare("orders", unique=[("number",)], indexes=[("at", "-number")])
    for number in range(1500):
        mongo_documents.insert("orders", f"o{number}", {"number": number, "at": MOMENT, "none": None})
    mongo_documents.insert("locks", "CORN", {"deep": {"list": [1, 2.5, "Ä"]}})
    return MongoDumps(mongo_documents)


def test_a_dump_is_restored_whole(dumps: MongoDumps, mongo_documents: MongoDocuments, tmp_path: Path) -> None:
    """Documents, versions and indexes come back as they were."""
    mongo_documents.replace("locks", "CORN", {"by": "me"}, 1)
    before = mongo_documents.find("orders"), mongo_documents.find("locks")
    assert dumps.dump(tmp_path) == {"locks": 1, "orders": 1500}
    dumps.clear()
    assert dumps.collections() == []
    assert dumps.restore(tmp_path) == {"locks": 1, "orders": 1500}
    assert (mongo_documents.find("orders"), mongo_documents.find("locks")) == before
    assert not dumps.is_half_restored()
    with pytest.raises(AlreadyExists):
        mongo_documents.insert("orders", "other", {"number": 7})


def test_its_files_are_those_of_mongodump(dumps: MongoDumps, tmp_path: Path) -> None:
    """Plain BSON documents one after another, and metadata beside them."""
    dumps.dump(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["locks.bson", "locks.metadata.json", "orders.bson", "orders.metadata.json"]
    assert bson.decode_all((tmp_path / "locks.bson").read_bytes())[0]["deep"] == {"list": [1, 2.5, "Ä"]}


def test_a_broken_file_says_so_and_leaves_its_mark(dumps: MongoDumps, tmp_path: Path) -> None:
    """A dump that is cut off is named; the store tells that its restore is not complete."""
    dumps.dump(tmp_path)
    whole = (tmp_path / "orders.bson").read_bytes()
    (tmp_path / "orders.bson").write_bytes(whole[:-10])
    dumps.clear()
    with pytest.raises(DataError, match=r"orders\.bson: not a dump"):
        dumps.restore(tmp_path)
    assert dumps.is_half_restored()
    with pytest.raises(DataError, match="there is no dump here"):
        dumps.restore(tmp_path / "absent")
