"""How runs ended: failing, interrupted, partial, suspect, slow."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial as partial_function
from itertools import takewhile
from typing import Final

from canvas_sync_core.names import IncidentKind, RunStatus, Severity
from canvas_sync_exporter.judge.causes import count_causes, evidence, explain, is_transient
from canvas_sync_exporter.judge.facts import Facts, SyncFacts
from canvas_sync_exporter.judge.finding import Finding
from canvas_sync_exporter.judge.rounds import Key, Round
from canvas_sync_exporter.judge.runs import EndedRun
from canvas_sync_exporter.judge.timing import (
    counted_rounds,
    has_settled,
    is_frequent,
    once_for_same_rounds,
)

from .running import longest_duration

__all__ = [
    "FEW_RUNS",
    "bad_ending",
    "failing",
    "interrupted",
    "is_many",
    "partial",
    "slow",
    "suspect",
]

_CHANCE_FAILURES: Final = 0.02
"""Share of a night's per-user runs that may end badly without needing attention."""
_CHANCE_SUSPECTS: Final = 0.1
"""Share of a night's per-user runs that are suspect by chance: each history is short and noisy."""
_DEVIATIONS: Final = 3.0
"""Bad runs must exceed the number expected by chance by as many standard deviations."""
_FEWEST_RUNS: Final = 3
"""Fewer bad runs are never too many for chance, unless they are all runs of the round."""
FEW_RUNS: Final = 20
"""In a round of at most this many runs, a single one can be decisive."""
_CRITICAL_SHARE: Final = 0.5
"""Share of a round's runs that ended badly, from which on the incident is critical."""
_BEGUN_SHARE: Final = 0.5
"""A round with a smaller share of the runs of the one before has only begun."""
_SLOW_REASONS: Final = frozenset({"slow"})

Predicate = Callable[[EndedRun], bool]


def failing(facts: Facts) -> Iterable[Finding]:
    """Find sync types whose newest runs failed."""
    return _endings(facts, IncidentKind.FAILING)


def interrupted(facts: Facts) -> Iterable[Finding]:
    """Find sync types whose newest runs were interrupted."""
    return _endings(facts, IncidentKind.INTERRUPTED)


def partial(facts: Facts) -> Iterable[Finding]:
    """Find sync types whose newest runs were partial."""
    for sync in facts.syncs.values():
        newest = _partial_runs(facts, sync)
        if newest:
            runs = _in_a_row(facts, sync, newest, _is_partial)
            words = f"{_share(runs, sync, facts)} finished only partially."
            yield _finding(IncidentKind.PARTIAL, sync, runs, words)


def suspect(facts: Facts) -> Iterable[Finding]:
    """Find sync types whose newest runs succeeded but differ from their history."""
    for sync in facts.syncs.values():
        newest = _suspect_runs(facts, sync)
        if newest:
            runs = _in_a_row(facts, sync, newest, _is_suspect)
            words = f"{_share(runs, sync, facts)} succeeded with unusual results."
            cause = runs[0].suspect_reason
            yield _finding(IncidentKind.SUSPECT, sync, runs, words, cause=cause)


def slow(facts: Facts) -> Iterable[Finding]:
    """Find sync types whose newest runs took far longer than usual."""
    for sync in facts.syncs.values():
        newest = _slow_runs(facts, sync)
        if newest:
            runs = _in_a_row(facts, sync, newest, _is_slow_only)
            words = f"{_share(runs, sync, facts)} took far longer than usual."
            cause = runs[0].suspect_reason
            yield _finding(IncidentKind.SLOW, sync, runs, words, cause=cause)


def suspect_reasons(run: EndedRun) -> frozenset[str]:
    """Return the reasons in a run's ``suspect_reason``, such as ``few_items``."""
    if run.status not in (RunStatus.SUCCESS, RunStatus.PARTIAL) or not run.suspect_reason:
        return frozenset()
    return frozenset(part.partition(":")[0].strip() for part in run.suspect_reason.split(";"))


@once_for_same_rounds
def bad_ending(facts: Facts, sync: SyncFacts) -> tuple[IncidentKind, list[EndedRun]] | None:
    """Return the most frequent kind of bad ending in the newest round, and the runs affected.

    A round is one incident, even if a few of its runs have other causes. None if all went well.
    """
    runs = affected(facts, sync, lambda run: explain(run) is not None, patient=True)
    if not runs:
        return None
    kinds = Counter(filter(None, map(explain, runs)))
    return kinds.most_common(1)[0][0], runs


def affected(
    facts: Facts,
    sync: SyncFacts,
    is_wrong: Predicate,
    *,
    patient: bool = False,
    certain: bool = False,
    chance_share: float = _CHANCE_FAILURES,
) -> list[EndedRun]:
    """Return the bad runs of the newest round, if there are enough to be certain.

    Args:
        facts: Everything known.
        sync: The sync type.
        is_wrong: Returns whether a run is bad.
        patient: Whether to wait for a second bad run if a sync runs every few minutes and the
            problem may be temporary.
        certain: Whether a single run of a few says it for certain, however well the others ended.
        chance_share: Share of the runs of a round that may be bad without needing attention.
    """
    rounds = counted_rounds(facts, sync)
    if not any(each.notable for each in rounds[:2]):  # nearly always, so nothing else is looked at
        return []
    find = partial_function(_wrong_of_round, is_wrong=is_wrong, chance_share=chance_share)
    wrong = find(rounds, certain=certain, is_growing=not has_settled(facts, sync))
    if (
        len(rounds) > 1
        and _has_just_begun(rounds[0], rounds[1])
        and (not wrong or (len(wrong) < _FEWEST_RUNS and not has_settled(facts, sync)))
    ):
        rounds = rounds[1:]
        wrong = find(rounds, certain=certain)
    if patient and wrong and is_frequent(sync) and all(map(is_second_chance, wrong)):
        return wrong if len(rounds) > 1 and find(rounds[1:]) else []
    return wrong


