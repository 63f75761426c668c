"""Lines are counted by level and minute."""

from __future__ import annotations

import datetime as dt

import pytest

from canvas_sync_exporter.logs.sidecars.minute_counts import MinuteCounts, are_own_times

OWN = "2025-12-22T12:00:59.900000Z"
MINUTE = int(dt.datetime(2025, 12, 22, 12, tzinfo=dt.UTC).timestamp()) // 60


@pytest.mark.parametrize(
    "other",
    [
        OWN[:-1],
        OWN + "Z",
        OWN.replace("Z", "+00:00"),
        OWN.replace("T", " "),
        OWN.replace("5", "\N{ARABIC-INDIC DIGIT FIVE}"),
        "\ud800",
        "",
    ],
)
def test_other_spellings_are_not_our_own(other: str) -> None:
    assert are_own_times([OWN, OWN])
    assert not are_own_times([OWN, other, OWN])


def test_texts_that_are_too_short_and_too_long_do_not_cancel_out() -> None:
    assert not are_own_times([OWN[:-1], "Z" + OWN])


def test_both_kinds_of_times_add_up() -> None:
    counts = MinuteCounts()
    counts.add_own(["INFO", "ERROR", "INFO", None], [OWN] * 4)
    counts.add(["INFO", ""], [dt.datetime.fromisoformat(OWN)] * 2)
    assert counts.by_level() == {"": [(MINUTE, 2)], "ERROR": [(MINUTE, 1)], "INFO": [(MINUTE, 3)]}


def test_minutes_are_in_order_and_those_that_do_not_exist_are_left_out() -> None:
    counts = MinuteCounts()
    times = ["2025-12-22T13:01", "2025-12-22T12:00", "2025-02-30T12:00", "2025-12-22T12:60"]
    counts.add_own(["INFO"] * 4, [f"{time}:00.000000Z" for time in times])
    assert counts.by_level() == {"INFO": [(MINUTE, 1), (MINUTE + 61, 1)]}


def test_lines_of_one_hour_count_in_their_minutes_in_any_order() -> None:
    counts = MinuteCounts()
    times = [f"2025-12-22T12:{minute:02}:{59 - minute:02}.000000Z" for minute in (9, 0, 9, 59, 0)]
    counts.add_own(["INFO", "INFO", "ERROR", "INFO", "INFO"], times)
    assert counts.by_level() == {
        "ERROR": [(MINUTE + 9, 1)],
        "INFO": [(MINUTE, 2), (MINUTE + 9, 1), (MINUTE + 59, 1)],
    }
