"""The layout of the files is that of prometheus-client, and a torn one is never believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.mmap_dict import mmap_key
from prometheus_client.utils import floatToGoString

from canvas_sync_core.metrics import layout
from canvas_sync_core.schema.metrics import METRICS, MetricName, MetricType


@pytest.mark.parametrize("name", MetricName)
def test_keys_are_those_of_the_library(name: MetricName) -> None:
    """Each metric of the contract has the key, byte for byte, that prometheus-client writes."""
    spec = METRICS[name]
    values = [f'v{number} "ü' for number in range(len(spec.labels))]
    if spec.type is MetricType.HISTOGRAM:
        bounds = [floatToGoString(bound) for bound in (*spec.buckets, float("inf"))]  # type: ignore[no-untyped-call] # the library has no types
        expected = [mmap_key(name, f"{name}_sum", [*spec.label_names], values, spec.help)]
        expected += [
            mmap_key(name, f"{name}_bucket", [*spec.label_names, "le"], [*values, bound], spec.help)
            for bound in bounds
        ]
    else:
        family = name.removesuffix("_total") if spec.type is MetricType.COUNTER else name
        expected = [mmap_key(family, name, [*spec.label_names], values, spec.help)]
    assert layout.keys_of(name, values) == [key.encode() for key in expected]


def test_a_series_with_too_few_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        layout.keys_of(MetricName.ERRORS, ["api"])


@given(st.lists(st.binary(min_size=1, max_size=60)))
def test_entries_are_read_back(keys: list[bytes]) -> None:
    """Every key comes back, in order, with the cell of its value."""
    data = bytes(layout.HEADER_SIZE) + b"".join(map(layout.encode_entry, keys))
    entries = layout.read_entries(data)
    assert [key for key, _ in entries] == keys
    doubles = memoryview(data).cast("d")
    assert all(doubles[cell] == 0.0 == doubles[cell + 1] for _, cell in entries)


@given(st.lists(st.binary(min_size=8, max_size=8)).map(b"".join))
def test_garbage_is_refused_and_nothing_else_happens(data: bytes) -> None:
    """Bytes that are no entries give one kind of error."""
    try:
        entries = layout.read_entries(data)
    except layout.BrokenFileError:
        return
    assert all(len(key) > 0 and (cell + 2) * 8 <= len(data) for key, cell in entries)


@given(st.binary(max_size=16))
def test_a_header_that_makes_no_sense_is_refused(data: bytes) -> None:
    """The number of bytes in use is a multiple of 8 from 8 up, or the file is broken."""
    try:
        used = layout.read_used(data)
    except layout.BrokenFileError:
        return
    assert used >= layout.HEADER_SIZE
    assert used % 8 == 0


@given(st.integers(min_value=0, max_value=layout.SLOT_SIZE - 1), st.integers(1, 255))
def test_a_torn_exemplar_is_left_out(position: int, flip: int) -> None:
    """A slot of which one byte is wrong is skipped, its neighbours are read."""
    torn = bytearray(layout.encode_slot("ab" * 16, 0.5, 1.7e9, 7))
    torn[position] ^= flip
    good = layout.encode_slot("cd" * 16, 0.25, 1.8e9, 9)
    empty = bytes(layout.SLOT_SIZE)
    data = layout.EXEMPLAR_MAGIC + bytes(4) + empty + bytes(torn) + good
    assert layout.read_exemplars(data) == {9: layout.Exemplar("cd" * 16, 0.25, 1.8e9)}


def test_an_exemplar_file_of_another_kind_is_refused() -> None:
    """Without its magic it is no exemplar file."""
    with pytest.raises(layout.BrokenFileError):
        layout.read_exemplars(bytes(64))


def test_process_ids_fit_into_file_names_and_are_unique() -> None:
    """prometheus-client splits names at underscores; two ids of one process differ."""
    ids = {layout.new_process_id() for _ in range(100)}
    assert len(ids) == 100
    for process_id in ids:
        assert "_" not in process_id
        name = layout.file_name("gauge_livesum", process_id)
        assert layout.parse_file_name(name) == ("gauge_livesum", process_id)


@pytest.mark.parametrize("name", ["counter_4711.db", "counter_canvassync-a-1-b.db.broken", "x.db"])
def test_files_of_others_are_not_ours(name: str) -> None:
    """Only names that this library gives are read."""
    assert layout.parse_file_name(name) is None
