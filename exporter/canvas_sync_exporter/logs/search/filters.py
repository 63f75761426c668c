"""The filters of a search."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import re2

from canvas_sync_core.names import GRAPHQL_ERROR, Log
from canvas_sync_exporter.logs.own_lines import OWN_JSON, has_foreign_lines
from canvas_sync_exporter.logs.task_ids import ids_in_logs

from .exclusions import NO_EXCLUSIONS, Exclusions
from .rare_number import RareNumber
from .rare_text import RareText
from .search_record import SearchRecord
from .texts import in_json, spellings

__all__ = ["PATTERN_LIMIT", "LineFilter", "compile_pattern"]

PATTERN_LIMIT: Final = 1000
"""The longest regular expression, in characters."""

_Alternatives: TypeAlias = tuple[RareText | RareNumber, ...]

_PATTERN_MEMORY: Final = 8 * 1024 * 1024
_NEEDS_ONE_LINE: Final = re.compile(r"\\[Az]|\(\?\w*-")  # \A, \z and flags such as (?-m)


def compile_pattern(pattern: str) -> Any:
    """Compile a regular expression in RE2's syntax, which takes linear time on any line.

    Python's own engine backtracks, and practically never ends with some expressions.

    Raises:
        ValueError: It is invalid, too long or too large.
    """
    if len(pattern) > PATTERN_LIMIT:
        raise ValueError(f"use a regular expression of at most {PATTERN_LIMIT} characters")
    try:
        return _compile(pattern)
    except (re2.error, UnicodeEncodeError) as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise ValueError(f"this regular expression cannot be used: {why}") from None


def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY
    options.log_errors = False
    return re2.compile(pattern, options)


def _for_many_lines(pattern: Any) -> Any:
    """Return an expression that matches in several lines if ``pattern`` matches in one of them.

    It may match in other lines, too. None if there is no such expression.
    """
    if pattern is None or _NEEDS_ONE_LINE.search(pattern.pattern):
        return None
    try:
        return _compile(f"(?m){pattern.pattern}")
    except re2.error:  # a little too large
        return None


@dataclass(frozen=True)
class LineFilter:
    """What a line must match; None means no filter.

    Attributes:
        text: Text that the raw line contains, with JSON escapes decoded.
        pattern: A regular expression, from :func:`compile_pattern`, that matches in the raw line.
        logs: In one of these logs.
        levels: Of one of these levels; empty means no filter.
        status: HTTP status, class of a failed request, status of a run or a step, or outcome of a
            database operation.
        route: Canvas route template.
        since: At or after this time.
        until: Before this time.
        exclusions: What it must not match.
    """

    text: str | None = None
    pattern: Any = None
    logs: tuple[Log, ...] = tuple(Log)
    levels: tuple[str, ...] = ()
    user_id: int | None = None
    course_id: int | None = None
    task_id: str | None = None
    trace_id: str | None = None
    status: str | None = None
    route: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    exclusions: Exclusions = NO_EXCLUSIONS
    _texts: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    _traits: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    _levels: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    _status: _Alternatives = field(init=False, repr=False, compare=False)
    _in_some_line: tuple[_Alternatives, ...] = field(init=False, repr=False, compare=False)
    _in_own_line: tuple[_Alternatives, ...] = field(init=False, repr=False, compare=False)
    _lines_pattern: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        texts = () if self.text is None else spellings(self.text)
        object.__setattr__(self, "_texts", texts)
        traits = tuple(self._make_traits())
        object.__setattr__(self, "_traits", traits)
        levels = tuple(b'"level":%s' % in_json(level) for level in self.levels)
        object.__setattr__(self, "_levels", levels)
        object.__setattr__(self, "_status", _status_alternatives(self.status))
        object.__setattr__(self, "_lines_pattern", _for_many_lines(self.pattern))
        object.__setattr__(self, "_in_some_line", _groups(map(RareText, texts)))
        own = _groups(
            *((RareText(trait),) for trait in traits), map(RareText, levels), self._status
        )
        object.__setattr__(self, "_in_own_line", own)

    def may_be_in(self, lines: bytes | memoryview) -> bool:
        """Whether any of these lines can match; a quick check of all of them together."""
        return (
            _has_each(self._in_some_line, lines)
            and (self._lines_pattern is None or self._lines_pattern.search(lines) is not None)
            and (_has_each(self._in_own_line, lines) or has_foreign_lines(lines))
        )

    def may_be(self, line: bytes) -> bool:
        """Whether a line can match, judging by its bytes; a quick check."""
        if not self._has_text(line):
            return False
        if line.startswith(OWN_JSON) and not self._has_traits(line):
            return False
        if self.pattern is not None and self.pattern.search(line) is None:
            return False
        return not self.exclusions.match_line(line)

    def _has_text(self, raw: bytes) -> bool:
        return not self._texts or any(text in raw for text in self._texts)

    def _has_traits(self, raw: bytes) -> bool:
        for trait in self._traits:
            if trait not in raw:
                return False
        if self._levels and not any(level in raw for level in self._levels):
            return False
        return not self._status or any(each.is_in_line(raw) for each in self._status)

    def wants(self, record: SearchRecord) -> bool:
        """Whether a line that passed :meth:`may_be` is wanted."""
        return (
            (self.since is None or record.timestamp >= self.since)
            and (self.until is None or record.timestamp < self.until)
            and (not self.levels or record.level in self.levels)
            and self.user_id in (None, record.user_id)
            and self.course_id in (None, record.course_id)
            and (self.task_id is None or record.task_id in ids_in_logs(self.task_id))
            and self.trace_id in (None, record.trace_id)
            and self.route in (None, record.route)
            and (self.status is None or self.status in record.statuses)
            and not self.exclusions.match_record(record)
        )

    def _make_traits(self) -> Iterator[bytes]:
        """Return what a JSON line by our own writer must contain."""
        if self.task_id is not None and self.task_id.isascii():
            shortest = min(ids_in_logs(self.task_id), key=len)  # the others begin with it
            yield b'"task_id":%s' % in_json(shortest)[:-1]
        for name in ("user_id", "course_id", "trace_id", "route"):
            value = getattr(self, name)
            if value is not None and str(value).isascii():  # of others some are escaped
                yield b'"%s":%s' % (name.encode(), in_json(value))


def _groups(*groups: Iterable[RareText | RareNumber]) -> tuple[_Alternatives, ...]:
    """Return groups, of each of which one must be found, without empty ones."""
    return tuple(filter(None, map(tuple, groups)))


def _has_each(groups: tuple[_Alternatives, ...], lines: bytes | memoryview) -> bool:
    return all(any(each.is_in(lines) for each in group) for group in groups)


def _status_alternatives(status: str | None) -> _Alternatives:
    """Return the values one of which is in each JSON line by our own writer with a status."""
    if status is None or not status.isascii():  # of others some are escaped
        return ()
    if status.lstrip("-").isdecimal():
        return (RareNumber(status),)
    value = RareText(b":" + in_json(status))
    return (value, RareText(b'"graphql_errors":')) if status == GRAPHQL_ERROR else (value,)
