"""Regular expressions that are compiled when they are first used.

Compiling those that recognize secrets takes longer than all else that a short job does. Most jobs
never need them, because they record no free text. The others take a tenth of a millisecond each.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast

__all__ = ["late_pattern"]


def late_pattern(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a stand-in for ``re.compile(pattern, flags)``, which has the same methods."""
    return cast("re.Pattern[AnyStr]", _LatePattern(pattern, flags))


class _LatePattern:
    def __init__(self, pattern: Any, flags: int) -> None:
        self._pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        """Return a method of the compiled pattern, and keep it so that this is not called again."""
        method = getattr(re.compile(self._pattern, self._flags), name)
        setattr(self, name, method)
        return method
