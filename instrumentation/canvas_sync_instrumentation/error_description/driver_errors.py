"""Removes quoted values from the messages of database drivers.

Quoted names of the schema are kept: those that the server knows, and those in a statement in the
app's code.
"""

from __future__ import annotations

import re
from typing import Final

from canvas_sync_core.canvas.attributes import attribute, has_base
from canvas_sync_core.canvas.quoted_values import MASK, mask_quoted
from canvas_sync_core.patterns import late_pattern
from canvas_sync_core.plain import text_of

from .source_texts import SourceTexts

__all__ = ["driver_error_of", "driver_message"]

_BASES: Final = ("DatabaseError", "PostgresError")  # PEP 249; asyncpg
_NAMED: Final = late_pattern(
    r"""\b(?:constraint|database|extension|function|index|key|relation|schema|sequence|table|type
        |view)\ ["']([\w.$-]+)["'] | \bcolumn\ "([\w$]+)"(?=\ of\ relation\b)""",
    re.VERBOSE,
)
"""Where PostgreSQL and MySQL quote a name instead of a value."""
_CATALOG: Final = ("schema_name", "table_name", "column_name", "constraint_name", "datatype_name")
"""Fields of a PostgreSQL error beside the message: objects of its catalog."""
_BARE_COLUMN: Final = late_pattern(
    r"\b(?P<what>no such column: |ambiguous column name: |has no column named |column )"
    r"(?P<name>(?!['\"])[^\s'\"]+)(?P<rest> does not exist|\Z| - )"
)
"""Where SQLite and PostgreSQL mention a name without quotation marks."""
_ROW: Final = late_pattern(r"(?<=value is )\(.*\)|(?<=unrecognized token: )\".*\"")


def driver_error_of(error: BaseException) -> BaseException | None:
    """Return the driver's error, possibly inside SQLAlchemy's; None if there is none."""
    cause = attribute(error, "orig")
    if isinstance(cause, BaseException):
        return cause
    return error if any(has_base(error, base) for base in _BASES) else None


def driver_message(error: BaseException, driver: BaseException, sources: SourceTexts) -> str:
    """Return the first line of a driver's message, without values.

    Args:
        error: As it was raised; SQLAlchemy's has the statement.
        driver: The driver's own error.
        sources: The code that the error went through.
    """
    text = _ROW.sub(MASK, _text(driver).partition("\n")[0])
    names = {name for found in _NAMED.finditer(text) for name in found.groups()}
    names |= {_catalog_name(driver, name) for name in _CATALOG}
    statement = attribute(error, "statement")
    statement = statement if isinstance(statement, str) else ""

    def is_known(name: str) -> bool:
        return (
            name in names
            or sources.has_exactly(name)
            or _is_in_statements(name, statement, sources)
        )

    text = _BARE_COLUMN.sub(
        lambda found: found[0] if is_known(found["name"]) else _without_name(found), text
    )
    return mask_quoted(text, is_known)


def _text(driver: BaseException) -> str:
    """Return the driver's text; those for MySQL and ODBC are made of a code and a text."""
    args = attribute(driver, "args")
    if isinstance(args, tuple) and len(args) == 2 and isinstance(args[1], str):
        return f"({args[0]}) {args[1]}"
    return text_of(driver)


def _catalog_name(driver: BaseException, name: str) -> str | None:
    value = attribute(attribute(driver, "diag"), name) or attribute(driver, name)
    return value if isinstance(value, str) else None


def _is_in_statements(name: str, statement: str, sources: SourceTexts) -> bool:
    """Return whether a statement in the code names the column, or a table that it belongs to."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return False
    if sources.has_in_statement(parts[-1]):
        return True
    table = re.escape(parts[-2]) if len(parts) > 1 else "(?!)"
    named = rf"\b(?:from|into|join|update)\s+[\"`]?{table}\b|\bas\s+{table}\b"
    return re.search(named, statement, re.IGNORECASE) is not None


def _without_name(found: re.Match[str]) -> str:
    return f"{found['what']}{MASK}{found['rest']}"
