"""One row that was written by hand does not prevent the others from being read."""

from __future__ import annotations

from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Float, String, Text
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

from canvas_sync_core.store.stored_values import (
    LARGEST_COUNT,
    TOLERANT_TYPES,
    limit_count,
    read_json_object,
    read_number,
)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (7, 7),
        (LARGEST_COUNT, LARGEST_COUNT),
        (LARGEST_COUNT + 1, LARGEST_COUNT),
        (-LARGEST_COUNT - 1, -LARGEST_COUNT),
        (2.9, 2),
        (Decimal("3.5"), 3),
        (1e300, LARGEST_COUNT),
        (-inf, -LARGEST_COUNT),
        (nan, 0),
        (True, 1),
        ("7", 0),
        (None, 0),
    ],
)
def test_a_count_has_64_bits(value: Any, count: int) -> None:
    assert limit_count(value) == count


@pytest.mark.parametrize(("value", "number"), [(1.5, 1.5), (2, 2), ("2", 0.0), (None, 0.0)])
def test_a_value_that_is_not_a_number_counts_as_0(value: Any, number: float) -> None:
    assert read_number(value) == number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"a": [1]}', {"a": [1]}),
        (b'{"a": 1}', {"a": 1}),
        ("[1]", {"unreadable": "[1]"}),
        (b"\xff", {"unreadable": "\ufffd"}),
        ("x" * 2000, {"unreadable": "x" * 1000}),
        ("[" * 2000, {"unreadable": "[" * 1000}),
        (7, {"unreadable": "7"}),
        (None, {"unreadable": "None"}),
    ],
)
def test_a_value_that_is_not_an_object_is_kept_as_text(
    value: Any, expected: dict[str, Any]
) -> None:
    assert read_json_object(value) == expected


_CASES: list[tuple[type[TypeEngine[Any]], Any, Any]] = [
    *((BigInteger, value, read) for value, read in ((None, None), (7, 7), ("x", 0), (2.5, 2))),
    *(
        (Boolean, value, read)
        for value, read in ((None, None), (1, True), (0.0, False), ("x", None))
    ),
    *((Float, value, read) for value, read in ((None, None), (1.5, 1.5), ("x", 0.0))),
    *(
        (String, value, read)
        for value, read in ((None, None), ("a", "a"), (b"\xff", "\ufffd"), (7, "7"))
    ),
    *((Text, value, read) for value, read in ((None, None), (b"a", "a"))),
]


@pytest.mark.parametrize(("kind", "stored", "read"), _CASES)
def test_a_column_reads_any_value_that_sqlite_has_in_it(
    kind: type[TypeEngine[Any]], stored: Any, read: Any
) -> None:
    process = TOLERANT_TYPES[kind]().result_processor(sqlite.dialect(), None)
    assert process is not None
    found = process(stored)
    assert (found, type(found)) == (read, type(read))
