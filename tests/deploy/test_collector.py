"""The collector's configuration, as far as it can be judged without a collector."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from canvas_sync_core.names import Log

Config = dict[str, Any]


@pytest.fixture(scope="module")
def config(repository: Path) -> Config:
    content: Config = yaml.safe_load(
        (repository / "deploy" / "otel-collector" / "config.yml").read_text()
    )
    return content


def named(config: Config, section: str) -> set[str]:
    return set(config.get(section, {}))


def test_pipelines_use_what_is_defined_and_all_of_it_is_used(config: Config) -> None:
    pipelines = config["service"]["pipelines"].values()
    connectors = named(config, "connectors")
    used = {
        part: {name for pipeline in pipelines for name in pipeline.get(part, [])}
        for part in ("receivers", "processors", "exporters")
    }
    assert used["receivers"] == named(config, "receivers") | connectors
    assert used["exporters"] == named(config, "exporters") | connectors
    assert used["processors"] == named(config, "processors")
    assert set(config["service"]["extensions"]) == named(config, "extensions")


def test_every_pipeline_is_kept_within_the_memory_limit(config: Config, compose: Config) -> None:
    pipelines = config["service"]["pipelines"]
    assert [one for one in pipelines.values() if one["processors"][0] != "memory_limiter"] == []
    limit = int(compose["services"]["otel-collector"]["mem_limit"].removesuffix("m"))
    assert config["processors"]["memory_limiter"]["limit_mib"] < limit


def test_traces_go_to_tempo_and_become_metrics_with_exemplars(config: Config) -> None:
    assert config["service"]["pipelines"]["traces"]["exporters"] == [
        "otlp_grpc/tempo",
        "span_metrics",
    ]
    assert config["connectors"]["span_metrics"]["exemplars"] == {"enabled": True}
    assert config["connectors"]["span_metrics"]["histogram"]["unit"] == "s"
    assert config["exporters"]["prometheus"]["enable_open_metrics"] is True


def test_the_position_up_to_which_logs_were_read_survives_a_restart(config: Config) -> None:
    assert config["receivers"]["file_log"]["storage"] == "file_storage"
    assert config["exporters"]["otlp_http/loki"]["sending_queue"]["storage"] == "file_storage"


def test_all_five_logs_are_read_and_named_by_their_files(config: Config) -> None:
    pattern = re.compile(config["receivers"]["file_log"]["operators"][0]["regex"])
    for log in Log:
        for file in (f"{log}.log", f"{log}.log.1"):
            found = pattern.match(file)
            assert found is not None
            assert found["log"] == log


def test_times_are_read_in_the_format_that_the_logs_have(config: Config) -> None:
    """Go spells a format by a certain moment: this one, with microseconds."""
    record = next(
        one for one in config["receivers"]["file_log"]["operators"] if one.get("id") == "record"
    )
    moment = datetime(2006, 1, 2, 15, 4, 5, 999999, tzinfo=UTC)
    written = msgspec.json.decode(msgspec.json.encode(moment))
    assert record["timestamp"]["layout"] == written


def test_loki_makes_labels_of_exactly_the_two_that_dashboards_ask_for(repository: Path) -> None:
    config = yaml.safe_load((repository / "deploy" / "loki" / "config.yml").read_text())
    resource = config["limits_config"]["otlp_config"]["resource_attributes"]
    assert resource["ignore_defaults"] is True
    assert resource["attributes_config"] == [
        {"action": "index_label", "attributes": ["service.name", "log"]}
    ]
