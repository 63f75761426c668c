"""The page of incidents names every kind, once."""

from __future__ import annotations

from canvas_sync_core.names import IncidentKind
from support.markdown import DOCS

PAGE = DOCS / "reference" / "incidents.md"


def test_the_page_has_every_kind_once() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    named = [line.split("`")[1] for line in lines if line.startswith("| `")]

    assert sorted(named) == sorted(IncidentKind)
