"""The versions of the exporter and of its Python."""

from __future__ import annotations

import sys

from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_core.version import VERSION
from canvas_sync_exporter.collectors.build_info import BuildInfoCollector
from support.metric_processes import samples


def test_the_versions_are_labels_of_a_gauge_that_is_always_1() -> None:
    python = ".".join(map(str, sys.version_info[:3]))
    name = f'{MetricName.BUILD_INFO}{{python="{python}",version="{VERSION}"}}'
    assert samples(BuildInfoCollector()) == {name: 1.0}
