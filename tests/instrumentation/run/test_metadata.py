"""Whatever an app gives as metadata: the row has it as bounded, plain JSON, and soon."""

from __future__ import annotations

import collections
import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from canvas_sync_core.store.model import metrics_table
from canvas_sync_instrumentation.monitor import configure
from canvas_sync_instrumentation.run.metadata import clean_metadata
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker

A_MOMENT = 0.25
"""Seconds; a few milliseconds on a machine that has nothing else to do."""


class Int64(int):
    """What libraries of columns give for a number."""


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("broken")


class Grade(IntEnum):
    PASS = 1


class Endless(Mapping[str, int]):
    """A mapping that says it has no end."""

    def __getitem__(self, key: str) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield f"k{number}"

    def __len__(self) -> int:
        return 1


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"in": inner}
    return inner


def cyclic() -> dict[str, Any]:
    cycle: dict[str, Any] = {"list": []}
    cycle["list"].append(cycle)
    return cycle


HUGE: dict[str, Callable[[], Any]] = {
    "lists in lists": lambda: {f"k{i}": [["v" * 500] * 100] * 100 for i in range(100)},
    "addresses": lambda: {f"k{i}": [["ann@school.example " * 25] * 100] * 100 for i in range(100)},
    "texts": lambda: {f"k{i}": "a text, " * 100_000 for i in range(100)},
    "one text": lambda: {"k": "a@b?c=d:/" * 5_000_000},
    "bytes": lambda: {"k": b"\xff" * 50_000_000},
    "keys": lambda: {f"{i}" * 1000: i for i in range(10_000)},
    "entries": lambda: dict.fromkeys(map(str, range(1_000_000)), 0),
    "set": lambda: {"k": set(range(1_000_000))},
    "deque": lambda: {"k": collections.deque(range(1_000_000))},
    "range": lambda: {"k": range(10**12)},
    "depth": lambda: nested(10_000),
    "cycle": cyclic,
    "endless": Endless,
    "number": lambda: {"k": 10**500_000},
}
"""Made by the test that needs them: they are hundreds of megabytes."""


@pytest.mark.parametrize("name", HUGE)
def test_huge_metadata_is_cut_with_a_mark_in_a_moment(name: str) -> None:
    metadata = HUGE[name]()
    begin = time.thread_time()
    cleaned = clean_metadata(metadata)
    assert time.thread_time() - begin < A_MOMENT
    text = json.dumps(cleaned, ensure_ascii=False)
    assert len(text) < 64 * 1024
    assert "…" in text or name == "number"


def test_small_metadata_is_not_cut() -> None:
    metadata = {"schools": [{"name": f"School {i}", "ids": [1, 2, 3]} for i in range(50)]}
    assert clean_metadata(metadata) == metadata


def test_what_json_cannot_hold_becomes_text() -> None:
    values = {
        "subclass": Int64(5),
        "long": 2**63,
        "longest": 10**5000,
        "nan": math.nan,
        "infinite": -math.inf,
        "decimal": Decimal("1.50"),
        "complex": 1j,
        "bytes": b"\x00\xff",
        "class": int,
        "none of these": Broken(),
        "enum": Grade.PASS,
        "nul": "a\0b",
        "surrogate": "a\udc80b",
    }
    cleaned = clean_metadata(values)
    assert {type(value) for value in cleaned.values()} == {str}
    assert cleaned["subclass"] == "5"
    assert cleaned["long"] == str(2**63)
    assert cleaned["longest"] == "a number of about 5001 digits"
    assert cleaned["decimal"] == "1.50"
    assert cleaned["infinite"] == "-inf"
    assert cleaned["none of these"] == "Broken"


def test_plain_values_stay_as_they_are() -> None:
    values = {"no": None, "yes": True, "n": -7, "x": 0.5, "t": "text", "l": [1, "a"], "d": {"a": 1}}
    assert clean_metadata(values) == values


def test_keys_that_become_the_same_text_are_kept_apart() -> None:
    metadata: dict[Any, int] = {1: 1, "1": 2, "ann@a.example": 3, "bob@b.example": 4, "…": 5}
    assert sorted(clean_metadata(metadata).values()) == [1, 2, 3, 4, 5]


class Unreadable(list[int]):
    def __iter__(self) -> Iterator[int]:
        raise RuntimeError("not loaded")


def test_a_collection_that_cannot_be_read_takes_no_other_value_away() -> None:
    cleaned = clean_metadata({"a": 1, "b": Unreadable([1]), "c": 3})
    assert cleaned == {"a": 1, "b": "Unreadable", "c": 3}


class Nameless(type):
    """The class of classes that tell nothing of themselves."""

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError("hidden")


class Hidden(metaclass=Nameless):
    pass


class Lazy(dict[str, int]):
    def __getitem__(self, key: str) -> int:
        return {"a": 1}[key]


def test_a_value_that_cannot_be_read_takes_no_other_value_away() -> None:
    assert clean_metadata({"a": 1, "b": Hidden(), "c": 3}) == {"a": 1, "b": "…", "c": 3}
    assert clean_metadata(Lazy(a=1, b=2)) == {"a": 1, "b": "…"}


def test_a_secret_stays_out_however_deep_it_is() -> None:
    deep: Any = {"access_token": "Qx1"}
    for _ in range(10):
        assert "Qx1" not in str(clean_metadata({"k": deep}))
        deep = [deep]


def test_a_dictionary_that_another_thread_changes_is_copied() -> None:
    shared: dict[str, int] = {f"k{i}": i for i in range(50)}
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            shared["more"] = 1
            shared.pop("more", None)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            assert clean_metadata({"shared": dict(shared), "same": shared})["same"]["k7"] == 7
    finally:
        stop.set()
        thread.join()


_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.decimals()
    | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)


@settings(max_examples=25)
@given(st.dictionaries(st.text(st.characters()) | st.integers(), _anything))
def test_anything_becomes_json(metadata: dict[Any, Any]) -> None:
    text = json.dumps(clean_metadata(metadata), allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in text
    text.encode()


@pytest.mark.parametrize("name", ["HUGE", "ODD"])
def test_the_row_has_it(tmp_path: Path, engine: Engine, empty_database_url: str, name: str) -> None:
    """What SQLite and PostgreSQL refuse is not among it: no row is put aside."""
    metadata: dict[Any, Any] = (
        HUGE["lists in lists"]()
        if name == "HUGE"
        else {"n": Int64(5), "long": 10**5000, "t": "\0\udc80", 5: [math.nan, b"\0"], "\0": 2**63}
    )
    monitor = configure(log_dir=tmp_path / "logs", database_url=empty_database_url, strict=True)
    with CanvasSyncMetricsTracker("t1", 42, metadata=metadata):
        pass
    assert monitor.flush(600)
    with engine.connect() as connection:
        row = connection.execute(select(metrics_table)).one()
    assert row.sync_status == "success"
    assert row.sync_metadata == clean_metadata(metadata)
