"""Keys are parsed once, and written again as they were."""

from __future__ import annotations

import json
import sys
import tracemalloc

import pytest

from canvas_sync_core.metrics.layout import BrokenFileError
from canvas_sync_core.metrics.sample_keys import SampleKeys


def _key(*parts: object) -> bytes:
    return json.dumps(parts, sort_keys=True).encode()


@pytest.mark.parametrize("text", ["Help.", 'It has "}, ", and {}, "', "}, {", "ü\n\\"])
@pytest.mark.parametrize("value", ["/a", 'a"b}, "c', "ü {\\", ""])
def test_a_key_has_what_was_written(text: str, value: str) -> None:
    raw = _key("took", "took_bucket", {"route": value, "le": "0.5", "canvas": "c"}, text)
    keys = SampleKeys()
    key = keys.parse(raw)
    assert (key.metric, key.sample, key.help, key.bound) == ("took", "took_bucket", text, 0.5)
    assert key.labels == (("canvas", "c"), ("route", value))
    assert key.raw == raw
    assert keys.parse(bytes(bytearray(raw))) is key


def test_a_key_without_labels_is_a_key() -> None:
    key = SampleKeys().parse(_key("up", "up", {}, ""))
    assert (key.labels, key.bound) == ((), None)


@pytest.mark.parametrize(
    "raw",
    [
        b"x",
        b'["calls", "calls", {"a": "b"}, "cut off',
        b'["calls", "calls", {"a": 1}, ""]',
        b'["calls", "calls", {"a": "b"}, "c", {"d": "e"}, ""]',
        _key("two words", "calls", {}, ""),
        _key("calls", "two words", {}, ""),
        _key("calls", "calls", {"two words": ""}, ""),
        _key("calls", "calls", {"le": "many"}, ""),
    ],
)
def test_anything_else_is_not_the_key_of_a_sample(raw: bytes) -> None:
    keys = SampleKeys()
    keys.parse(_key("calls", "calls", {"a": "c"}, ""))
    for _ in range(2):
        with pytest.raises(BrokenFileError):
            keys.parse(raw)


def test_what_many_keys_have_in_common_is_in_memory_once() -> None:
    raws = [_key("calls", "calls", {"n": f"{n:05}"}, "long help " * 50) for n in range(5000)]
    keys = SampleKeys()
    tracemalloc.start()
    try:
        parsed = [keys.parse(raw) for raw in raws]
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / len(parsed) < sys.getsizeof(raws[0]) / 2
