"""Variants run over any `concurrent.futures` executor; each outcome is a row, failures too."""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from sysproduction.config.grids import Variant
from sysproduction.domain.errors import SysproductionError
from sysproduction.domain.trading_systems import SystemConfig
from sysproduction.ops.market_sources import MarketSource
from sysproduction.ops.render import plain, said

if TYPE_CHECKING:
    from sysproduction.domain.histories import MarketData

Row = dict[str, Any]

OK: Final = "ok"
FAILED: Final = "failed"
AHEAD: Final = 4
"""Tasks handed out ahead for each worker, so that none waits for the next."""


class Variation(Protocol):
    """One variant to run. It can be sent to another process, where `run` is called; its row begins with `values`."""

    @property
    def values(self) -> dict[str, Any]:
        """What sets it apart, by name."""
        ...

    def run(self) -> Row:
        """Its outcome, in whatever process this is; raises what the run raises."""
        ...


V = TypeVar("V", bound=Variation)


@dataclass(frozen=True)
class Task:
    """One variant of a system, with where its prices come from; `key` tells it from every other one."""

    key: str
    values: dict[str, Any]
    system: SystemConfig
    source: MarketSource

    def run(self) -> Row:
        """The figures of the whole account."""
        from sysproduction.systems import system, tables

        figures = tables.summary(system.run(self.system, _market(self.source)))
        total = {name: value for name, value in figures["total"].items() if name not in ("first", "last", "n")}
        excluded = {"excluded": " ".join(figures["excluded"])}
        return {**self.values, "status": OK, **plain(total), **excluded, "error": ""}


def tasks_of(
    variants: Sequence[Variant], source_of: Callable[[tuple[str, ...], str], MarketSource]
) -> list[Task | Row]:
    """A task for each valid variant and a row for any other, in their order. All that share a base currency share one
    source with every instrument that some of them uses, so that a worker reads prices once."""
    systems = [variant.system for variant in variants if isinstance(variant.system, SystemConfig)]
    sources = {}
    for currency in sorted({system.base_currency for system in systems}):
        codes = {code for system in systems if system.base_currency == currency for code in system.instruments}
        sources[currency] = source_of(tuple(sorted(codes)), currency)
    prints = {currency: source.fingerprint() for currency, source in sources.items()}
    made: list[Task | Row] = []
    for variant in variants:
        values, system = dict(variant.values), variant.system
        if isinstance(system, SystemConfig):
            currency = system.base_currency
            made.append(Task(_key(values, system, prints[currency]), values, system, sources[currency]))
        else:
            made.append(_failed(values, str(system)))
    return made


def sweep(tasks: Sequence[V], executor: Executor, workers: int) -> Iterator[tuple[V, Row]]:
    """Run the tasks and give each with its row as it ends. `executor` may be any whose tasks can be pickled.

    Raises SysproductionError if a worker process died.
    """
    waiting, running = list(reversed(tasks)), dict[Future[Row], V]()
    while waiting or running:
        while waiting and len(running) < workers * AHEAD:
            task = waiting.pop()
            running[executor.submit(task.run)] = task
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            task, fault = running.pop(future), future.exception()
            if isinstance(fault, BrokenProcessPool):
                raise SysproductionError(
                    "a worker died, killed or out of memory; run it again to go on, with fewer --processes"
                )
            row = future.result() if fault is None else _failed(task.values, f"{type(fault).__name__}: {fault}")
            yield task, row


@contextmanager
def worker_processes(count: int) -> Iterator[Executor]:
    """That many fresh processes, which end with this one however it ends."""
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_end_with_parent)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@lru_cache(maxsize=2)
def _market(source: MarketSource) -> "MarketData":
    return source.read(lambda *_: None)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _failed(values: dict[str, Any], why: str) -> Row:
    return {**values, "status": FAILED, "error": why}


def _key(values: dict[str, Any], system: SystemConfig, prices: Any) -> str:
    text = json.dumps([plain(values), said(asdict(system)), prices], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
