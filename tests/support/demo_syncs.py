"""The demo and its syncs with processes that are forked, so that none imports everything anew."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from unittest.mock import patch

from canvas_sync_demo import processes, run
from canvas_sync_demo.canvas_server import CanvasServer
from canvas_sync_demo.cast import CAST, fault_plan
from canvas_sync_demo.processes import Stage, sync_arguments, wait_until

from .forked_programs import running_forked

__all__ = ["forked_demo", "run_syncs"]

_SECONDS = 600.0
_KILLED = {part.user_id for part in CAST if part.is_killed}


@contextmanager
def forked_demo() -> Iterator[None]:
    """Let the demo fork its exporter and its syncs while the block lasts."""
    with (
        patch.object(processes, "running", running_forked),
        patch.object(run, "running", running_forked),
    ):
        yield


def run_syncs(stage: Stage, *users: int, **settings: str) -> dict[int, int]:
    """Run a sync for some users of the demo's cast, all at once, and wait for their ends.

    Args:
        stage: Where they write.
        users: Who they are for; the one that the demo kills is killed.
        settings: Further variables of their environment.

    Returns:
        Each user's exit code.
    """
    with CanvasServer(1, plan=fault_plan()) as canvas, ExitStack() as workers:
        syncs = {
            user: workers.enter_context(
                running_forked(
                    sync_arguments(
                        f"nightly-{user}-{uuid.uuid4()}",
                        user,
                        "full",
                        canvas.url,
                        stage.app_database,
                    ),
                    stage.environment(CANVAS_TOKEN=canvas.tokens[user], **settings),
                    stage.folder / "syncs.out",
                )
            )
            for user in users
        }
        for user in _KILLED.intersection(users):
            assert wait_until(partial(canvas.holds, user), _SECONDS)
            syncs[user].kill()
        return {user: process.wait(_SECONDS) for user, process in syncs.items()}
