"""``docs/reference/metrics.md`` names each metric, label and loss, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prometheus_client import Metric

from canvas_sync_core.names import (
    AUTH_FAILURE_REASONS,
    DROP_REASONS,
    ITEM_ACTIONS,
    ITEMS,
    METRICS,
    SUSPECT_REASONS,
    TIME_PARTS,
)
from support.markdown import DOCS, table
from support.served import Served

PAGE = DOCS / "reference" / "metrics.md"


def _codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _labels(family: Metric) -> set[str]:
    return {name for sample in family.samples for name in sample.labels} - {"le"}


def test_each_metric_of_the_syncs_is_documented_with_type_and_labels() -> None:
    rows = table(PAGE, "metric")
    known = {name.value: [spec.type.value, *spec.labels] for name, spec in METRICS.items()}

    assert {
        name: [cells[0], *_codes(cells[1])] for name, cells in rows.items() if name in known
    } == known


def test_each_metric_that_is_served_is_documented(served: Served) -> None:
    documented = set(table(PAGE, "metric"))

    assert set(served.metrics) <= documented
    assert documented <= set(served.metrics) | {name.value for name in METRICS}


def test_the_exporters_own_metrics_have_the_documented_type_and_labels(served: Served) -> None:
    rows = table(PAGE, "metric")
    own = {name for name in served.metrics if name.startswith("canvas_sync_exporter_")}

    assert {name: [rows[name][0], set(_codes(rows[name][1]))] for name in own} == {
        name: [served.metrics[name].type, _labels(served.metrics[name])] for name in own
    }


def test_each_label_is_explained() -> None:
    used = {label for cells in table(PAGE, "metric").values() for label in _codes(cells[1])}

    assert set(table(PAGE, "label")) == used


def test_the_values_of_bounded_labels_are_complete(served: Served) -> None:
    values = {name: _codes(cells[0]) for name, cells in table(PAGE, "label").items()}
    success = served.metrics["canvas_sync_exporter_collector_success"]

    assert tuple(values["item"]) == ITEMS
    assert tuple(values["action"]) == ITEM_ACTIONS
    assert tuple(values["part"]) == TIME_PARTS
    assert tuple(values["reason"]) == (*AUTH_FAILURE_REASONS, *SUSPECT_REASONS)
    assert values["collector"] == [sample.labels["collector"] for sample in success.samples]


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
