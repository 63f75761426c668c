"""Syncs of the demo, as processes of their own against its simulated Canvas."""

from __future__ import annotations

import uuid
from contextlib import ExitStack

from canvas_sync_demo.canvas_server import CanvasServer
from canvas_sync_demo.cast import fault_plan
from canvas_sync_demo.processes import Stage, running, sync_arguments

__all__ = ["run_syncs"]

_SECONDS = 600.0


def run_syncs(stage: Stage, *users: int) -> dict[int, int]:
    """Run a sync for some users of the demo's cast, all at once, and wait for their ends.

    Returns:
        Each user's exit code.
    """
    with CanvasServer(1, plan=fault_plan()) as canvas, ExitStack() as workers:
        processes = {
            user: workers.enter_context(
                running(
                    sync_arguments(
                        f"nightly-{user}-{uuid.uuid4()}",
                        user,
                        "full",
                        canvas.url,
                        stage.app_database,
                    ),
                    stage.environment(CANVAS_TOKEN=canvas.tokens[user]),
                    stage.folder / "syncs.out",
                )
            )
            for user in users
        }
        return {user: process.wait(_SECONDS) for user, process in processes.items()}
