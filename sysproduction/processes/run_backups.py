"""The evening's backups."""

from sysproduction.domain.errors import Unavailable
from sysproduction.domain.results import MethodResult
from sysproduction.ports import World
from sysproduction.upkeep import backups

__all__ = ["backup_mongo_data_as_dump"]


def backup_mongo_data_as_dump(world: World) -> MethodResult:
    """Write all documents into a new folder in mongodump's layout; a disk that is full, or a target that cannot be
    written, fails with one message and leaves the older backups."""
    assert world.dumps is not None
    assert world.backups is not None
    target = world.backups.folder
    try:
        made = backups.dump_documents(world.dumps, target, now=world.clock.now(), keep=world.backups.keep)
    except OSError as error:
        raise Unavailable(
            f"{error.filename or target}: the backup cannot be written: {error.strerror}; make room there or set "
            "backups.folder in private_config.yaml to another place"
        ) from error
    return MethodResult(rows_written=sum(made.counts.values()), items=len(made.counts))
