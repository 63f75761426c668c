"""The version of the distribution; reading it from the metadata takes a tenth of a second."""

from __future__ import annotations

from typing import Final

__all__ = ["VERSION"]

VERSION: Final = "0.1.0"
