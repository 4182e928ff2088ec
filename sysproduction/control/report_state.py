"""Facts of the machine for reports: processes, controls, positions and the broker's word."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from sysproduction.control.processes import overview
from sysproduction.control.report_desk import ReportDesk
from sysproduction.control.report_markets import last_prices
from sysproduction.control.strategies import optimal_rows
from sysproduction.domain.broker import Execution
from sysproduction.domain.errors import DataError, Unavailable
from sysproduction.domain.fills import Fill
from sysproduction.domain.limits import PositionLimit, TradeLimit, counted
from sysproduction.domain.processes import MethodRun, ProcessSpec, RunOutcome
from sysproduction.domain.reconciliation import compare
from sysproduction.orders.reconciling import read_steady
from sysproduction.reports.reconciling import TRADE_COLUMNS, ReconcileFacts
from sysproduction.reports.report import Row
from sysproduction.reports.status import LIMIT_COLUMNS, METHOD_COLUMNS, POSITION_COLUMNS, PROCESS_COLUMNS, StatusFacts
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.incidents import Incidents
from sysproduction.stores.kill_switch import KillSwitch
from sysproduction.stores.optimal_positions import OptimalPositionStore
from sysproduction.stores.order_controls import Limits, Locks, Overrides
from sysproduction.stores.order_stack import OrderStack
from sysproduction.stores.process_states import ProcessStates
from sysproduction.strategies.generating import GeneratorDesk
from sysproduction.strategies.holdings import Books
from sysproduction.strategies.restraining import stored_controls
from sysproduction.supervisor.windows import Window, current_window, last_window, window_of

_DAY: Final = timedelta(days=1)
_METHODS_BACK: Final = timedelta(days=8)
_PRESENT: Final = "processes, controls and the broker are told as they stand now, not as of that day"


def status_facts(desk: ReportDesk) -> StatusFacts:
    """Everything that the status report tells."""
    sources, documents = desk.sources, desk.sources.documents
    runs = ProcessStates(documents).method_runs(since=desk.now - _METHODS_BACK)
    last = _last_runs(run for run in runs if run.started_at <= desk.now)
    kill = None if sources.run_folder is None else KillSwitch(documents, sources.run_folder).state()
    trade_limits, position_limits = _limits(desk)
    return StatusFacts(
        processes=_processes(desk),
        methods=[_method_row(desk, spec, name, last) for spec in sources.specs for name in _methods(spec)],
        late=_late(desk, runs),
        prices=_prices(desk),
        optimal=_optimal(desk),
        trade_limits=trade_limits,
        position_limits=position_limits,
        overrides=[
            {
                "strategy": one.strategy,
                "instrument": one.instrument,
                "override": f"{one.override.factor:g}" if one.override.kind == "factor" else str(one.override.kind),
                "why": one.word.why,
            }
            for one in Overrides(documents).all()
        ],
        locks=[
            {"instrument": one.instrument, "kind": str(one.kind), "since": one.word.at, "why": one.word.why}
            for one in Locks(documents).all()
        ],
        alerts=[
            {
                "severity": str(one.alert.severity),
                "title": one.alert.title,
                "since": one.opened_at,
                "count": one.count,
            }
            for one in Incidents(documents).all()
        ],
        kill=None if kill is None else str(kill),
        missing=(_PRESENT,) if desk.is_past else (),
    )


def _methods(spec: ProcessSpec) -> list[str]:
    return [method.name for method in spec.methods]


def _last_runs(runs: Iterable[MethodRun]) -> dict[tuple[str, str], MethodRun]:
    """The last execution of each method; `runs` come newest first."""
    found: dict[tuple[str, str], MethodRun] = {}
    for run in runs:
        found.setdefault((run.process, run.method), run)
    return found


def _method_row(desk: ReportDesk, spec: ProcessSpec, name: str, last: dict[tuple[str, str], MethodRun]) -> Row:
    run = last.get((spec.name, name))
    progress = ProcessStates(desk.sources.documents).progress(spec.name, desk.now.date()).get(name)
    started = progress.last_start if progress else None
    running = started is not None and (progress is None or progress.last_end is None or progress.last_end < started)
    known = (run.started_at, run.ended_at) if run else (None, None)
    return dict(zip(METHOD_COLUMNS, (spec.name, name, *known, running, run.error if run else None), strict=True))


def _late(desk: ReportDesk, runs: Sequence[MethodRun]) -> dict[str, str]:
    """Methods that did not succeed between the opening of the last window that has closed and now."""
    found: dict[str, str] = {}
    for spec in desk.sources.specs:
        window = last_window(spec, desk.now)
        if window is None or not _was_known(desk, window):
            continue
        mine = [run for run in runs if run.process == spec.name and window.opens <= run.started_at <= desk.now]
        done = {run.method for run in mine if run.error is None}
        failed = {run.method: run.error for run in mine if run.error is not None}
        for name in _methods(spec):
            if name not in done:
                found[f"{spec.name}.{name}"] = failed.get(name) or f"it has not run since {window.opens:%Y-%m-%d %H:%M}"
    return found


def _was_known(desk: ReportDesk, window: Window) -> bool:
    """Whether this installation was there when the window opened: some process had a run by then."""
    states = ProcessStates(desk.sources.documents)
    return any(run.started_at <= window.opens for run in states.runs(since=window.opens - _METHODS_BACK))


def _processes(desk: ReportDesk) -> list[Row]:
    sources, now = desk.sources, desk.now
    states = ProcessStates(sources.documents)
    ended = {run.process: run for run in reversed(states.runs(since=now - _METHODS_BACK)) if run.started_at <= now}
    rows: list[Row] = []
    for spec, status in zip(sources.specs, overview(sources.specs, states, sources.alive, now), strict=True):
        run = ended.get(spec.name)
        previous = ended.get(spec.previous_process) if spec.previous_process else None
        window = current_window(spec, now)
        values = (
            *(spec.name, str(status.control), status.state),
            *(run.started_at if run else None, run.ended_at if run else None),
            bool(run and run.ended_at and now - run.ended_at <= _DAY),
            *(f"{spec.start_time:%H:%M}", f"{spec.stop_time:%H:%M}", spec.previous_process),
            None if spec.previous_process is None else bool(previous and previous.outcome is RunOutcome.SUCCEEDED),
            *(
                _until(None if window else _next_opening(spec, now), now),
                _until(window.closes if window else None, now),
            ),
            status.pid,
        )
        rows.append(dict(zip(PROCESS_COLUMNS, values, strict=True)))
    return rows


def _next_opening(spec: ProcessSpec, now: datetime) -> datetime | None:
    days = (now.date() + timedelta(days=ahead) for ahead in range(-1, 9))
    windows = (window_of(spec, day) for day in days)
    return next((window.opens for window in windows if window is not None and window.opens > now), None)


def _until(moment: datetime | None, now: datetime) -> str | None:
    """Hours and minutes from now on."""
    if moment is None:
        return None
    minutes = int((moment - now).total_seconds()) // 60
    return f"{minutes // 60}:{minutes % 60:02d}"


def _prices(desk: ReportDesk) -> list[Row]:
    rows: list[Row] = []
    for code, last in last_prices(desk).items():
        stale = last is None or int(np.busday_count(last.date(), desk.now.date())) > desk.sources.stale_after_days
        at = None if last is None else last.to_pydatetime()
        rows.append({"instrument": code, "last_price_at": at, "stale": stale})
    return rows


def _optimal(desk: ReportDesk) -> list[Row]:
    store, since = (
        OptimalPositionStore(desk.sources.documents),
        desk.now - timedelta(days=desk.sources.stale_after_days),
    )
    rows: list[Row] = []
    for name in desk.sources.strategies.by_name:
        decision = next((one for one in store.history(name) if one.at <= desk.now), None)
        if decision is None:
            rows.append({"strategy": name, "number": None, "decided_at": None, "instruments": 0, "stale": 0})
            continue
        known = [position for position in decision.positions if not position.dropped]
        stale = sum(position.reference_at is None or position.reference_at < since for position in known)
        row: Row = {"strategy": name, "number": decision.number, "decided_at": decision.at}
        rows.append({**row, "instruments": len(known), "stale": stale})
    return rows


def _limits(desk: ReportDesk) -> tuple[list[Row], list[Row]]:
    limits = [one.limit for one in Limits(desk.sources.documents).all()]
    trades = [limit for limit in limits if isinstance(limit, TradeLimit)]
    longest = max((limit.days for limit in trades), default=0.0)
    since = desk.now - timedelta(days=longest)
    sent = OrderStack(desk.sources.documents).sent_since(since) if trades else []
    sent = [order for order in sent if order.submitted_at <= desk.now]
    by_trades: list[Row] = []
    for limit in trades:
        done = counted(limit, sent, desk.now)
        values = (limit.instrument, limit.strategy, limit.days, limit.contracts, done, max(0, limit.contracts - done))
        by_trades.append(dict(zip(LIMIT_COLUMNS, values, strict=True)))
    by_positions: list[Row] = []
    for held_limit in (limit for limit in limits if isinstance(limit, PositionLimit)):
        held = _position(desk, held_limit)
        remaining = max(0, held_limit.contracts - abs(held))
        said = (held_limit.instrument, held_limit.strategy, held_limit.contracts, held, remaining)
        by_positions.append(dict(zip(POSITION_COLUMNS, said, strict=True)))
    return by_trades, by_positions


def _position(desk: ReportDesk, limit: PositionLimit) -> int:
    if limit.strategy is None:
        return desk.held.of_instrument(limit.instrument)
    return desk.held.strategies.get((limit.strategy, limit.instrument), 0)


def reconcile_facts(desk: ReportDesk) -> ReconcileFacts:
    """All books at the moment; of a past day without the broker, which only tells of the present."""
    sources = desk.sources
    missing = [_PRESENT] if desk.is_past else []
    since = desk.now - _DAY
    theirs, executions, findings, why_not = None, None, [], "it only tells of the present"
    if not desk.is_past:
        try:
            if sources.broker is None:
                raise Unavailable("no broker is configured")
            stack, ledger = OrderStack(sources.documents), FillLedger(sources.documents)
            books = read_steady(stack, ledger, sources.broker, desk.now)
            theirs, findings = books.theirs, [one.text for one in compare(books)]
            executions = [_execution(one) for one in books.executions if one.at >= since]
        except Unavailable as error:
            why_not = str(error)
    return ReconcileFacts(
        optimal=[] if desk.is_past else _optimal_trades(desk, missing),
        strategies=desk.held.strategies,
        contracts=desk.held.contracts,
        theirs=theirs,
        why_not=why_not,
        findings=findings,
        trades=[_trade(fill) for fill in desk.fills if fill.at >= since],
        executions=executions,
        missing=missing,
    )


def _optimal_trades(desk: ReportDesk, missing: list[str]) -> list[Row]:
    documents = desk.sources.documents
    controls = stored_controls(documents, desk.sources.strategies.lists)
    books = Books(OrderStack(documents), desk.ledger, controls)
    generator = GeneratorDesk(OptimalPositionStore(documents), books, desk.sources.stale_after_days)
    rows: list[Row] = []
    for name in desk.sources.strategies.by_name:
        try:
            found = optimal_rows(generator, [name], desk.now)
        except DataError as error:
            missing.append(f"optimal positions of {name}: {error}")
            continue
        if not found:
            missing.append(f"optimal positions of {name}: run_systems has computed none")
        rows += found
    return rows


def _trade(fill: Fill) -> Row:
    values = (fill.at, fill.instrument, fill.contract, fill.quantity, fill.price, fill.execution_id, fill.strategy)
    return dict(zip(TRADE_COLUMNS, values, strict=True))


def _execution(one: Execution) -> Row:
    values = (one.at, one.instrument, one.contract, one.quantity, one.price, one.execution_id)
    return dict(zip(TRADE_COLUMNS[:-1], values, strict=True))
