"""The contract of the DocumentDumps port, on the real server."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import bson
import pytest

from sysproduction.adapters import mongodump
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.adapters.mongo_dumps import MongoDumps
from sysproduction.domain.errors import AlreadyExists, DataError, Unavailable

NOWHERE = MongoDocuments("mongodb://127.0.0.1:1/", "home")
"""A server that nobody talks to."""

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


STAND_IN = """\
#!{python}
import argparse, sys, time
from pathlib import Path
import bson, pymongo, yaml
from bson import json_util

given = argparse.ArgumentParser()
for name in ("config", "db", "out"):
    given.add_argument("--" + name, required=True)
given = given.parse_args()
uri = yaml.safe_load(Path(given.config).read_text())["uri"]
{first}
folder = Path(given.out) / given.db
folder.mkdir()
raw = bson.codec_options.CodecOptions(document_class=bson.raw_bson.RawBSONDocument)
database = pymongo.MongoClient(uri)[given.db]
for name in database.list_collection_names():
    found = list(database.get_collection(name, codec_options=raw).find(sort=[("_id", -1)]))
    (folder / (name + ".bson")).write_bytes(b"".join(one.raw for one in found))
    told = {{"indexes": [dict(one) for one in database[name].list_indexes()], "collectionName": name}}
    written = json_util.dumps(told, json_options=json_util.CANONICAL_JSON_OPTIONS)
    (folder / (name + ".metadata.json")).write_text(written)
(folder / "prelude.json").write_text("{{}}")
"""
"""Does what mongodump does: documents in an order of its own, metadata as extended JSON, a file more than we want."""


def stand_in(folder: Path, first: str = "") -> Path:
    """A program in place of mongodump, which does `first` before anything else."""
    program = folder / "mongodump"
    program.write_text(STAND_IN.format(python=sys.executable, first=first))
    program.chmod(0o700)
    return program


def test_mongodump_writes_what_the_driver_would(
    dumps: MongoDumps, mongo_documents: MongoDocuments, tmp_path: Path
) -> None:
    """The same documents, counts and names of files; it restores the same, indexes included."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    by_program = MongoDumps(mongo_documents, stand_in(tmp_path))
    assert by_program.dump(theirs) == dumps.dump(ours) == {"locks": 1, "orders": 1500}
    assert sorted(path.name for path in theirs.iterdir()) == sorted(path.name for path in ours.iterdir())
    assert (theirs / "orders.bson").read_bytes() != (ours / "orders.bson").read_bytes()
    assert dumps.fingerprint(theirs / "orders.bson") == dumps.fingerprint(ours / "orders.bson")
    assert dumps.fingerprint(theirs / "orders.bson") != dumps.fingerprint(ours / "locks.bson")
    before = mongo_documents.find("orders")
    dumps.clear()
    assert by_program.restore(theirs) == {"locks": 1, "orders": 1500}
    assert mongo_documents.find("orders") == before
    with pytest.raises(AlreadyExists):
        mongo_documents.insert("orders", "other", {"number": 7})


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (
            "sys.exit(print('hm', 'failed: mongodb://me:secret@host/ says no', sep='\\n', file=sys.stderr) or 1)",
            "",
        ),
        ("sys.exit(3)", "ended with exit code 3: it said nothing"),
        ("time.sleep(60)", "was stopped after 1 s without an end"),
    ],
)
def test_a_mongodump_that_fails_is_told_with_its_last_words(
    tmp_path: Path, first: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit codes are obeyed, passwords are not shown, and one that hangs is stopped."""
    program = stand_in(tmp_path, first)
    monkeypatch.setattr(mongodump.dump, "__kwdefaults__", {"seconds_max": 1.0 if "sleep" in first else 60.0})
    with pytest.raises(Unavailable) as failed:
        MongoDumps(NOWHERE, program).dump(tmp_path)
    wanted = said or "ended with exit code 1: failed: mongodb://***@host/ says no"
    assert wanted in str(failed.value)
    assert "change backups.mongodump" in str(failed.value)
    assert [path.name for path in tmp_path.iterdir()] == ["mongodump"]


def test_a_mongodump_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With what to change."""
    with pytest.raises(Unavailable, match=r"nowhere cannot be run \(No such file or directory\)"):
        MongoDumps(NOWHERE, tmp_path / "nowhere").dump(tmp_path)


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("mongodb://host:1/", "mongodb://host:1/"),
        ("mongodb://host:1/home?w=1", "mongodb://host:1/?w=1"),
        ("mongodb://me:word@host/home", "mongodb://me:word@host/?authSource=home"),
        ("mongodb://me:word@host/home?authSource=admin", "mongodb://me:word@host/?authSource=admin"),
    ],
)
def test_the_address_names_no_database(uri: str, told: str) -> None:
    """The one that knows the user stays so."""
    assert mongodump.without_database(uri) == told
