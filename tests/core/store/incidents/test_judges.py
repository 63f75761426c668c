"""The exporters that judge, and when each last did so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from canvas_sync_core.store.incidents.judges import LIVE_FOR, JudgeRow, judges, note_judging
from support.incidents import OPENED

MINUTE = timedelta(minutes=1)


def test_judges_are_remembered_with_their_last_judging(engine: Engine) -> None:
    note_judging(engine, JudgeRow("a", OPENED, None))
    note_judging(engine, JudgeRow("b", OPENED, "The runs could not be read."))
    note_judging(engine, JudgeRow("a", OPENED + MINUTE, None))
    first, second = judges(engine)
    assert (first.name, first.judged_at, first.problem) == ("a", OPENED + MINUTE, None)
    assert second.problem == "The runs could not be read."
    assert first.is_live(OPENED + MINUTE + LIVE_FOR)
    assert not first.is_live(OPENED + 2 * MINUTE + LIVE_FOR)
    note_judging(engine, JudgeRow("c", OPENED + timedelta(days=8), None))
    assert [each.name for each in judges(engine)] == ["c"]


def test_judges_note_when_runs_are_due(engine: Engine) -> None:
    due = {"full": OPENED, 'a "b"': OPENED + MINUTE}
    note_judging(engine, JudgeRow("a", OPENED, next_due=due))
    (read,) = judges(engine)
    assert read.next_due == due
    by_hand = text("UPDATE canvas_sync_judges SET next_due = :due")
    with engine.begin() as connection:
        connection.execute(by_hand, {"due": '{"full": "soon", "b": 7, "c": "2026-03-02T02:30"}'})
    assert judges(engine)[0].next_due == {}


def test_a_judge_is_forgotten_a_week_after_its_last_judging(engine: Engine) -> None:
    note_judging(engine, JudgeRow("old", OPENED))
    note_judging(engine, JudgeRow("b", OPENED + timedelta(days=7)))
    assert [each.name for each in judges(engine)] == ["b", "old"]
    note_judging(engine, JudgeRow("b", OPENED + timedelta(days=7, microseconds=1)))
    assert [each.name for each in judges(engine)] == ["b"]


@pytest.mark.parametrize(
    ("name", "host"), [("sync-1:/var/lib/state:a", "sync-1"), ("sync-1", "sync-1")]
)
def test_a_judge_is_named_by_its_host_and_folder(name: str, host: str) -> None:
    assert JudgeRow(name, OPENED).host == host


@pytest.mark.parametrize("sign", [1, -1])
def test_a_judge_counts_as_live_as_long_with_its_clock_ahead_as_when_it_is_late(sign: int) -> None:
    judge = JudgeRow("a", OPENED)
    assert judge.is_live(OPENED + sign * LIVE_FOR)
    assert not judge.is_live(OPENED + sign * (LIVE_FOR + timedelta(microseconds=1)))
