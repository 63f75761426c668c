"""The contents and names of metric files. Pure functions.

A metric file is laid out as in ``prometheus_client/mmap_dict.py``: a 32-bit number of bytes in use
and 4 bytes of padding; then entries, each a 32-bit key length, the key padded with spaces to a
multiple of 8, the value and a timestamp as doubles. All are in the machine's own byte order. A key
is the JSON list ``[metric, sample, labels, help]``.

An exemplar file starts with 4 bytes of magic and a 32-bit number of bytes in use; then come slots
of one size: trace id, value, time, the cell of the histogram bucket in the process's histogram file
(8 times that is its offset), and a checksum by which a half-written slot is recognised.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple
from zlib import crc32

from canvas_sync_core.identifiers import getpid, host_name, random_hex
from canvas_sync_core.schema.metrics import METRICS, MetricName, MetricSpec, MetricType

__all__ = [
    "EXEMPLAR_MAGIC",
    "HEADER_SIZE",
    "SLOT_SIZE",
    "BrokenFileError",
    "Exemplar",
    "encode_entry",
    "encode_slot",
    "exemplar_file_name",
    "file_kind",
    "file_name",
    "keys_of",
    "new_process_id",
    "parse_file_name",
    "read_entries",
    "read_exemplars",
    "read_used",
]

HEADER_SIZE: Final = 8
EXEMPLAR_MAGIC: Final = b"CSX1"
_ID_PREFIX: Final = "canvassync-"
_FILE_NAME: Final = re.compile(
    rf"(counter|histogram|gauge_(?:livesum|livemin|liveall|max))_({_ID_PREFIX}[A-Za-z0-9.-]+)\.db"
)
_INTEGER: Final = struct.Struct("=i")
_SLOT: Final = struct.Struct("=16sddI")
_CHECKSUM: Final = struct.Struct("=I")
SLOT_SIZE: Final = _SLOT.size + _CHECKSUM.size


class BrokenFileError(Exception):
    """A file does not have the layout that its name implies."""


class Exemplar(NamedTuple):
    """The newest sampled trace that fell into a histogram bucket."""

    trace_id: str
    value: float
    time: float


def new_process_id() -> str:
    """Generate an identifier that is unique to this process, on any host.

    It has no underscore, at which prometheus-client splits file names. The random part
    distinguishes reused pids, and containers that share the folder and often pids and host names.
    """
    host = re.sub(r"[^A-Za-z0-9.]+", "-", host_name())[:48]
    return f"{_ID_PREFIX}{host}-{getpid()}-{random_hex(8)}"


def file_kind(spec: MetricSpec) -> str:
    """Return the prefix of the name of the file that contains a metric."""
    return f"gauge_{spec.merge}" if spec.type is MetricType.GAUGE else str(spec.type)


def file_name(kind: str, process_id: str) -> str:
    """Return the name of the metric file of one kind and one process."""
    return f"{kind}_{process_id}.db"


def exemplar_file_name(process_id: str) -> str:
    """Return the name of a process's exemplar file, which prometheus-client ignores."""
    return f"exemplars_{process_id}.bin"


def parse_file_name(name: str) -> tuple[str, str] | None:
    """Split a metric file's name into kind and process id; None when the file is not ours."""
    match = _FILE_NAME.fullmatch(name)
    return (match[1], match[2]) if match else None


def keys_of(name: MetricName, labels: Sequence[str]) -> list[bytes]:
    """Build the keys of a series; for a histogram its sum, then each bucket, ``+Inf`` last.

    Args:
        name: The metric.
        labels: Values in the order of the metric's label names.
    """
    spec = METRICS[name]
    values = dict(zip(spec.label_names, labels, strict=True))
    if spec.type is not MetricType.HISTOGRAM:
        family = name.removesuffix("_total") if spec.type is MetricType.COUNTER else name
        return [_key(spec, family, name, values)]
    bounds = [*map(repr, spec.buckets), "+Inf"]
    return [
        _key(spec, name, f"{name}_sum", values),
        *(_key(spec, name, f"{name}_bucket", {**values, "le": bound}) for bound in bounds),
    ]


def _key(spec: MetricSpec, family: str, sample: str, labels: dict[str, str]) -> bytes:
    # UTF-8 cannot encode a lone surrogate: it would break every later exposition.
    clean = {name: value.encode(errors="replace").decode() for name, value in labels.items()}
    return json.dumps([family, sample, clean, spec.help], sort_keys=True).encode()


def encode_entry(key: bytes) -> bytes:
    """Encode an entry with the value 0."""
    padding = b" " * (8 - (len(key) + _INTEGER.size) % 8)
    return _INTEGER.pack(len(key)) + key + padding + bytes(16)


def read_used(data: bytes) -> int:
    """Return how many bytes of a metric or exemplar file are in use.

    Raises:
        BrokenFileError: The number makes no sense.
    """
    if len(data) < HEADER_SIZE:
        raise BrokenFileError("shorter than its header")
    start = len(EXEMPLAR_MAGIC) if data.startswith(EXEMPLAR_MAGIC) else 0
    used: int = _INTEGER.unpack_from(data, start)[0]
    if used < HEADER_SIZE or used % 8:
        raise BrokenFileError(f"says that {used} bytes are in use")
    return used


def read_entries(data: bytes, start: int = HEADER_SIZE) -> list[tuple[bytes, int]]:
    """Read the entries of a metric file.

    Args:
        data: The bytes in use, from the start of the file.
        start: Offset of the first entry to read.

    Returns:
        Each key with its cell: the value is the double number ``cell`` of the file.

    Raises:
        BrokenFileError: An entry does not end inside ``data``.
    """
    entries = []
    position, end, unpack = start, len(data), _INTEGER.unpack_from
    while position < end:
        length = unpack(data, position)[0]
        first = position + _INTEGER.size
        value = first + length + 8 - (length + _INTEGER.size) % 8
        if length <= 0 or value + 16 > end:
            raise BrokenFileError(f"the entry at byte {position} does not end inside the file")
        entries.append((data[first : first + length], value // 8))
        position = value + 16
    return entries


def encode_slot(trace_id: str, value: float, time: float, cell: int) -> bytes:
    """Encode an exemplar of the bucket whose value is the double number ``cell``."""
    body = _SLOT.pack(bytes.fromhex(trace_id), value, time, cell)
    return body + _CHECKSUM.pack(crc32(body))


def read_exemplars(data: bytes) -> dict[int, Exemplar]:
    """Read the bytes in use of an exemplar file, by the cell of the bucket.

    Empty and half-written slots are left out.

    Raises:
        BrokenFileError: The file is not an exemplar file.
    """
    if not data.startswith(EXEMPLAR_MAGIC):
        raise BrokenFileError("not an exemplar file")
    found = {}
    for start in range(HEADER_SIZE, len(data) - SLOT_SIZE + 1, SLOT_SIZE):
        body = data[start : start + _SLOT.size]
        if crc32(body) == _CHECKSUM.unpack_from(data, start + _SLOT.size)[0]:
            trace_id, value, time, cell = _SLOT.unpack(body)
            found[cell] = Exemplar(trace_id.hex(), value, time)
    return found
