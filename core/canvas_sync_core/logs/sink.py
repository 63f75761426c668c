"""The log sink: one event, one line in one of the five logs."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.clock import monotonic
from canvas_sync_core.events import Event
from canvas_sync_core.files.log_names import live_name
from canvas_sync_core.names import LOGS, Log, LogLevel
from canvas_sync_core.patterns import late_pattern
from canvas_sync_core.schema.log_records import Record
from canvas_sync_core.sinks import DropCounter

from . import LogFileWriter, network_filesystem_warning
from .patience import Patience
from .records.common_fields import RecordRule
from .records.maker import RecordMaker

__all__ = ["LogSink"]

_LOGGER: Final = app_logger(__name__)
# JSON allows these, but some readers treat them as line ends, and terminals obey C1 controls.
_UNSAFE_IN_JSON: Final = late_pattern(rb"\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")
_ENCODER: Final = msgspec.json.Encoder()

_Handler = tuple[Callable[[Any], Record | None], Callable[[bytes], None]]
"""Makes the record of an event, and appends its line to a log."""


class LogSink:
    """Writes the five logs.

    Args:
        log_dir: Folder of the logs.
        log_format: ``json`` for one JSON object per line, ``text`` for the human-readable line.
        levels: Log -> the lowest level that is written; a log with ``OFF`` has no file.
        zone: Time zone of the times in human-readable lines.
        control_dir: Folder of the logs' control pages, shared by all processes.
        host: Name of this machine or container.
        on_drop: Counts lines that could not be written.
        on_record: Counts lines by log and level.
    """

    def __init__(
        self,
        log_dir: Path,
        log_format: str,
        *,
        levels: Mapping[Log, LogLevel],
        zone: dt.tzinfo,
        control_dir: Path,
        host: str,
        on_drop: DropCounter,
        on_record: Callable[[str, str], None],
    ) -> None:
        self._encode = _text_line if log_format == "text" else _json_line
        self._on_record = on_record
        self._records = RecordMaker(host, zone)
        patience = Patience()
        self._writers = {
            log: LogFileWriter(
                log_dir / live_name(log),
                max_bytes=max_bytes,
                backups=backups,
                control_dir=control_dir,
                on_drop=lambda reason, count: on_drop("log", reason, count),
                patience=patience,
            )
            for log, (max_bytes, backups) in LOGS.items()
            if levels[log] is not LogLevel.OFF
        }
        self._handlers: dict[type[Event], list[_Handler]] = {
            event: [(_from_level(levels[rule.log], rule), self._writers[rule.log].append)]
            for event, rule in self._records.rules.items()
            if rule.log in self._writers
        }
        for event, rule in self._records.detail_rules.items():
            if LogLevel.DEBUG in levels[rule.log].written:
                self._handlers[event].append((rule.make, self._writers[rule.log].append))
        if warning := network_filesystem_warning(log_dir):
            _LOGGER.warning(warning)

    @property
    def fault(self) -> str | None:
        """Why a log cannot be written now; None while all can."""
        faults = (writer.fault for writer in self._writers.values())
        return next(filter(None, faults), None)

    def handle(self, event: Event) -> None:
        """Write its line, and at level ``DEBUG`` its details; heartbeats and the like have none."""
        for make, append in self._handlers.get(type(event), ()):
            record = make(event)
            if record is not None:
                append(self._encode(record))
                self._on_record(record.log, record.level)

    def flush(self, timeout: float) -> bool:
        """Write lines that wait because of a full disk or a lock; return whether none are left."""
        deadline = monotonic() + timeout
        done = [writer.flush(deadline - monotonic()) for writer in self._writers.values()]
        return all(done)

    def close(self, timeout: float) -> None:
        """Write waiting lines as far as the time allows, and close the logs."""
        deadline = monotonic() + timeout
        for writer in self._writers.values():
            writer.close(deadline - monotonic())

    def after_fork_in_child(self) -> None:
        """Continue in a forked child; waiting lines belong to the parent."""
        self._records.after_fork_in_child()
        for writer in self._writers.values():
            writer.after_fork_in_child()


def _from_level(least: LogLevel, rule: RecordRule) -> Callable[[Any], Record | None]:
    """Return what makes the record of an event, or None if its level is lower."""
    if LogLevel.INFO in least.written:  # no event is below: nothing to ask
        return rule.make
    wanted = frozenset(least.written)

    def make(event: Event) -> Record | None:
        return rule.make(event) if rule.level(event) in wanted else None

    return make


def _text_line(record: Record) -> bytes:
    return f"{record.message}\n".encode()


def _json_line(record: Record) -> bytes:
    try:
        line = _ENCODER.encode(record)
    except UnicodeEncodeError:
        line = _ENCODER.encode(_without_surrogates(msgspec.to_builtins(record)))
    if not line.isascii():
        line = _UNSAFE_IN_JSON.sub(_json_escape, line)
    return line + b"\n"


def _json_escape(match: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(match[0].decode())


def _without_surrogates(value: Any) -> Any:
    r"""Write lone surrogates as ``\udc80``: UTF-8 cannot encode them, most readers reject them."""
    if isinstance(value, dict):
        return {key: _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value
