"""Checks the arguments of the tracker: reports each wrong one and returns a usable value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from opentelemetry.trace import Link

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.canvas.redaction import REMOVED, redact
from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.identifiers import random_hex
from canvas_sync_core.names import OTHER
from canvas_sync_core.patterns import late_pattern
from canvas_sync_core.plain import MAX_COUNT, MAX_SECONDS, number_of, text_of, whole_number_of
from canvas_sync_instrumentation.run.metadata import clean_metadata
from canvas_sync_instrumentation.run.trace_context import trace_links

from .error_description import error_info, error_of_text
from .interfaces import Reporter
from .internal_errors import never_raises

__all__ = ["LONGEST_ID", "LONGEST_WORD", "Arguments", "to_error", "to_operation"]

N = TypeVar("N", int, float)

LONGEST_ID: Final = 255
LONGEST_WORD: Final = 64
_OPERATION: Final = late_pattern(r"[^\W\d][\w -]*")
_MAX_CANVAS_ID: Final = 2**63 - 1
_LONGEST_SHOWN: Final = 40
"""Maximum number of characters of a wrong value in a message."""


class Arguments(msgspec.Struct, frozen=True):
    """Checks arguments and reports wrong ones as misuse, which raises in strict mode.

    Attributes:
        reporter: The monitor.
    """

    reporter: Reporter

    def count(self, call: str, value: object) -> int:
        """Return a number of items, rows or bytes."""
        rule = f"{call}: count must be a whole number from 0 to 2**53"
        return self.bounded(value, whole_number_of(value), MAX_COUNT, rule)

    def seconds(self, call: str, value: object) -> float:
        """Return a duration."""
        rule = f"{call}: duration is in seconds from 0 to {MAX_SECONDS:.0f}"
        return self.bounded(value, number_of(value), MAX_SECONDS, rule)

    def bounded(self, given: object, number: N | None, highest: N, rule: str) -> N:
        """Limit a number to the valid range and report any change.

        Args:
            given: The argument.
            number: The argument as a number; None if it is not one, which counts as 0.
            highest: The highest valid number; the lowest is 0.
            rule: The message.
        """
        bounded = min(max(number or 0, 0), highest)
        if number is None or number != bounded:
            # A non-number may be data.
            if number is None:
                shown = f"of class {type(given).__name__}"
            else:
                shown = text_of(given)[:_LONGEST_SHOWN]
            self.reporter.misuse(f"{rule}.", f"It was {shown} and counts as {bounded}.")
        return bounded

    def status_code(self, value: object) -> int | None:
        """Return an HTTP status."""
        if value is None:
            return None
        number = whole_number_of(value)
        if number is not None and 100 <= number <= 999:
            return number
        self.reporter.misuse("record_api_call: status_code must be an HTTP status, or None.")
        return None

    def canvas_id(self, name: str, value: object) -> int | None:
        """Return the id of a user or course."""
        if value is None:
            return None
        number = whole_number_of(value)
        text = text_of(value) if issubclass(type(value), str) else ""
        if text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_CANVAS_ID)):
            number = int(text)
        if number is not None and abs(number) <= _MAX_CANVAS_ID:
            return number
        self.reporter.misuse(f"{name} must be a Canvas id, which is a number. It was left out.")
        return None

    @never_raises
    def task_id(self, value: object) -> str:
        """Return a task id; ids that redaction or truncation would make equal stay distinct."""
        given = text_of(value).strip()
        text = self.text("task_id", given, LONGEST_ID) or ""
        if len(given) > LONGEST_ID or REMOVED in text:
            self.reporter.misuse(
                f"task_id: over {LONGEST_ID} characters, an e-mail address or a secret cannot be "
                "recorded; the run got another id. Use a number or a UUID."
            )
            text = f"{text[: LONGEST_ID - 33]}-{random_hex(16)}"
        return text

    @never_raises
    def text(self, name: str, value: object, length: int) -> str:
        """Return a text without secrets, of at most ``length`` characters."""
        text = redact(text_of(value), length).strip()
        if not text:
            self.reporter.misuse(f"{name} must not be empty.")
        return text

    @never_raises
    def metadata(self, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return metadata that can be stored."""
        if metadata is None:
            return {}
        if issubclass(type(metadata), Mapping):
            try:
                return clean_metadata(metadata)
            except Exception as error:  # noqa: BLE001 - of the app's own mapping
                raise_if_asynchronous(error)
        self.reporter.misuse("metadata must be a mapping that can be read. It was left out.")
        return {}

    @never_raises
    def links(self, headers: Mapping[str, str] | None) -> list[Link]:
        """Return the spans that trace headers name."""
        if headers is None:
            return []
        if issubclass(type(headers), Mapping):
            try:
                return trace_links(headers)
            except Exception as error:  # noqa: BLE001 - of the app's own mapping
                raise_if_asynchronous(error)
        self.reporter.misuse("linked_to must be a mapping of trace headers. It was left out.")
        return []


def to_error(error: BaseException | str) -> ErrorInfo:
    """Describe an exception, or an error given as text."""
    return error_info(error) if isinstance(error, BaseException) else error_of_text(text_of(error))


def to_operation(operation: str) -> str:
    """Return the leading words, for example of a whole statement, whose values come later."""
    found = _OPERATION.match(operation.strip())
    return redact(found[0].strip(), LONGEST_WORD).upper() if found else OTHER
