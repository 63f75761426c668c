"""Rewrites human-readable lines of other spellings into ours.

Older systems, and people who changed their formats, separate parts by other signs, write
``Duration=1m 5s`` for ``Duration: 65000ms`` and ``12,340`` for ``12340``.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["in_our_spelling"]

_LONGEST: Final = 2000
_BLANKS: Final = re.compile(r"[\s\u00a0\u202f]+")
_SEPARATOR: Final = re.compile(r" ?(?:[|;\u2022]|(?<= )(?:--+|[\u2013\u2014])(?= )) ?")
_KEYS: Final = (
    *("Status", "Duration", "Count", "Batch", "Operations", "Task", "Files", "Freed"),
    *("user_id", "course_id", "operation", "task_id", "Completion", "Sync Task", "Sync Step"),
)
_OUR_KEY: Final = {key.lower(): key for key in _KEYS}
_KEY: Final = re.compile(rf"(?:,? - |, |^| )({'|'.join(_KEYS)}) ?[:=] ?", re.IGNORECASE)
_STARTS: Final = frozenset({"completion", "sync task", "sync step", "task"})
_THOUSANDS: Final = re.compile(r"(?<![\w.,'/-])\d{1,3}(?:,\d{3}|'\d{3}|_\d{3})+(?![\w'/-]|,\d)")
_NUMBER: Final = r"\d{1,12}(?:\.\d{1,12})?"
_UNIT: Final = (
    r"(?:ms|msecs?|milliseconds?|us|µs|microseconds?|s|secs?|seconds?|m|mins?|minutes?"
    r"|h|hrs?|hours?|d|days?)"
)
_DURATION: Final = re.compile(
    rf"(?<![\w.,:/-]){_NUMBER} ?{_UNIT}(?:,? {_NUMBER} ?{_UNIT})*(?![\w/])"
)
_PART: Final = re.compile(rf"({_NUMBER}) ?({_UNIT})")
_MILLISECONDS: Final = {"u": 0.001, "µ": 0.001, "s": 1000.0, "h": 3_600_000.0, "d": 86_400_000.0}
_MINUTE: Final = 60_000.0


def in_our_spelling(text: str) -> str:
    """Return a line, without its time, as we would have written it.

    Texts in it may change too, so it is only for lines that cannot be read as they are.
    """
    if len(text) > _LONGEST:
        return text
    text = _BLANKS.sub(" ", text).strip()
    text = _SEPARATOR.sub(" - ", text)
    text = _KEY.sub(_key, text)
    text = _THOUSANDS.sub(lambda found: re.sub(r"\D", "", found[0]), text)
    text = _DURATION.sub(_in_milliseconds, text)
    return _BLANKS.sub(" ", text).strip()


def _key(found: re.Match[str]) -> str:
    key = found[1].lower()
    is_first = found.start() == 0 or key in _STARTS
    return f"{' ' if found.start() else ''}{'' if is_first else '- '}{_OUR_KEY[key]}: "


def _in_milliseconds(found: re.Match[str]) -> str:
    total = sum(float(number) * _factor(unit) for number, unit in _PART.findall(found[0]))
    return f"{total:.6f}".rstrip("0").rstrip(".") + "ms"


def _factor(unit: str) -> float:
    if unit.startswith("m"):
        return 1.0 if unit.startswith(("ms", "mil")) else 0.001 if "micro" in unit else _MINUTE
    return _MILLISECONDS[unit[0]]
