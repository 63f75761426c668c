"""Report what the logs of Canvas syncs say; the same as ``canvas-sync-monitor analyze``."""

from __future__ import annotations

import sys

try:
    from canvas_sync_exporter.cli import main
except ModuleNotFoundError as error:
    sys.exit(
        f"{error}: canvas-sync-monitor is not installed for {sys.executable}. Use the Python that "
        "has it, such as .venv/bin/python, or install it: pip install '.[exporter]'"
    )

if __name__ == "__main__":
    sys.exit(main(["analyze", *sys.argv[1:]]))
