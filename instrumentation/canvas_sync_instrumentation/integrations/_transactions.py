"""Items that were read off a transaction's statements, until it is known whether they stay."""

from __future__ import annotations

import re
from typing import Final

from canvas_sync_core.events import ItemCounts
from canvas_sync_instrumentation.run.totals import InferredItems, RunTotals, plus

__all__ = ["UncommittedItems"]

_NAME: Final = r"""(?P<name>[\w$]+|"[^"]+"|`[^`]+`|\[[^]]+\])"""
_CONTROL: Final = re.compile(
    rf"""(?: \s | --[^\n]*(?:\n|\Z) | /\*(?s:.*?)\*/ )*(?:
        (?P<savepoint> SAVEPOINT | SAVE \s+ TRAN(?:SACTION)? ) \s+ {_NAME}
      | (?P<commit> COMMIT | END ) \b
      | (?P<rollback> ROLLBACK | ABORT ) (?:\s+ (?:WORK|TRAN(?:SACTION)?))?
            (?:\s+ (?:TO \s+)? (?:SAVEPOINT \s+)? {_NAME.replace("name", "target")})?
      | (?P<release> RELEASE ) \s+ (?:SAVEPOINT \s+)? {_NAME.replace("name", "released")}
    )""",
    re.VERBOSE | re.IGNORECASE,
)


class _Savepoint:
    """What followed a savepoint, or the begin of the transaction."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: dict[tuple[RunTotals, str], ItemCounts] = {}


class UncommittedItems:
    """Takes the items of one connection back from their runs when they are rolled back."""

    def __init__(self) -> None:
        self._savepoints = [_Savepoint("")]

    def add(self, inferred: InferredItems) -> None:
        """Remember items of the transaction."""
        _add(self._savepoints[-1], inferred)

    def commit(self) -> None:
        """Leave all items to their runs."""
        self._savepoints = [_Savepoint("")]

    def roll_back(self) -> None:
        """Take all items back."""
        self._roll_back_to(0)

    def follow(self, statement: str) -> None:
        """Do as a statement of SQL does, if it controls the transaction."""
        control = _CONTROL.match(statement)
        if control is None:
            return
        if name := control["savepoint"] and control["name"]:
            self._savepoints.append(_Savepoint(_plain(name)))
        elif control["commit"]:
            self.commit()
        elif control["release"]:
            self._release(self._place_of(control["released"]))
        else:
            self._roll_back_to(self._place_of(control["target"]))

    def _place_of(self, name: str | None) -> int:
        """Place of the newest savepoint of a name; 0, the begin, where there is none."""
        plain = _plain(name or "")
        places = range(len(self._savepoints) - 1, 0, -1)
        return next((place for place in places if self._savepoints[place].name == plain), 0)

    def _roll_back_to(self, place: int) -> None:
        gone = self._savepoints[place:]
        self._savepoints[place:] = [_Savepoint(gone[0].name)]
        for savepoint in gone:
            for (totals, item), counts in savepoint.items.items():
                totals.take_back(item, counts)

    def _release(self, place: int) -> None:
        if place == 0:
            return
        released = self._savepoints[place:]
        del self._savepoints[place:]
        for savepoint in released:
            for (totals, item), counts in savepoint.items.items():
                self.add(InferredItems(totals, item, counts))


def _add(savepoint: _Savepoint, inferred: InferredItems) -> None:
    totals, item, counts = inferred
    known = savepoint.items.get((totals, item))
    savepoint.items[totals, item] = counts if known is None else plus(known, counts)


def _plain(name: str) -> str:
    return name.strip('"`[]').lower()
