"""Commands of the command line.

Each has a module of the same name with ``add_parser``, which is loaded only when the command is
used: a search of the logs need not wait for the web server and the database to load.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COMMANDS", "EXIT_CODES", "FAILED", "INTERRUPTED", "USAGE"]

COMMANDS: Final = {
    "init": "read a project, write a configuration and show the lines to add",
    "run": "run a command, such as a cron job, as a sync run",
    "serve": "serve the web pages, the REST API and /metrics",
    "status": "show open incidents and the state of each sync type",
    "analyze": "report on the logs: runs, API calls, database, errors, gaps",
    "runs": "list sync runs, newest first",
    "search": "search the logs, their backups and archives",
    "tail": "show the newest lines of the five logs, merged by time",
    "cleanup": "archive rotated logs and delete old archives now",
    "doctor": "check the set-up and suggest fixes",
    "pause": "expect no runs for a while, and list or end such pauses",
    "config": "check the configuration file",
    "messages": "list, preview or test the messages that the exporter sends",
    "db": "create or upgrade the database tables",
    "token": "create access tokens for the exporter",
    "export": "write rules, dashboards or another part of the stack into a folder",
    "demo": "run a simulated Canvas and real syncs, and show the results",
}
"""Name -> what the command does, in one line."""

FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130

EXIT_CODES: Final = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 130 interrupted by Ctrl-C"
)
