"""Errors of libraries that are not imported are inspected without raising an error of our own."""

from __future__ import annotations

import pytest

from canvas_sync_core.canvas.attributes import attribute, has_base


class _Broken:
    @property
    def failing(self) -> int:
        raise ValueError("the app's own code")

    @property
    def stopping(self) -> int:
        raise KeyboardInterrupt


class _HTTPError(Exception):
    pass


class _NotFoundError(_HTTPError):
    pass


def test_an_attribute_that_is_missing_or_raises_is_read_as_none() -> None:
    assert attribute(1 + 2j, "imag") == 2
    assert attribute(_Broken(), "missing") is None
    assert attribute(_Broken(), "failing") is None


def test_what_is_raised_from_outside_goes_on() -> None:
    with pytest.raises(KeyboardInterrupt):
        attribute(_Broken(), "stopping")


def test_an_error_is_recognised_by_the_names_of_its_classes() -> None:
    assert has_base(_NotFoundError(), "Other", "_HTTPError")
    assert has_base(_NotFoundError(), "_NotFoundError")
    assert not has_base(_HTTPError(), "_NotFoundError")
