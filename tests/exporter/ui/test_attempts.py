"""Limits how often a sign-in may fail."""

from __future__ import annotations

from canvas_sync_exporter.ui.attempts import AttemptLimit


def test_ten_failures_block_one_client_until_the_first_is_15_minutes_old() -> None:
    now = 1000.0
    limit = AttemptLimit(lambda: now)
    for _ in range(10):
        assert limit.seconds_to_wait("a") == 0
        limit.note_failure("a")
    assert 0 < limit.seconds_to_wait("a") <= 901
    assert limit.seconds_to_wait("b") == 0
    now += 901
    assert limit.seconds_to_wait("a") == 0


def test_failures_of_many_clients_block_all() -> None:
    limit = AttemptLimit(lambda: 0.0)
    for number in range(200):
        assert limit.seconds_to_wait("someone new") == 0
        limit.note_failure(f"client {number}")
    assert limit.seconds_to_wait("someone new") > 0
