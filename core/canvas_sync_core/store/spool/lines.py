"""Lines of a spool file: what they are, and how they are read."""

from __future__ import annotations

import os
from typing import Any, Final

import msgspec

from canvas_sync_core.events import RunSnapshot

__all__ = ["READ_BYTES", "SUFFIX", "Batch", "encode", "read_lines"]

SUFFIX: Final = ".jsonl"
"""End of the name of each spool file in use."""

READ_BYTES: Final = 1024 * 1024
"""Number of bytes that are read at once."""

_encoder = msgspec.json.Encoder(enc_hook=dict)  # Mapping is the only type that it does not know
_decoder = msgspec.json.Decoder(RunSnapshot)


class Batch(msgspec.Struct, frozen=True):
    """Lines read from a spool file.

    Attributes:
        snapshots: The whole lines, in order.
        damaged: Lines that are not snapshots.
        end: Offset at which the next batch starts.
    """

    snapshots: list[RunSnapshot]
    damaged: list[bytes]
    end: int


def encode(snapshot: RunSnapshot) -> bytes:
    """Return the line for a snapshot."""
    try:
        return _encoder.encode(snapshot) + b"\n"
    except UnicodeEncodeError:
        return msgspec.json.encode(_printable(msgspec.to_builtins(snapshot, enc_hook=dict))) + b"\n"


def read_lines(descriptor: int, begin: int, end: int) -> Batch:
    """Read about a block of whole lines between ``begin`` and ``end``."""
    size = READ_BYTES
    block = os.pread(descriptor, min(size, end - begin), begin)
    while len(block) == size and b"\n" not in block:
        size *= 2
        block = os.pread(descriptor, min(size, end - begin), begin)
    if begin + len(block) < end and b"\n" in block:
        block = block[: block.rindex(b"\n") + 1]
    snapshots: list[RunSnapshot] = []
    damaged: list[bytes] = []
    for line in block.splitlines(keepends=True):
        _sort_line(line, snapshots, damaged)
    return Batch(snapshots, damaged, begin + len(block))


def _sort_line(line: bytes, snapshots: list[RunSnapshot], damaged: list[bytes]) -> None:
    try:
        snapshots.append(_decoder.decode(line))
    except (msgspec.DecodeError, UnicodeDecodeError):
        damaged.append(line)


def _printable(value: Any) -> Any:
    """Replace lone surrogates, which come from undecodable file names, in all texts."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value
