"""Groups failed runs by cause. Pure functions.

Numbers in error messages may be ids of users, so they are masked; runs that differ only in numbers
have the same cause.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from canvas_sync_core.logs import escape_controls

__all__ = ["Cause", "FailedRun", "group_by_cause", "mask_numbers", "name_cause"]

_LONGEST: Final = 160
_PHRASES: Final = "|".join(f"{each.value} {each.phrase}" for each in HTTPStatus if each >= 400)
_NUMBER: Final = re.compile(
    r"(?P<status>"
    r"(?:^|\b(?:HTTP(?: Error)?|status|status_code|code|answered|responded with)\b[\s:=]{0,3})"
    r"[45]\d\d\b"
    rf"|\b(?-i:{_PHRASES})\b"
    r"|\bexit(?:ed with)? (?:code|status) \d{1,3}\b"
    r")|\d+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that failed, was interrupted, or did only a part of its work.

    Attributes:
        number: The ``id`` of its row.
        message: The beginning of its error message.
    """

    number: int
    sync_type: str
    start: datetime
    user_id: int | None
    host: str
    error_type: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Cause:
    """Failed runs with the same cause.

    Attributes:
        name: The error, without numbers that may be ids.
        users: Number of users whose runs failed.
        sync_types: Number of runs by sync type, most frequent first.
        hosts: Number of runs by host, most frequent first.
        newest: The ``id`` of the row of the newest run.
    """

    name: str
    runs: int
    users: int
    first: datetime
    last: datetime
    sync_types: dict[str, int]
    hosts: dict[str, int]
    newest: int


def group_by_cause(runs: Iterable[FailedRun]) -> list[Cause]:
    """Group runs by cause, most frequent first."""
    groups: dict[str, list[FailedRun]] = {}
    names: dict[tuple[str | None, str | None], str] = {}
    for run in runs:
        key = run.error_type, run.message
        if key not in names:
            names[key] = name_cause(*key)
        groups.setdefault(names[key], []).append(run)
    causes = [_cause(name, group) for name, group in groups.items()]
    return sorted(causes, key=lambda each: (-each.runs, each.name))


def name_cause(error_type: str | None, message: str | None) -> str:
    """Describe an error in one short line."""
    first_line = (message or "").strip().partition("\n")[0]
    text = ": ".join(filter(None, (error_type, mask_numbers(first_line))))
    if not text:
        return "no error was recorded"
    clean = escape_controls(text)
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 1]}…"


def mask_numbers(text: str) -> str:
    """Replace numbers with ``#``, except HTTP status codes and exit codes."""
    return _NUMBER.sub(_mask, text)


def _mask(match: re.Match[str]) -> str:
    return match[0] if match["status"] else "#"


def _cause(name: str, runs: list[FailedRun]) -> Cause:
    newest = max(runs, key=lambda run: (run.start, run.number))
    return Cause(
        name=name,
        runs=len(runs),
        users=len({run.user_id for run in runs if run.user_id is not None}),
        first=min(run.start for run in runs),
        last=newest.start,
        sync_types=dict(Counter(run.sync_type for run in runs).most_common()),
        hosts=dict(Counter(run.host for run in runs).most_common()),
        newest=newest.number,
    )
