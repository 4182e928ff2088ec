"""What an operator may do to restrain orders: limits, overrides, locks and the kill switch; every word is audited.

The audit entry is written before the deed, so that no deed goes unexplained; only a stop comes first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sysproduction.control.permission import permitted
from sysproduction.domain.errors import DataError, Refused
from sysproduction.domain.gate_facts import GateRules, KillState, UsualLimits
from sysproduction.domain.limits import PositionLimit, TradeLimit
from sysproduction.domain.overrides import Override, OverrideKind
from sysproduction.ports import Documents
from sysproduction.stores.audit import AuditEntry, AuditLog
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.kill_switch import KillSwitch, KillWord
from sysproduction.stores.order_controls import (
    Limits,
    Lock,
    LockKind,
    Locks,
    Overrides,
    SetLimit,
    SetOverride,
    Word,
)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ControlDesk:
    """What the commands use; `run` is the home's folder for files of running programs."""

    documents: Documents
    run: Path
    by: str
    now: datetime
    why: str = ""
    operators: Sequence[str] = ()

    @property
    def forbidden(self) -> Refused | None:
        """None if this operator may loosen what restrains orders; the refusal is audited."""
        refused = permitted(self.by, self.operators)
        if refused is not None:
            self.note("refused", self.by, {"reason": refused.reason})
        return refused

    @property
    def word(self) -> Word:
        """Who, when and why."""
        return Word(self.by, self.now, self.why)

    @property
    def kill_switch(self) -> KillSwitch:
        """The switch of this home."""
        return KillSwitch(self.documents, self.run)

    def note(self, what: str, subject: str, details: Mapping[str, Any]) -> None:
        """Audit what is about to be done."""
        entry = AuditEntry(self.by, what, subject, self.now, self.why, details)
        AuditLog(self.documents, f"operator {self.by}").append(entry)


def limit_rows(desk: ControlDesk, rules: GateRules, usual: UsualLimits) -> list[Row]:
    """Limits in force: those that are stored, then what the configuration says for every order."""
    stored = [
        {"limit": _kind(one.limit), **asdict(one.limit), "by": one.word.by, "at": one.word.at, "why": one.word.why}
        for one in Limits(desk.documents).all()
    ]
    settings = {**asdict(rules), **asdict(usual)}
    general = [(name, value) for name, value in settings.items() if not isinstance(value, tuple)]
    shown = [{"limit": name, "instrument": None, "strategy": None, "contracts": value} for name, value in general]
    columns = ("limit", "instrument", "strategy", "days", "contracts", "by", "at", "why")
    return [{column: row.get(column) for column in columns} for row in (*stored, *shown)]


def set_limit(desk: ControlDesk, limit: TradeLimit | PositionLimit) -> Refused | None:
    """Put a limit in force."""
    if (forbidden := desk.forbidden) is not None:
        return forbidden
    Instruments(desk.documents).get(limit.instrument)
    if limit.contracts < 0 or (isinstance(limit, TradeLimit) and not limit.days > 0):
        return Refused("a limit is a whole number of contracts from 0, over a number of days above 0")
    desk.note("set limit", limit.instrument, {"kind": _kind(limit), **asdict(limit)})
    Limits(desk.documents).put(SetLimit(limit, desk.word))
    return None


def remove_limit(desk: ControlDesk, limit: TradeLimit | PositionLimit) -> Refused | None:
    """Take a limit away; its number of contracts does not matter."""
    if (forbidden := desk.forbidden) is not None:
        return forbidden
    desk.note("remove limit", limit.instrument, {"kind": _kind(limit), **asdict(limit)})
    return None if Limits(desk.documents).remove(limit) else Refused(f"there is no such limit of {limit.instrument}")


def override_rows(desk: ControlDesk) -> list[Row]:
    """Overrides in force."""
    return [
        {
            "strategy": one.strategy,
            "instrument": one.instrument,
            "kind": str(one.override.kind),
            "factor": one.override.factor if one.override.kind is OverrideKind.FACTOR else None,
            **asdict(one.word),
        }
        for one in Overrides(desk.documents).all()
    ]


def set_override(desk: ControlDesk, strategy: str | None, instrument: str | None, override: Override) -> Refused | None:
    """Put an override in force; strategy or instrument None: for all of them."""
    if (forbidden := desk.forbidden) is not None:
        return forbidden
    if instrument is not None:
        Instruments(desk.documents).get(instrument)
    if not override.is_valid:
        return Refused(f"factor {override.factor}: an override's factor lies between 0 and 1")
    said = {"strategy": strategy, "kind": str(override.kind), "factor": override.factor}
    desk.note("set override", instrument or "all instruments", said)
    Overrides(desk.documents).put(SetOverride(strategy, instrument, override, desk.word))
    return None


def remove_override(desk: ControlDesk, strategy: str | None, instrument: str | None) -> Refused | None:
    """Take an override away."""
    if (forbidden := desk.forbidden) is not None:
        return forbidden
    desk.note("remove override", instrument or "all instruments", {"strategy": strategy})
    return None if Overrides(desk.documents).remove(strategy, instrument) else Refused("there is no such override")


def lock_rows(desk: ControlDesk) -> list[Row]:
    """Locks that stand."""
    return [
        {"instrument": lock.instrument, "kind": str(lock.kind), **asdict(lock.word)}
        for lock in Locks(desk.documents).all()
    ]


def lock(desk: ControlDesk, instrument: str) -> Refused | None:
    """Lock an instrument by an operator's word."""
    Instruments(desk.documents).get(instrument)
    desk.note("lock", instrument, {})
    if Locks(desk.documents).lock(Lock(instrument, LockKind.MANUAL, desk.word)):
        return None
    return Refused(f"{instrument} is locked by an operator already")


def unlock(desk: ControlDesk, instrument: str, kind: LockKind) -> Refused | None:
    """Take a lock away; one that a break of positions set comes back as long as the break lasts."""
    if (forbidden := desk.forbidden) is not None:
        return forbidden
    desk.note("unlock", instrument, {"kind": str(kind)})
    if Locks(desk.documents).unlock(instrument, kind):
        return None
    return Refused(f"{instrument} has no lock of the kind {kind}")


def kill_view(desk: ControlDesk) -> KillWord:
    """How the switch stands; DataError if it cannot be read (then nothing is sent)."""
    word = desk.kill_switch.read()
    if word is None:
        raise DataError(
            f"the kill switch cannot be read, so no order is sent: mend the database or {desk.run / 'kill_switch'}, "
            "or set the switch anew"
        )
    return word


def set_kill(desk: ControlDesk, state: KillState) -> Refused | None:
    """Set the kill switch; a stop is in force before it is audited, a release after. Everybody may halt."""
    word = KillWord(state, desk.by, desk.now, desk.why)
    if state is not KillState.HALT and (forbidden := desk.forbidden) is not None:
        return forbidden
    if state is KillState.NORMAL:
        desk.note("release the kill switch", "all orders", {"state": str(state)})
        return desk.kill_switch.set(word)
    refused = desk.kill_switch.set(word)
    desk.note("set the kill switch", "all orders", {"state": str(state)})
    return refused


def _kind(limit: TradeLimit | PositionLimit) -> str:
    return "trade" if isinstance(limit, TradeLimit) else "position"
