"""A label is bounded, by its values or by a limit."""

from __future__ import annotations

import pytest

from canvas_sync_core.schema.labels import Label, closed, opened


def test_a_label_without_a_bound_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="'course' is not bounded"):
        Label("course")
    with pytest.raises(ValueError, match="'course' is not bounded"):
        opened("course", 0)
    with pytest.raises(ValueError, match="'course' is not bounded"):
        closed("course", ())


def test_a_label_is_either_closed_or_open() -> None:
    with pytest.raises(ValueError, match="'course'"):
        Label("course", ("7",), limit=10)


def test_a_closed_label_admits_its_own_values() -> None:
    label = closed("outcome", ("success", "failed"))
    assert not label.is_open
    assert [label.admits(value) for value in ("success", "broken", "other")] == [True, False, False]


def test_an_open_label_admits_what_is_known_without_a_limit() -> None:
    label = opened("method", 3, is_known=("GET", "POST").__contains__)
    assert label.is_open
    assert [label.admits(value) for value in ("GET", "BREW", "other")] == [True, False, True]
