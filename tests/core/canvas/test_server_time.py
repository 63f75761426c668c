"""``X-Canvas-Meta`` says where Canvas spent the time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.canvas.server_time import parse_canvas_meta
from canvas_sync_core.events import ServerTime


def test_the_queue_is_in_microseconds_and_the_rest_in_seconds() -> None:
    meta = "o=courses;n=index;q=1250;u=0.12;y=0.01;d=0.05;b=900000;m=900128;"

    assert parse_canvas_meta(meta) == ServerTime(0.00125, 0.12, 0.01, 0.05)


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ("", None),
        ("o=courses;n=index;", None),
        ("u=0.5", ServerTime(None, 0.5, None, None)),
        (" u = 0.5 ; d=0.25", ServerTime(None, 0.5, None, 0.25)),
        ("q=;u=abc;y=-1;d=1e999", None),
        ("u=nan;d=inf", None),
        ("u=99999999999", None),
        ("u=1;u=2", ServerTime(None, 1.0, None, None)),
        ("xu=1;bd=2", None),
    ],
)
def test_what_makes_no_sense_is_left_out(meta: str, expected: ServerTime | None) -> None:
    assert parse_canvas_meta(meta) == expected


@given(st.text())
def test_any_text_is_read_or_left(meta: str) -> None:
    found = parse_canvas_meta(meta)

    assert found is None or 0.0 <= found.total < 400_000
