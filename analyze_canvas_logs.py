"""Report what the logs of Canvas syncs say; the same as ``canvas-sync-monitor analyze``."""

from __future__ import annotations

import sys

from canvas_sync_exporter.cli import main

if __name__ == "__main__":
    sys.exit(main(["analyze", *sys.argv[1:]]))
