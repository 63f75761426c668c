"""A Bloom filter: a set that may say yes by mistake, but never no.

Source: B. H. Bloom, Space/time trade-offs in hash coding with allowable errors (1970). The bits of
a value follow from two hashes, as in A. Kirsch and M. Mitzenmacher, Less hashing, same performance
(2006).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from typing import Final

import msgspec

__all__ = ["BloomFilter"]

_BITS_PER_VALUE: Final = 15
_HASHES: Final = 10  # one wrong yes in about 1,400 values


class BloomFilter(msgspec.Struct, frozen=True, array_like=True):
    """A set of texts.

    Attributes:
        bits: The bits, eight in each byte.
    """

    bits: bytes

    @classmethod
    def of(cls, values: Collection[str]) -> BloomFilter:
        """Make the set of some texts."""
        bits = bytearray(-(-len(values) * _BITS_PER_VALUE // 8))
        for value in values:
            for bit in _bits(value, len(bits) * 8):
                bits[bit >> 3] |= 1 << (bit & 7)
        return cls(bytes(bits))

    def may_contain(self, value: str) -> bool:
        """Return False only if a text is not in the set."""
        bits = self.bits
        return bool(bits) and all(
            bits[bit >> 3] & (1 << (bit & 7)) for bit in _bits(value, len(bits) * 8)
        )


def _bits(value: str, size: int) -> Iterator[int]:
    digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    first = int.from_bytes(digest[:8], "big")
    step = int.from_bytes(digest[8:], "big") | 1
    return ((first + number * step) % size for number in range(_HASHES))
