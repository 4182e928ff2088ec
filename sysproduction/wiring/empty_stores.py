"""Stores of their own for a while, to try a backup on."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sysproduction.config.home import Home
from sysproduction.ports import Stores


@contextmanager
def empty_stores(home: Home) -> Iterator[Stores]:
    """A database and an ArcticDB in the home's folder `run/empty_stores`, which is removed at the end, or at the next
    beginning."""
    from sysproduction.adapters.arctic import ArcticSeries
    from sysproduction.adapters.clocks import SystemClock
    from sysproduction.adapters.embedded_mongo import EmbeddedMongo
    from sysproduction.adapters.mongo import MongoDocuments
    from sysproduction.adapters.mongo_dumps import MongoDumps
    from sysproduction.stores.leases import Leases
    from sysproduction.wiring import hosting

    place = Home(home.run / "empty_stores")
    shutil.rmtree(place.path, ignore_errors=True)
    place.create()
    with ExitStack() as closing:
        closing.callback(shutil.rmtree, place.path, ignore_errors=True)
        server = EmbeddedMongo(place.mongo, place.run, place.logs)
        documents = MongoDocuments(server.acquire(), "sysproduction")
        closing.callback(server.release)
        closing.callback(documents.close)
        clock = SystemClock()
        leases = Leases(
            documents,
            hosting.myself(),
            hosting.alive,
            now=clock.now,
            monotonic=clock.monotonic,
            sleep=clock.sleep,
        )
        series = ArcticSeries(f"lmdb://{place.arctic}", leases)
        closing.callback(series.close)
        yield Stores(documents, MongoDumps(documents), series)
