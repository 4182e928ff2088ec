"""One ArcticDB storage as this process has it open: its address, its libraries, its errors in our words."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final
from weakref import WeakSet

from sysproduction.domain.errors import ConfigError, DataError, SysproductionError, Unavailable

_MAP_SIZE: Final = "64GB"  # of address space; the file grows with what is stored
_MONGO_TIMEOUT: Final = "serverSelectionTimeoutMS=2000"
_PROBE_SECONDS: Final = 2
_NOT_A_STORE: Final = ("MDB_INVALID", "MDB_VERSION_MISMATCH", "MDB_CORRUPTED")
_FIX: Final = "check `arctic` in private_config.yaml"


class ArcticStore:
    """The storage behind one address, opened once per process however many use it.

    LMDB files must not be opened twice in a process, so get it from `opened`.
    """

    def __init__(self, uri: str, disk_reserve_bytes: int) -> None:
        self.name = spoken(uri)
        self.users: WeakSet[object] = WeakSet()
        self._folder = self.name.removeprefix("lmdb://") if uri.startswith("lmdb://") else None
        self._reserve = disk_reserve_bytes
        self._libraries: dict[str, Any] = {}
        self._lock = Lock()
        if self._folder is not None and not os.path.isdir(os.path.join(self._folder, "_arctic_cfg")):
            self.check_room(0)
        with self.translated():
            self._arctic = _connected(uri, self.name)

    def library(self, name: str, *, create: bool) -> Any:
        """The ArcticDB library, or None if there is none and it is not to be made; raises as `translated`."""
        from arcticdb.exceptions import LibraryNotFound

        with self._lock:
            if name not in self._libraries:
                if create:
                    self.check_room(0)
                try:
                    with self.translated():
                        self._libraries[name] = self._arctic.get_library(name, create_if_missing=create)
                except LibraryNotFound:
                    return None
            return self._libraries[name]

    def check_room(self, size: int) -> None:
        """Raise Unavailable unless the disk has room for `size` bytes and the reserve: LMDB ends the process with
        a segmentation fault when the disk is full."""
        if self._folder is None:
            return
        place = self._folder
        while not os.path.exists(place):
            place = os.path.dirname(place)
        disk = os.statvfs(place)
        free = disk.f_bavail * disk.f_frsize
        # Twice: the segments themselves, and the pages that LMDB copies.
        if free < 2 * size + self._reserve:
            raise Unavailable(
                f"the disk of {self._folder} is full: {free / 1e6:.0f} MB are free and {self._reserve / 1e6:.0f} MB "
                "must stay so; nothing was written; make room"
            )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise what ArcticDB raises as Unavailable, or as ConfigError if the address is wrong; LibraryNotFound
        and NoDataFoundException pass."""
        from arcticdb.exceptions import ArcticException, LibraryNotFound, NoDataFoundException

        try:
            yield
        except (LibraryNotFound, NoDataFoundException):
            raise
        except (ArcticException, OSError) as exc:
            raise self._told(exc) from exc

    def failure(self, text: str) -> SysproductionError:
        """What ArcticDB says of a failure, as our error."""
        if "MAP_FULL" in text or "map is full" in text:
            return Unavailable(f"the series at {self.name} fill their map: set a larger `?map_size=` in `arctic`")
        if any(word in text for word in _NOT_A_STORE):
            return ConfigError(f"{self.name} holds files that are not ArcticDB's, or broken ones: {text}; {_FIX}")
        return Unavailable(f"the series at {self.name} cannot be reached or written: {text[:300]}")

    def _told(self, exc: Exception) -> SysproductionError:
        from arcticdb.exceptions import LmdbOptionsError, NormalizationException

        if isinstance(exc, LmdbOptionsError):
            return ConfigError(f"the series at {self.name}: {exc}; {_FIX}")
        if isinstance(exc, NormalizationException):
            return DataError(f"ArcticDB cannot store this frame: {exc}")
        if isinstance(exc, OSError):
            return ConfigError(f"the folder of series {self.name} cannot be used: {exc.strerror or exc}; {_FIX}")
        return self.failure(str(exc))


