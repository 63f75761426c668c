"""A disk that fills up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_exporter.judge.facts import Sample
from support.judge_facts import NOW, facts_of
from support.verdicts import MINUTE, kinds, only, well

GIBIBYTE = 1024.0**3


def samples(free: list[float], step: timedelta) -> list[Sample]:
    """Values up to now, one every ``step``."""
    return [
        Sample(NOW - step * (len(free) - 1 - number), value) for number, value in enumerate(free)
    ]


def test_the_slope_of_the_disk_counts_only_after_six_hours() -> None:
    steep = [67.5 * GIBIBYTE - number * 0.5 * GIBIBYTE for number in range(100)]

    assert kinds(facts_of(disk_free=samples(steep[:11], MINUTE))) == []
    found = only(facts_of(disk_free=samples(steep, 5 * MINUTE)))
    assert (found.kind, found.severity) == (IncidentKind.DISK_FILLING, Severity.CRITICAL)
    assert only(facts_of(disk_free=samples([100.0 * 1024**2], MINUTE))).severity == "critical"


def test_a_full_disk_has_the_name_of_its_host_if_there_are_several() -> None:
    full = replace(well(), disk_free=[Sample(NOW, GIBIBYTE / 10)])
    assert only(full).subject == "disk of the logs"
    found = only(replace(full, host="sync-1"))
    assert found.subject == "disk of the logs on sync-1"
    assert found.summary.startswith("sync-1: Only 0.1 GiB are free")
