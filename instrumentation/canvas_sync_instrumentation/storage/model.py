"""The former home of :mod:`canvas_sync_core.store.model`; kept for one release.

Migrations that an app generated before the move refer to column types in this module.
"""

from __future__ import annotations

import warnings
from typing import Any

from canvas_sync_core.store import model

__all__: list[str] = []


def __getattr__(name: str) -> Any:
    value = getattr(model, name)
    warnings.warn(
        f"Import {name} from canvas_sync_core.store.model; this module goes with the next release.",
        DeprecationWarning,
        stacklevel=2,
    )
    return value