_OPEN: Final[dict[str, ArcticStore]] = {}
_OPENING: Final = Lock()
_USED_BY: Final[set[int]] = set()


def opened(uri: str, user: object, disk_reserve_bytes: int) -> ArcticStore:
    """The storage at `uri` in this process, opened if it is not; raises ConfigError or Unavailable.

    Raises RuntimeError in a child forked by a process that had used ArcticDB: the threads that ArcticDB runs are gone
    there, and it would wait for them for ever. Importing it before a fork does no harm.
    """
    if _USED_BY and os.getpid() not in _USED_BY:
        raise RuntimeError("ArcticDB was used before this process was forked: fork first, then open the series")
    with _OPENING:
        _USED_BY.add(os.getpid())
        store = _OPEN.get(uri)
        if store is None:
            store = _OPEN[uri] = ArcticStore(uri, disk_reserve_bytes)
        store.users.add(user)
    return store


def let_go(uri: str, user: object) -> None:
    """Close the storage in this process once nobody uses it any more."""
    if os.getpid() not in _USED_BY:  # in a forked child, closing what the parent has open would be using it
        return
    with _OPENING:
        store = _OPEN.get(uri)
        if store is not None:
            store.users.discard(user)
            if not store.users:
                del _OPEN[uri]


def complete(uri: str) -> str:
    """`uri` with our defaults for what it leaves open: the map of LMDB, the patience with MongoDB."""
    head, _, query = uri.partition("?")
    options = [option for option in query.split("&") if option]
    for scheme, option in (("lmdb://", f"map_size={_MAP_SIZE}"), ("mongodb://", _MONGO_TIMEOUT)):
        name = option.partition("=")[0]
        if uri.startswith(scheme) and not any(given.startswith(f"{name}=") for given in options):
            options.append(option)
    if head.startswith("lmdb://"):
        head = "lmdb://" + os.path.abspath(head.removeprefix("lmdb://"))
    return head + ("?" + "&".join(options) if options else "")


def spoken(uri: str) -> str:
    """`uri` without users, passwords, keys and options: what a message may show."""
    return re.sub(r"//[^/@]*@", "//", uri.partition("?")[0])


def _connected(uri: str, name: str) -> Any:
    from arcticdb import Arctic
    from arcticdb.config import set_config_int, set_log_level

    # Without this ArcticDB serves its own memory of the newest version for some seconds, also to a writer who
    # is about to append to it: rows of other processes would be lost.
    set_config_int("VersionMap.ReloadInterval", 0)
    set_log_level("ERROR")
    _probe(uri, name)
    try:
        return Arctic(uri)
    except ValueError:
        raise ConfigError(
            f"{name} is no address of series: write lmdb://FOLDER, mongodb://… or s3://…; {_FIX}"
        ) from None


def _probe(uri: str, name: str) -> None:
    """Raise Unavailable if nobody answers at the address: ArcticDB itself would try for minutes."""
    if uri.startswith("mongodb"):
        from pymongo import MongoClient
        from pymongo.errors import PyMongoError

        try:
            with MongoClient[Any](uri, serverSelectionTimeoutMS=_PROBE_SECONDS * 1000) as client:
                client.admin.command("ping")
        except PyMongoError as exc:
            raise Unavailable(f"the series at {name} are not reachable: start that server, or {_FIX}") from exc
    elif uri.startswith(("s3://", "s3s://")):
        scheme, _, rest = uri.partition("://")
        port = re.search(r"[?&]port=(\d+)", uri)
        address = rest.partition(":")[0], int(port[1]) if port else {"s3": 80, "s3s": 443}[scheme]
        try:
            socket.create_connection(address, _PROBE_SECONDS).close()
        except OSError as exc:
            raise Unavailable(f"the series at {name} are not reachable ({exc}): {_FIX}") from exc
