"""The home folder: where one installation keeps its private configuration, data, logs and run-time files."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sysproduction.domain.errors import ConfigError

HOME_VARIABLE = "SYSPRODUCTION_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """Absolute paths of everything in a home; nothing is touched until `create`. `reads`: the file that is read in
    place of the private one, see `as_accepted`."""

    path: Path
    reads: Path | None = None

    @property
    def private_config(self) -> Path:
        """The file that overrides shipped settings and processes; may be absent."""
        return self.reads or self.path / "private_config.yaml"

    def as_accepted(self) -> "Home":
        """This home with the private file as the supervisor has accepted it, whatever has become of it since."""
        return replace(self, reads=self.run / "accepted_config.yaml")

    @property
    def data(self) -> Path:
        """What must be backed up."""
        return self.path / "data"

    @property
    def mongo(self) -> Path:
        """Files of the embedded document database."""
        return self.data / "mongo"

    @property
    def arctic(self) -> Path:
        """Files of the embedded time series store."""
        return self.data / "arctic"

    @property
    def strategies(self) -> Path:
        """What strategies decided, and from what: a folder for each decision."""
        return self.data / "strategies"

    @property
    def runs_database(self) -> Path:
        """Runs of strategies on bars."""
        return self.data / "runs.db"

    @property
    def secmaster(self) -> Path:
        """Bars for runs, taken in from files."""
        return self.data / "secmaster.db"

    @property
    def paper_state(self) -> Path:
        """Orders, executions and the account of the paper exchange."""
        return self.data / "paper_exchange.sqlite"

    @property
    def paper_socket(self) -> Path:
        """Where the paper exchange answers."""
        return self.run / "paper_exchange.socket"

    @property
    def backups(self) -> Path:
        """Where backups go unless the configuration says otherwise."""
        return self.path / "backups"

    @property
    def reports(self) -> Path:
        """A folder a day, in it one for each report."""
        return self.path / "reports"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """Locks, sockets and pids: worthless after a reboot."""
        return self.path / "run"

    def create(self) -> None:
        """Make the folders that are missing, for the owner's eyes only (0700); raises ConfigError."""
        for folder in (self.path, self.data, self.mongo, self.arctic, self.logs, self.run):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                reason = "a file is in its place" if isinstance(error, FileExistsError) else error.strerror
                raise ConfigError(
                    f"{folder}: cannot make this folder of the home: {reason}; "
                    f"choose another home with --home or {HOME_VARIABLE}"
                ) from error


def resolve_home(option: str | None, environ: Mapping[str, str]) -> Home:
    """The home named by `--home`, else by SYSPRODUCTION_HOME, else ~/.sysproduction; raises ConfigError."""
    named = option or environ.get(HOME_VARIABLE) or "~/.sysproduction"
    if any(ord(character) < 32 for character in named):
        raise ConfigError(f"home {named!r}: a folder name cannot hold control characters")
    try:
        return Home(Path(named).expanduser().absolute())
    except RuntimeError as error:
        raise ConfigError(f"home {named}: {error}; name the folder with --home or {HOME_VARIABLE}") from error
