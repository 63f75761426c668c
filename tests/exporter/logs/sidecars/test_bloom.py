"""A Bloom filter never says no by mistake, and rarely yes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.logs.sidecars.bloom import BloomFilter


@given(st.sets(st.text(max_size=20), max_size=200))
def test_every_value_is_found(values: set[str]) -> None:
    found = BloomFilter.of(values)
    assert all(map(found.may_contain, values))


def test_an_empty_set_has_nothing() -> None:
    assert not BloomFilter.of(set()).may_contain("nightly-1")


def test_other_values_are_rarely_found() -> None:
    found = BloomFilter.of({f"nightly-{number}" for number in range(10_000)})
    wrong = sum(found.may_contain(f"weekly-{number}") for number in range(20_000))
    assert wrong < 60  # about 15 are expected
