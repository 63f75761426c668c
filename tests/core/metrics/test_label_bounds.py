"""Labels stay bounded whatever values come."""

from __future__ import annotations

import pytest

from canvas_sync_core.metrics.label_bounds import LabelBounds
from canvas_sync_core.schema.metrics import METRICS, MetricName


def test_a_value_that_a_closed_label_does_not_list_becomes_other() -> None:
    bounds = LabelBounds()
    assert bounds.apply(MetricName.RUNS, ("full", "lost")) == ("full", "other")
    assert bounds.apply(MetricName.RUNS, ("full", "failed")) == ("full", "failed")


def test_further_values_of_an_open_label_become_other() -> None:
    bounds, limit = LabelBounds(), METRICS[MetricName.ERRORS].limit
    for number in range(limit):
        labels = ("import", f"Error{number}")
        assert bounds.apply(MetricName.ERRORS, labels) == labels
    assert bounds.apply(MetricName.ERRORS, ("import", "OneMore")) == ("other", "other")
    assert bounds.apply(MetricName.ERRORS, ("import", "Error7")) == ("import", "Error7")


def test_known_values_keep_their_place_and_do_not_count() -> None:
    bounds, name = LabelBounds(), MetricName.API_REQUEST_DURATION
    for number in range(METRICS[name].limit):
        bounds.apply(name, ("GET", f"/api/v1/r{number}"))
    assert bounds.apply(name, ("GET", "/api/v1/courses")) == ("GET", "/api/v1/courses")
    assert bounds.apply(name, ("BREW", "/api/v1/courses")) == ("other", "/api/v1/courses")


def test_each_metric_has_a_limit_of_its_own() -> None:
    bounds = LabelBounds()
    for number in range(METRICS[MetricName.ERRORS].limit):
        bounds.apply(MetricName.ERRORS, ("import", f"Error{number}"))
    assert bounds.apply(MetricName.LAST_RUN, ("full",)) == ("full",)


def test_a_value_too_few_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        LabelBounds().apply(MetricName.RUNS, ("full",))
