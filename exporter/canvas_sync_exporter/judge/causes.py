"""Classify why runs ended badly, and group and count the causes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from canvas_sync_core.names import IncidentKind, RunStatus

from .finding import MOST_LISTED_RUNS
from .runs import EndedRun

__all__ = ["cause_of", "count_causes", "evidence", "explain", "is_transient", "refusal_reason"]

_MOST_REQUEST_IDS: Final = 5
_MOST_CAUSES: Final = 10
_LONGEST: Final = 200
_MOST_OF_THE_CALLS: Final = 0.5
_FEWEST_FAILED_CALLS: Final = 5

_REFUSALS: Final = {
    "expired": re.compile(r"expired[ _-]?(access )?token|token (has |is )?expired", re.IGNORECASE),
    "revoked": re.compile(r"revoked[ _-]?(access )?token|token (was |is )?revoked", re.IGNORECASE),
    "not allowed to do this (scopes)": re.compile(r"insufficient[ _]scope", re.IGNORECASE),
    "invalid": re.compile(
        r"invalid[ _-]?(access |refresh[ _]?)?token|invalid_(grant|client)|InvalidAccessToken",
        re.IGNORECASE,
    ),
    "refused": re.compile(r"\b401\b"),
}
"""What a token is, by what the error of a run says; a bare 401 does not say why."""
_NO_PERMISSION: Final = re.compile(r"user not authorized", re.IGNORECASE)
_TRANSIENT: Final = re.compile(
    r"time(d )?[ -]?out|connect|\b5\d\d\b|unavailable|bad gateway|reset by peer|broken pipe"
    r"|name resolution|\bssl|server ?error|incompleteread|protocolerror|chunkedencoding",
    re.IGNORECASE,
)
_THROTTLED: Final = re.compile(r"rate limit|\b429\b|throttl|too many requests", re.IGNORECASE)
_DATABASE: Final = re.compile(
    r"OperationalError|InterfaceError|DatabaseError|InternalError|psycopg|sqlite3|sqlalchemy",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"\d+")


def explain(run: EndedRun) -> IncidentKind | None:
    """Return what is wrong with a run that failed or was interrupted; None for any other run."""
    if run.status is RunStatus.INTERRUPTED:
        return IncidentKind.INTERRUPTED
    return _explain_failure(run) if run.status is RunStatus.FAILED else None


def _explain_failure(run: EndedRun) -> IncidentKind:
    text = _text(run)
    if refusal_reason(run) is not None:
        return IncidentKind.TOKEN_REFUSED
    if _THROTTLED.search(text):
        return IncidentKind.THROTTLED
    if _DATABASE.search(text) and _is_most(run.db_failed, run.db_operations):
        return IncidentKind.DB_FAILING
    failed = run.api_failed - run.api_throttled
    if _TRANSIENT.search(text) and not run.db_failed and _is_most(failed, run.api_calls):
        return IncidentKind.API_FAILING
    return IncidentKind.FAILING


def refusal_reason(run: EndedRun) -> str | None:
    """Return why Canvas refused the token of a failed run; None when it did not.

    It is ``refused`` if the error only has the status, as that of ``raise_for_status()``.
    """
    text = _text(run)
    if run.status is not RunStatus.FAILED or _NO_PERMISSION.search(text):
        return None
    return next((reason for reason, words in _REFUSALS.items() if words.search(text)), None)


def is_transient(run: EndedRun) -> bool:
    """Return whether the next run is likely to succeed without anyone changing anything."""
    if run.status is RunStatus.INTERRUPTED:
        return True
    failed = run.api_failed - run.api_throttled
    nothing_works = _is_all(failed, run.api_calls) or _is_all(run.db_failed, run.db_operations)
    if nothing_works or failed >= _FEWEST_FAILED_CALLS:
        return False
    text = _text(run)
    return bool(_TRANSIENT.search(text) or _THROTTLED.search(text))


def cause_of(run: EndedRun) -> str:
    """Describe in a few words why a run ended as it did."""
    if run.error_type is None and not run.error_message:
        return f"no error was recorded ({run.status.value})"
    return _text(run)


def count_causes(runs: Iterable[EndedRun]) -> dict[str, int]:
    """Count runs by cause, most frequent first; causes that differ only in numbers are the same."""
    counts: Counter[str] = Counter()
    words: dict[str, set[str]] = {}
    for run in runs:
        text = cause_of(run)
        group = _NUMBER.sub("#", text)
        counts[group] += 1
        words.setdefault(group, set()).add(text)
    return {
        next(iter(words[group])) if len(words[group]) == 1 else group: count
        for group, count in counts.most_common(_MOST_CAUSES)
    }


def evidence(runs: Sequence[EndedRun], counts: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Return the fields of a finding that name the affected runs.

    Args:
        runs: The affected runs.
        counts: Number of runs by cause; None counts the runs by their errors.
    """
    newest = sorted(runs, key=lambda run: run.start, reverse=True)
    ids = [run.request_context_id for run in newest if run.request_context_id]
    return {
        "counts": count_causes(newest) if counts is None else dict(counts),
        "runs": tuple(run.id for run in newest[:MOST_LISTED_RUNS]),
        "run_count": len(newest),
        "user_count": len({run.user_id for run in newest if run.user_id is not None}),
        "request_ids": tuple(dict.fromkeys(ids))[:_MOST_REQUEST_IDS],
    }


def _text(run: EndedRun) -> str:
    parts = (run.error_type or "", (run.error_message or "").strip().partition("\n")[0])
    return ": ".join(filter(None, parts))[:_LONGEST]


def _is_most(failed: int, whole: int) -> bool:
    return failed > 0 and failed >= whole * _MOST_OF_THE_CALLS


def _is_all(failed: int, whole: int) -> bool:
    return 0 < whole <= failed
