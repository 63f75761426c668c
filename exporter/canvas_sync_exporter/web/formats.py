"""Lists as JSON, CSV or NDJSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, get_args, get_type_hints
from urllib.parse import urlencode

import msgspec
from flask import Response, request

from canvas_sync_core.names import ITEMS
from canvas_sync_core.schema.run_fields import ITEM_COLUMN_ACTIONS, item_column
from canvas_sync_core.store.runs import RunRow

from .delivery import Body
from .parameters import choice

__all__ = [
    "FORMAT",
    "LIST_TYPES",
    "EncodedList",
    "Format",
    "chosen_format",
    "encode_list",
    "list_response",
]


class Format(StrEnum):
    """A format of lists."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"


FORMAT: Final = choice("format", "Format of the answer; by default as `Accept` says.", Format)
_CONTENT_TYPES: Final = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.NDJSON: "application/x-ndjson",
}
LIST_TYPES: Final = tuple(_CONTENT_TYPES.values())
"""Content types in which a list can be had."""
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for a formula (OWASP, "CSV Injection")."""


@dataclass(frozen=True, slots=True)
class EncodedList:
    """A page of a list in one of the formats.

    Attributes:
        next: Cursor of the next page; None on the last one.
    """

    body: Body
    format: Format
    next: str | None

    def is_small(self) -> bool:
        """Whether a few of these can be kept in memory."""
        return self.body.is_small()


def chosen_format(wanted: str | None) -> Format:
    """Return the format of the answer to the current request.

    Args:
        wanted: The parameter ``format``; None to choose by ``Accept``.
    """
    return Format(wanted) if wanted else _accepted()


def encode_list(page: Any, chosen: Format) -> EncodedList:
    """Encode a page of a list.

    Args:
        page: An object with ``items`` and, if the list has pages, ``next``.
        chosen: In which format.
    """
    return EncodedList(Body(_encode(page, chosen)), chosen, getattr(page, "next", None))


def list_response(encoded: EncodedList, name: str) -> Response:
    """Answer with a page of a list.

    Args:
        encoded: The page.
        name: Name of the file that a browser saves.
    """
    chosen = encoded.format
    response = Response(encoded.body.content, content_type=_CONTENT_TYPES[chosen])
    if chosen is Format.CSV:
        response.content_type = "text/csv; charset=utf-8; header=present"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    if encoded.next is not None:
        response.headers["Link"] = f'<{_url_of_next(encoded.next)}>; rel="next"'
    return response


def _accepted() -> Format:
    best = request.accept_mimetypes.best_match(LIST_TYPES, default="application/json")
    return next(each for each, content_type in _CONTENT_TYPES.items() if content_type == best)


def _encode(page: Any, chosen: Format) -> bytes:
    if chosen is Format.JSON:
        return msgspec.json.encode(page)
    if chosen is Format.NDJSON:
        return msgspec.json.Encoder().encode_lines(page.items)
    return _encode_csv(page)


def _url_of_next(cursor: str) -> str:
    """Return the URL of the next page, relative to this one's."""
    others = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
    return f"?{urlencode([*others, ('cursor', cursor)])}"


def _encode_csv(page: Any) -> bytes:
    """Encode the items as CSV (RFC 4180) with a header, which is there even without items."""
    (row_type,) = get_args(get_type_hints(type(page))["items"])
    fields = [field.name for field in msgspec.inspect.type_info(row_type).fields]  # type: ignore[attr-defined]  # it is a struct or a dataclass
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_header(row_type, fields))
    writer.writerows(_cells(row, fields) for row in page.items)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _header(row_type: type[Any], fields: Iterable[str]) -> Iterator[str]:
    for name in fields:
        if row_type is RunRow and name == "items":
            yield from (item_column(item, each) for item in ITEMS for each in ITEM_COLUMN_ACTIONS)
        else:
            yield name


def _cells(row: Any, fields: Iterable[str]) -> Iterator[Any]:
    values = msgspec.to_builtins(row)
    for name in fields:
        if isinstance(row, RunRow) and name == "items":
            for item in ITEMS:
                yield from (values["items"][f"{item}s"][each] for each in ITEM_COLUMN_ACTIONS)
        else:
            yield _cell(values[name])


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value
