"""The task ids under which the logs have the lines of a run."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["ids_in_logs"]

_NUMBER: Final = re.compile(r"~[0-9]+\Z")


def ids_in_logs(task_id: str) -> frozenset[str]:
    """Return the task id, and the one that an app gave to a run whose row is ``nightly-42~2``.

    Only the table numbers runs that share an id; their lines have the id as it was given.
    """
    return frozenset({task_id, _NUMBER.sub("", task_id) or task_id})
