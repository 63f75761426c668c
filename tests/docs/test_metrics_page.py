"""``docs/reference/metrics.md`` names each metric, label and loss, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from canvas_sync_core.names import (
    AUTH_FAILURE_REASONS,
    DROP_REASONS,
    SUSPECT_REASONS,
)
from canvas_sync_core.schema.metrics import METRICS, MetricName
from support.markdown import DOCS, plain_text, table
from support.served import Served
from support.served_metrics import beside_the_schema

PAGE = DOCS / "reference" / "metrics.md"


def _codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_each_metric_is_documented_with_type_and_labels() -> None:
    assert {
        name: [cells[0], *_codes(cells[1])] for name, cells in table(PAGE, "metric").items()
    } == {name: [spec.type, *spec.label_names] for name, spec in METRICS.items()}


def test_the_page_says_of_each_metric_what_its_help_says() -> None:
    """And more behind it where there is more to say."""
    rows = table(PAGE, "metric")

    assert {
        name: spec.help
        for name, spec in METRICS.items()
        if not plain_text(rows[name][2]).startswith(spec.help.removesuffix("."))
    } == {}


def test_each_collector_succeeds_and_serves_what_is_in_the_schema(served: Served) -> None:
    success = served.metrics[MetricName.COLLECTOR_SUCCESS].samples

    assert [sample.labels["collector"] for sample in success if sample.value != 1] == []
    assert beside_the_schema(served.metrics.values()) == []


@pytest.mark.parametrize(
    ("name", "label"),
    [(MetricName.COLLECTOR_SUCCESS, "collector"), (MetricName.EXPORTER_CHECK, "check")],
)
def test_each_declared_collector_and_check_is_served(
    served: Served, name: MetricName, label: str
) -> None:
    (declared,) = METRICS[name].labels

    assert {sample.labels[label] for sample in served.metrics[name].samples} == {*declared.values}


def test_each_label_is_explained() -> None:
    used = {label for cells in table(PAGE, "metric").values() for label in _codes(cells[1])}

    assert set(table(PAGE, "label")) == used


@pytest.mark.parametrize(
    "label",
    [
        *("item", "action", "part", "collector", "outcome", "log", "sink"),
        *("kind", "severity", "check", "state"),
    ],
)
def test_the_values_of_closed_labels_are_complete(label: str) -> None:
    declared = {
        each.values for spec in METRICS.values() for each in spec.labels if each.name == label
    }

    assert {tuple(_codes(table(PAGE, "label")[label][0]))} == declared


def test_the_reasons_are_complete() -> None:
    documented = tuple(_codes(table(PAGE, "label")["reason"][0]))

    assert documented == (*AUTH_FAILURE_REASONS, *SUSPECT_REASONS)


def test_each_metric_that_exists_as_zero_is_documented_with_what_must_be_known() -> None:
    documented = {name: set(_codes(cells[0])) for name, cells in table(PAGE, "metric at 0").items()}

    assert documented == {
        name: set(spec.label_names) - spec.zeros[0].keys()
        for name, spec in METRICS.items()
        if spec.zeros
    }


def test_each_loss_that_is_counted_is_documented() -> None:
    known = {(sink, reason) for sink, reasons in DROP_REASONS.items() for reason in reasons}

    assert set(_losses()) == known


def _losses() -> Iterable[tuple[str, str]]:
    lines = PAGE.read_text(encoding="utf-8").partition("| sink | reason |")[2].splitlines()[2:]
    for line in lines:
        if not line.startswith("|"):
            return
        sink, reason, *_ = _codes(line)
        yield sink, reason
