"""What apps import by the names that the table had before."""

from __future__ import annotations

import pytest

from canvas_sync_core.store import model
from canvas_sync_instrumentation.storage import model as former


@pytest.mark.parametrize("name", ["metrics_table", "UtcDateTime"])
def test_a_name_is_found_at_its_former_place_with_a_warning(name: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"Import {name} from canvas_sync_core.store.model"):
        assert getattr(former, name) is getattr(model, name)


def test_a_name_that_never_was_there_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        former.nonsense  # noqa: B018 - the look-up is what is tested
