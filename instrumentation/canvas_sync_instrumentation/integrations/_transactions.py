"""Items inferred from the statements of a transaction that is not yet committed."""

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
    """The items since a savepoint, or since the start of the transaction."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: dict[tuple[RunTotals, str], ItemCounts] = {}


class UncommittedItems:
    """Subtracts the items of one connection from their runs when they are rolled back."""

    def __init__(self) -> None:
        self._savepoints = [_Savepoint("")]

    def add(self, inferred: InferredItems) -> None:
        """Add items of the transaction."""
        _add(self._savepoints[-1], inferred)

    def commit(self) -> None:
        """Stop tracking all items: they stay in their runs."""
        self._savepoints = [_Savepoint("")]

    def roll_back(self) -> None:
        """Subtract all items from their runs."""
        self._roll_back_to(0)

    def follow(self, statement: str) -> None:
        """Apply an SQL statement that controls the transaction; ignore any other."""
        control = _CONTROL.match(statement)
        if control is None:
            return
        if name := control["savepoint"] and control["name"]:
            self._savepoints.append(_Savepoint(_plain(name)))
        elif control["commit"]:
            self.commit()
        elif control["release"]:
            self._release(self._index_of(control["released"]))
        else:
            self._roll_back_to(self._index_of(control["target"]))

    def _index_of(self, name: str | None) -> int:
        """Return the index of the newest savepoint with a name; 0, the start, if there is none."""
        plain = _plain(name or "")
        indexes = range(len(self._savepoints) - 1, 0, -1)
        return next((index for index in indexes if self._savepoints[index].name == plain), 0)

    def _roll_back_to(self, index: int) -> None:
        undone = self._savepoints[index:]
        self._savepoints[index:] = [_Savepoint(undone[0].name)]
        for savepoint in undone:
            for (totals, item), counts in savepoint.items.items():
                totals.take_back(item, counts)

    def _release(self, index: int) -> None:
        if index == 0:
            return
        released = self._savepoints[index:]
        del self._savepoints[index:]
        for savepoint in released:
            for (totals, item), counts in savepoint.items.items():
                self.add(InferredItems(totals, item, counts))


def _add(savepoint: _Savepoint, inferred: InferredItems) -> None:
    totals, item, counts = inferred
    known = savepoint.items.get((totals, item))
    savepoint.items[totals, item] = counts if known is None else plus(known, counts)


def _plain(name: str) -> str:
    return name.strip('"`[]').lower()
