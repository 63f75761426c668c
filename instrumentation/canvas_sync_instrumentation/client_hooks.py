"""Records which HTTP client hooks are on, to explain why a run has seen no API call."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

__all__ = ["client_hooks", "why_no_call_was_seen"]

client_hooks: Final[set[str]] = set()
"""The libraries whose hooks are on in this process."""

_PAGE: Final = "docs/reference/clients.md"


def why_no_call_was_seen(task_id: str, hooks: Collection[str]) -> str:
    """Explain why a successful run may have no API call, and what to do.

    Args:
        task_id: The run.
        hooks: The libraries whose hooks are on.
    """
    what = f"Run {task_id} ended as success without one API call"
    if not hooks:
        return (
            f"{what}: no hook of an HTTP client is on. Call the one of your client, such as "
            f"instrument_requests(), or record_api_call(); {_PAGE} has them all."
        )
    names = ", ".join(sorted(hooks))
    return (
        f"{what}. The hooks of {names} are on. They see no other client, no host that "
        "CANVAS_SYNC_CANVAS_HOSTS leaves out, and no call of a thread that was started without "
        f"carry_run(). See {_PAGE}."
    )
