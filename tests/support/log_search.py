"""Logs to search, and the searches of tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from canvas_sync_exporter.logs.search import FoundLine, LineFilter, LogSearch, Order

__all__ = ["found_in", "search"]


@contextmanager
def search(
    folder: Path,
    wanted: LineFilter,
    *,
    limit: int = 1000,
    cursor: str | None = None,
    order: Order = Order.NEWEST,
) -> Iterator[LogSearch]:
    made = LogSearch(folder, folder / "archive", wanted, limit=limit, cursor=cursor, order=order)
    with closing(made):
        yield made


def found_in(folder: Path, wanted: LineFilter, order: Order = Order.NEWEST) -> list[FoundLine]:
    with search(folder, wanted, order=order) as all_of_it:
        found = list(all_of_it)
        assert all_of_it.cursor is None
        assert (all_of_it.searched_to, all_of_it.bytes_left) == (None, 0)
    return found
