from __future__ import annotations

import pytest

from canvas_sync_core.wording import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234, "1,234 rows")]
)
def test_one_of_something_is_singular(number: int, words: str) -> None:
    assert counted(number, "row") == words
