"""``python -m canvas_sync_demo.sync_app``: one sync in a separate process.

The access token comes by the environment variable ``CANVAS_TOKEN``: a command line is no secret.
Exit codes: 0 the sync was completed, 1 it failed, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import requests
from canvasapi.exceptions import CanvasException

from .job import SyncJob, run_sync


def main() -> int:
    """Run the sync that the command line describes."""
    parser = argparse.ArgumentParser(prog="python -m canvas_sync_demo.sync_app")
    parser.add_argument("--task-id", required=True)
    parser.add_argument("--user", type=int, required=True, help="Canvas id of the user")
    parser.add_argument("--sync-type", default="full")
    parser.add_argument("--canvas-url", required=True)
    parser.add_argument("--database", type=Path, required=True, help="file of the app's database")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for an answer")
    arguments = parser.parse_args()
    token = os.environ.get("CANVAS_TOKEN", "")
    if not token:
        parser.error("set CANVAS_TOKEN to the user's access token")
    job = SyncJob(
        task_id=arguments.task_id,
        user_id=arguments.user,
        sync_type=arguments.sync_type,
        canvas_url=arguments.canvas_url,
        token=token,
        database=arguments.database,
        timeout=arguments.timeout,
    )
    try:
        run_sync(job)
    except (CanvasException, requests.RequestException) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
