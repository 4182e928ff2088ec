"""What the monitor draws."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from textual import work
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Footer, Log, Static

from sysproduction.control.glance import Glance
from sysproduction.domain.errors import SysproductionError
from sysproduction.ops.render import rows_of

_LOOK_SECONDS: Final = 2.0
_LOG_LINES: Final = 200
_LOG_BYTES_A_LINE: Final = 400

_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "processes": ("process", "control", "state", "pid", "next"),
    "orders": ("level", "order_id", "trade", "type", "state"),
    "positions": ("of", "strategy", "instrument", "contract", "quantity"),
    "alerts": ("opened_at", "severity", "title", "count"),
}


class MonitorScreen(App[None]):
    """`look` says how things stand, or raises; what is shown last stays on the screen meanwhile."""

    TITLE = "sysproduction monitor"
    BINDINGS: ClassVar[list[BindingType]] = [("q", "quit", "leave"), ("r", "look", "look now")]
    CSS = """
    #status { background: $primary; color: $text; height: 1; }
    #status.bad { background: $error; }
    DataTable, Log { border: round $secondary; height: 1fr; }
    #processes { height: 2fr; }
    """

    def __init__(self, look: Callable[[], Glance], environment: str, log: Path) -> None:
        super().__init__()
        self._look_now = look
        self._environment = environment
        self._log_path = log

    def compose(self) -> ComposeResult:
        """The status line, four tables, the log."""
        yield Static("...", id="status", markup=False)
        yield self._table("processes")
        with Horizontal():
            yield self._table("orders")
            with Vertical():
                yield self._table("positions")
                yield self._table("alerts")
        log = Log(id="log", max_lines=_LOG_LINES)
        log.border_title = self._log_path.name
        yield log
        yield Footer()

    def _table(self, name: str) -> "DataTable[str]":
        table: DataTable[str] = DataTable(id=name, cursor_type="row", zebra_stripes=True)
        table.border_title = name
        table.add_columns(*_COLUMNS[name])
        return table

    def on_mount(self) -> None:
        """Look now, and every two seconds."""
        self.action_look()
        self.set_interval(_LOOK_SECONDS, self.action_look)

    @work(thread=True, exclusive=True)
    def action_look(self) -> None:
        """Beside the screen, so that a slow store never holds a key press."""
        lines = last_lines(self._log_path)
        try:
            glance = self._look_now()
        except SysproductionError as error:
            self.call_from_thread(self._say, str(error).splitlines()[0], is_bad=True)
        else:
            self.call_from_thread(self._show, glance)
        self.call_from_thread(self._show_log, lines)

    def _show(self, glance: Glance) -> None:
        stamp, count = f"{glance.now:%Y-%m-%d %H:%M:%S} UTC", len(glance.alerts)
        text = f"{stamp} | {self._environment} | kill switch {glance.kill} | {count} open alerts"
        self._say(text, is_bad=bool(count) or glance.kill != "NORMAL")
        self._fill("processes", rows_of(glance.processes))
        self._fill("orders", glance.orders)
        self._fill("positions", glance.positions)
        self._fill("alerts", [alert_row(incident) for incident in glance.alerts])

    def _say(self, text: str, *, is_bad: bool) -> None:
        status = self.query_one("#status", Static)
        status.update(text)
        status.set_class(is_bad, "bad")

    def _fill(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        table = self.query_one(f"#{name}", DataTable)
        cursor = table.cursor_row
        table.clear()
        for row in rows:
            table.add_row(*("" if row.get(column) is None else str(row[column]) for column in _COLUMNS[name]))
        table.move_cursor(row=min(cursor, max(0, len(rows) - 1)))

    def _show_log(self, lines: Iterable[str]) -> None:
        log = self.query_one("#log", Log)
        log.clear()
        log.write_lines(lines)


def alert_row(incident: Any) -> dict[str, Any]:
    """An open incident as a row."""
    alert = incident.alert
    opened = f"{incident.opened_at:%m-%d %H:%M}"
    return {"opened_at": opened, "severity": alert.severity.value, "title": alert.title, "count": incident.count}


def last_lines(path: Path) -> list[str]:
    """Of a log; none if there is none yet."""
    try:
        with path.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - _LOG_BYTES_A_LINE * _LOG_LINES))
            return log.read().decode(errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        return []
