"""What to do first about failing runs, depending on the error that ended them."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["failure_advice"]

_ADVICE: Final = (
    (
        r"MemoryError|out of memory|\bOOM\b|exit code 137|signal 9",
        "The process ran out of memory or was killed. Give it more memory, or handle fewer items "
        "at once; then run the sync again.",
    ),
    (
        r"No space left|ENOSPC|disk (is )?full",
        "Free disk space on the machine of the sync, then run the sync again.",
    ),
    (
        r"exit code \d+|exited with|CalledProcessError",
        "Read the last lines of the command's output: `run --keep-output 50` keeps them with the "
        "run. Fix what they say, then run the sync again.",
    ),
    (
        r"not authorized|forbidden|\b403\b",
        "Give the token's user the missing role or permission in Canvas, then run the sync again.",
    ),
    (
        r"not found|ResourceDoesNotExist|\b404\b",
        "Check whether the course or item was deleted or moved in Canvas. Let the sync skip what "
        "no longer exists.",
    ),
    (
        r"PermissionError|Permission denied|EACCES",
        "Give the user of the sync access to the file or folder that the error names.",
    ),
    (
        r"ModuleNotFoundError|ImportError",
        "Install the package that the error names, or go back to the last version that worked.",
    ),
    (
        r"IntegrityError|UniqueViolation|ForeignKey|duplicate key|DataError",
        "The app's database refused a row. Compare its constraints with what Canvas sends.",
    ),
    (
        r"OperationalError|InterfaceError|psycopg|sqlite3|database is locked|deadlock",
        "Check the app's database: is it running, reachable, not locked, and not full?",
    ),
    (
        r"certificate|\bSSL",
        "Check the certificate of the server that the error names, and the clock of this machine.",
    ),
    (
        r"time(d )?[ -]?out|connect|name resolution|unavailable|\b5\d\d\b",
        "Check the network, and Canvas's status page. Run the sync again when both are well.",
    ),
    (
        r"\b(Key|Type|Attribute|Value|Index|Name|Assertion|ZeroDivision|Unicode\w*|JSONDecode)Error",
        "The app's code met data that it does not expect. The run's page names the place in the "
        "code; compare it with the last deploy, and with what Canvas sends.",
    ),
)
"""Pattern in the cause -> advice; the first match counts."""
_UNKNOWN: Final = (
    "Open the newest run: its error, the place in the code and its last log lines say what "
    "happened. Fix that, then run the sync again."
)
_PATTERNS: Final = tuple((re.compile(words, re.IGNORECASE), advice) for words, advice in _ADVICE)


def failure_advice(cause: str) -> str:
    """Return what to do first about runs that failed with an error."""
    return next((advice for words, advice in _PATTERNS if words.search(cause)), _UNKNOWN)
