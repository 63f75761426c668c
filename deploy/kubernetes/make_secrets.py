"""Make the Secrets of the exporter: its database's URL, and the tokens for people and Prometheus.

Standard input is the URL of the database; the output is for ``kubectl create``, which refuses what
is there already. The tokens are written nowhere else. The exporter mounts only their hashes.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from canvas_sync_exporter.web.auth import Scope, new_token

__all__ = ["main", "make_secrets"]


def make_secrets(database_url: str) -> list[dict[str, Any]]:
    """Return the Secrets, with new tokens."""
    metrics_token, prometheus = new_token("prometheus", Scope.METRICS)
    admin_token, operator = new_token("operator", Scope.ADMIN)
    tokens = "".join(f"{token.line()}\n" for token in (prometheus, operator))
    return [
        _secret("canvas-sync-exporter", tokens=tokens, database_url=database_url),
        _secret("canvas-sync-metrics-token", token=metrics_token),
        _secret("canvas-sync-admin-token", token=admin_token),
    ]


def _secret(name: str, **values: str) -> dict[str, Any]:
    metadata = {"name": name}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}


def main() -> int:
    """Print the Secrets.

    Returns:
        The exit code: 0, or 1 with a sentence that says what to do.
    """
    database_url = sys.stdin.read().strip()
    if not database_url:
        print(
            "make_secrets.py: write the database's URL to standard input: "
            "echo postgresql://canvas_sync:PASSWORD@HOST/canvas_sync | ...",
            file=sys.stderr,
        )
        return 1
    for secret in make_secrets(database_url):
        print(f"---\n{json.dumps(secret, indent=2)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
