"""The HTTP client hooks that are on, to explain why a run has seen no API call."""

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
            f"{what}: no HTTP client's hook is on. Call the hook for your client, such as "
            f"instrument_requests(), or use record_api_call(); {_PAGE} lists them all."
        )
    names = ", ".join(sorted(hooks))
    return (
        f"{what}. The hooks for {names} are on. They do not see calls of other clients, to hosts "
        "that CANVAS_SYNC_CANVAS_HOSTS leaves out, or in threads started without carry_run(). "
        f"See {_PAGE}."
    )
