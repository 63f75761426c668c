"""What the tests of onboarding get."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _without_collector() -> Iterator[None]:
    """Keep CPython 3.11's parser from the greenlets of other tests, as ``syntax_tree`` does."""
    gc.disable()
    yield
    gc.enable()
