"""Metric families as text and as OpenMetrics, byte for byte as prometheus-client writes them.

prometheus-client escapes each name and label of each sample on every scrape. That takes most of its
time, although they hardly change between scrapes. The families of sync processes have tens of
thousands of series, whose texts their collector keeps; of others, each label with its value is
escaped once and cached: there are far fewer of them than series, so the cache stays small.
Unusual families (names beyond the classic characters, timestamps, native histograms) are left to
prometheus-client.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import starmap
from typing import Final

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from canvas_sync_exporter.collectors.series import SeriesFamily, escaped

__all__ = ["expose"]

Encoder = Callable[[Collector], bytes]

_OPENMETRICS: Final = "application/openmetrics-text"
_END: Final = b"# EOF\n"
_CLASSIC_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ESCAPES_CLASSIC_NAMES: Final = ("=dots", "=values")
_TYPES: Final = frozenset({"counter", "gauge", "histogram"})
_MOVED: Final = ("_created", "_gsum", "_gcount")
_SERIES_AT_ONCE: Final = 500
"""Tens of thousands of lines at once would take several times the memory of their text."""
_LONG_NUMBER: Final = 1e6
"""From here on, Go writes an exponent."""


class _UnusualError(Exception):
    """This family must be written by prometheus-client."""


def expose(families: Iterable[Metric], accept: str) -> tuple[Iterator[bytes], str]:
    """Write metric families in the format that the caller accepts.

    Args:
        families: The families to write.
        accept: The ``Accept`` header of the request.

    Returns:
        The parts of the exposition, each written when it is asked for, and its content type.
    """
    encode, content_type = _negotiated(accept)
    if content_type.endswith(_ESCAPES_CLASSIC_NAMES):
        return iter([encode(_Only(*families))]), content_type
    is_openmetrics = content_type.startswith(_OPENMETRICS)
    return _parts(families, encode, is_openmetrics=is_openmetrics), content_type


def _parts(families: Iterable[Metric], encode: Encoder, *, is_openmetrics: bool) -> Iterator[bytes]:
    for family in families:
        yield from _family(family, encode, is_openmetrics=is_openmetrics)
    if is_openmetrics:
        yield _END


def _negotiated(accept: str) -> tuple[Encoder, str]:
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):  # choose_encoder fails on a malformed version
        return choose_encoder("")


def _family(family: Metric, encode: Encoder, *, is_openmetrics: bool) -> Iterator[bytes]:
    try:
        lines = _lines(family, is_openmetrics=is_openmetrics)
    except _UnusualError:
        yield encode(_Only(family)).removesuffix(_END)
        return
    yield "".join(lines).encode()
    if isinstance(family, SeriesFamily):
        yield from _series(family, is_openmetrics=is_openmetrics)


def _lines(family: Metric, *, is_openmetrics: bool) -> list[str]:
    """Write a family, but of a :class:`SeriesFamily` only what precedes the series."""
    if family.type not in _TYPES or family.unit:
        raise _UnusualError
    name = _plain(family.name)
    help_text = family.documentation.replace("\\", r"\\").replace("\n", r"\n")
    if is_openmetrics:
        help_text = help_text.replace('"', r"\"")
    elif family.type == "counter":
        name += "_total"
    lines = [f"# HELP {name} {help_text}\n", f"# TYPE {name} {family.type}\n"]
    if isinstance(family, SeriesFamily):
        if not is_openmetrics and any(
            _is_moved_in_text(each, family) for each in family.sample_names
        ):
            raise _UnusualError
        return lines
    moved: dict[str, list[str]] = {}
    for sample_name, labels, value, timestamp, exemplar, native in family.samples:
        if timestamp is not None or native or value is None:
            raise _UnusualError
        suffix = _exemplar(exemplar) if exemplar and is_openmetrics else ""
        line = f"{_plain(sample_name)}{_labels(labels)} {_number(value)}{suffix}\n"
        if not is_openmetrics and _is_moved_in_text(sample_name, family):
            moved.setdefault(sample_name, []).append(line)
        else:
            lines.append(line)
    for sample_name, its_lines in sorted(moved.items()):
        lines += [
            f"# HELP {sample_name} {help_text}\n",
            f"# TYPE {sample_name} gauge\n",
            *its_lines,
        ]
    return lines


def _series(family: SeriesFamily, *, is_openmetrics: bool) -> Iterator[bytes]:
    exemplars = family.exemplars if is_openmetrics else {}
    for start in range(0, len(family.texts), _SERIES_AT_ONCE):
        part = slice(start, start + _SERIES_AT_ONCE)
        values = map(_number, family.values[part])
        lines = [
            f"{text} {value}\n" for text, value in zip(family.texts[part], values, strict=True)
        ]
        for position in range(start, start + len(lines)) if exemplars else ():
            if position in exemplars:
                line = lines[position - start]
                lines[position - start] = f"{line[:-1]}{_exemplar(exemplars[position])}\n"
        yield "".join(lines).encode()


def _is_moved_in_text(sample_name: str, family: Metric) -> bool:
    """Return whether the text format has a sample at the end, as a gauge of its own."""
    return sample_name.endswith(_MOVED) and sample_name.rpartition("_")[0] == family.name


@lru_cache(1024)
def _plain(name: str) -> str:
    if not _CLASSIC_NAME.fullmatch(name):
        raise _UnusualError
    return name


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(starmap(_label, sorted(labels.items()))) + "}"


@lru_cache(4096)
def _label(name: str, value: str) -> str:
    return f'{_plain(name)}="{escaped(value)}"'


def _number(value: float) -> str:
    if type(value) is float and 0.0 <= value < _LONG_NUMBER:
        return repr(value)  # as below, but several times as fast
    number: str = floatToGoString(value)  # type: ignore[no-untyped-call] # the library has no types
    return number


def _exemplar(exemplar: Exemplar) -> str:
    labels = ",".join(
        f'{name}="{escaped(value)}"' for name, value in sorted(exemplar.labels.items())
    )
    value = floatToGoString(exemplar.value)  # type: ignore[no-untyped-call] # as above
    when = "" if exemplar.timestamp is None else f" {exemplar.timestamp}"
    return f" # {{{labels}}} {value}{when}"


class _Only(Collector):
    """A collector of fixed families."""

    def __init__(self, *families: Metric) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
