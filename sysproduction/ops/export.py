"""Write a stored series to a file for other programs."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sysproduction.domain.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


def write_frame(frame: "pd.DataFrame", out: Path) -> None:
    """Write the frame, by the file's suffix, with naive UTC stamps in a first column DATETIME; all of it or nothing.

    Raises ConfigError for another suffix or a folder that cannot be written.
    """
    if out.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"{out}: the name must end in .csv or .parquet")
    plain = frame.copy()
    plain = plain.tz_convert("UTC").tz_localize(None)
    plain.index.name = "DATETIME"
    scratch = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with scratch.open("wb") as file:
            write = plain.to_csv if out.suffix == ".csv" else plain.to_parquet
            write(file)
        scratch.replace(out)
    except (FileNotFoundError, NotADirectoryError, PermissionError, IsADirectoryError) as error:
        raise ConfigError(f"{out}: cannot be written ({error.strerror}); choose another place") from error
    finally:
        scratch.unlink(missing_ok=True)
