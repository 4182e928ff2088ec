"""Fixtures of the port contract suites: every adapter of the Documents port, on real servers where it has one."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from sysproduction.adapters.embedded_mongo import EmbeddedMongo
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.ports import Documents


@pytest.fixture(scope="session")
def mongo_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MongoDB address: SYSPRODUCTION_TEST_MONGO, or an embedded server for this worker."""
    if "SYSPRODUCTION_TEST_MONGO" in os.environ:
        yield os.environ["SYSPRODUCTION_TEST_MONGO"]
        return
    home = tmp_path_factory.mktemp("mongo")
    server = EmbeddedMongo(home / "data", home / "run", home / "logs")
    yield server.acquire()
    server.release()


@pytest.fixture
def mongo_database(mongo_address: str) -> Iterator[tuple[str, str]]:
    """A server's address and the name of an empty database on it, dropped afterwards."""
    name = f"sysproduction_test_{uuid4().hex[:12]}"
    yield mongo_address, name
    documents = MongoDocuments(mongo_address, name, answer_seconds=120)  # a busy server may take long to let go
    documents.drop()
    documents.close()


@pytest.fixture
def mongo_documents(mongo_database: tuple[str, str]) -> Iterator[MongoDocuments]:
    """An empty database."""
    documents = MongoDocuments(*mongo_database)
    yield documents
    documents.close()


@pytest.fixture(params=["memory", "mongo"])
def documents(request: pytest.FixtureRequest) -> Documents:
    """Each adapter of the Documents port in turn, empty."""
    if request.param == "memory":
        return MemoryDocuments()
    found: MongoDocuments = request.getfixturevalue("mongo_documents")
    return found