def is_second_chance(run: EndedRun) -> bool:
    """Return whether the next run is likely to succeed by itself."""
    return run.status is not RunStatus.FAILED or is_transient(run)


def is_many(count: int, whole: int, chance_share: float) -> bool:
    """Return whether ``count`` bad runs of a round are more than chance explains."""
    if count == whole:
        return count > 0
    expected = chance_share * whole
    return count >= max(_FEWEST_RUNS, math.ceil(expected + _DEVIATIONS * math.sqrt(expected)))


@once_for_same_rounds
def _partial_runs(facts: Facts, sync: SyncFacts) -> list[EndedRun]:
    return affected(facts, sync, _is_partial, patient=True)


@once_for_same_rounds
def _suspect_runs(facts: Facts, sync: SyncFacts) -> list[EndedRun]:
    return affected(facts, sync, _is_suspect, patient=True, chance_share=_CHANCE_SUSPECTS)


def _is_partial(run: EndedRun) -> bool:
    return run.status is RunStatus.PARTIAL


def _is_slow_only(run: EndedRun) -> bool:
    return suspect_reasons(run) == _SLOW_REASONS


def _is_suspect(run: EndedRun) -> bool:
    return bool(suspect_reasons(run) - _SLOW_REASONS)


def _endings(facts: Facts, kind: IncidentKind) -> Iterator[Finding]:
    for sync in facts.syncs.values():
        ending = bad_ending(facts, sync)
        if ending is None or ending[0] is not kind:
            continue
        whole = _round_size(facts, sync)
        is_severe = len(ending[1]) >= whole * _CRITICAL_SHARE
        runs = _in_a_row(facts, sync, ending[1], lambda run: explain(run) is kind)
        verb = "failed" if kind is IncidentKind.FAILING else "ended before finishing"
        words = f"{_share(runs, sync, facts)} {verb}."
        severity = Severity.CRITICAL if is_severe else Severity.WARNING
        yield _finding(kind, sync, runs, words, severity=severity)


def _wrong_of_round(
    rounds: Sequence[Round],
    is_wrong: Predicate,
    chance_share: float,
    *,
    certain: bool = False,
    is_growing: bool = False,
) -> list[EndedRun]:
    results = rounds[0].results
    wrong = {key: run for key, run in rounds[0].notable.items() if is_wrong(run)}
    # A growing round will have about as many runs as the one before. Otherwise what one of a few
    # runs decides would seem to be over as soon as the round has more.
    sizes = [len(each.results) for each in rounds[: 2 if is_growing else 1]]
    are_few = max(sizes) <= FEW_RUNS
    if is_many(len(wrong), len(results), chance_share) or (certain and are_few):
        return list(wrong.values())
    if are_few and len(rounds) > 1:
        return _wrong_again(wrong, rounds[1], is_wrong)
    return []


def _wrong_again(wrong: dict[Key, EndedRun], before: Round, is_wrong: Predicate) -> list[EndedRun]:
    """Return the runs of users and courses that were also bad in the previous round."""
    return [
        run for key, run in wrong.items() if key in before.results and is_wrong(before.results[key])
    ]


def _has_just_begun(newest: Round, before: Round) -> bool:
    return len(newest.results) < len(before.results) * _BEGUN_SHARE


@once_for_same_rounds
def _slow_runs(facts: Facts, sync: SyncFacts) -> list[EndedRun]:
    longest = longest_duration(sync)

    def is_slow(run: EndedRun) -> bool:
        # A run that took even longer was stuck, which is another incident.
        return _is_slow_only(run) and timedelta(seconds=run.duration) <= longest

    return affected(facts, sync, is_slow, patient=True, chance_share=_CHANCE_SUSPECTS)


def _round_size(facts: Facts, sync: SyncFacts) -> int:
    rounds = counted_rounds(facts, sync)
    return len(rounds[0].results) if rounds else 0


def _in_a_row(
    facts: Facts, sync: SyncFacts, newest: Sequence[EndedRun], is_wrong: Predicate
) -> Sequence[EndedRun]:
    """Return the bad runs of the newest round and, if rounds are single runs, those just before."""
    if _round_size(facts, sync) > 1:
        return newest
    earlier = (
        run
        for each in counted_rounds(facts, sync)
        for run in each.results.values()
        if run.start < newest[0].start
    )
    return [*newest, *takewhile(is_wrong, earlier)]


def _share(runs: Sequence[EndedRun], sync: SyncFacts, facts: Facts) -> str:
    """Say how many runs are affected; the words must also be true once newer runs are well."""
    whole = _round_size(facts, sync)
    if whole > 1:
        return f"{len(runs):,} of {max(whole, len(runs)):,} runs of {sync.sync_type}"
    if len(runs) == 1:
        return f"A run of {sync.sync_type}"
    return f"{len(runs):,} runs of {sync.sync_type} in a row"


def _finding(
    kind: IncidentKind,
    sync: SyncFacts,
    runs: Sequence[EndedRun],
    summary: str,
    *,
    severity: Severity = Severity.WARNING,
    cause: str = "",
) -> Finding:
    counts = {cause: len(runs)} if cause else count_causes(runs)
    return Finding(
        kind=kind,
        subject=sync.sync_type,
        severity=severity,
        since=min(run.start for run in runs),
        summary=summary,
        cause=cause or next(iter(counts)),
        sync_type=sync.sync_type,
        **evidence(runs, counts),
    )
