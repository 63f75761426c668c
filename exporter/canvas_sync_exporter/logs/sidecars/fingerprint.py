"""Tells archives apart without reading them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

__all__ = ["fingerprint"]

_END_BYTES: Final = 4096


def fingerprint(archive: Path) -> bytes:
    """Return a hash of the size and both ends of an archive; the last bytes are its checksum.

    Raises:
        OSError: It cannot be read, or is gone.
    """
    with archive.open("rb", buffering=0) as raw:
        fd = raw.fileno()
        size = os.fstat(fd).st_size
        ends = os.pread(fd, _END_BYTES, 0) + os.pread(fd, _END_BYTES, max(0, size - _END_BYTES))
    return hashlib.blake2b(size.to_bytes(8, "big") + ends, digest_size=16).digest()
