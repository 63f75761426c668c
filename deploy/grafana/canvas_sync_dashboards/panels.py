"""The kinds of panels that the dashboards use, each with a uniform style.

Every function takes a title, a description and what is asked; it returns a panel that has no place
yet. ``unit`` is Grafana's name of a unit, ``steps`` are the colours of values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import bargauge, common, heatmap, logs, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import Panel as AnyPanel
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as values
from grafana_foundation_sdk.models.dashboard import (
    FieldConfigSource,
    Panel,
    ValueMap,
    ValueMappingResult,
)

from .steps import NEUTRAL, Steps, thresholds
from .targets import Logs, Target, Trace

__all__ = ["COUNT", "bars", "events", "lines", "log_lines", "spread", "trace", "value"]

COUNT: Final = "locale"
"""Unit of a count: ``increase`` returns fractions, but people expect whole numbers."""


def value(
    title: str,
    description: str,
    *targets: Target,
    unit: str,
    steps: Steps = NEUTRAL,
    words: Mapping[str, tuple[str, str]] | None = None,
    empty: str = "none",
) -> Panel:
    """Show a number big enough to be read across a room.

    Args:
        title: Of the panel.
        description: What it says, and what to do when it looks bad.
        targets: What is asked.
        unit: Of the number.
        steps: Colours.
        words: Value -> the word and colour shown instead.
        empty: What stands there when there is no number.
    """
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"])
    builder = (
        stat.Panel()
        .reduce_options(reduced)
        .color_mode(values.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(values.BigValueGraphMode.NONE)
        .orientation(values.VizOrientation.AUTO)
        .no_value(empty)
    )
    if words is not None:
        results = {
            key: ValueMappingResult(text=text, color=colour)
            for key, (text, colour) in words.items()
        }
        builder.mappings([ValueMap(results)])
    return asking(builder, title, description, targets, unit=unit, steps=steps)


def lines(
    title: str, description: str, *targets: Target, unit: str, steps: Steps = NEUTRAL
) -> Panel:
    """Draw values over time; with colours, also the thresholds at which they are bad."""
    builder = _over_time().draw_style(values.GraphDrawStyle.LINE)
    builder.line_width(1).fill_opacity(10).show_points(values.VisibilityMode.AUTO)
    if len(steps) > 1:
        dashed = common.GraphThresholdsStyleConfig().mode(values.GraphThresholdsStyleMode.DASHED)
        builder.thresholds_style(dashed)
    return asking(builder.min(0), title, description, targets, unit=unit, steps=steps)


def events(
    title: str, description: str, *targets: Target, unit: str, steps: Steps = NEUTRAL
) -> Panel:
    """Stack counts by kind as bars, so that even a single nightly run is visible."""
    stacked = common.StackingConfig().mode(values.StackingMode.NORMAL).group("A")
    builder = _over_time().draw_style(values.GraphDrawStyle.BARS)
    builder.line_width(1).fill_opacity(80).stacking(stacked)
    return asking(builder.min(0), title, description, targets, unit=unit, steps=steps)


def bars(
    title: str, description: str, *targets: Target, unit: str, steps: Steps = NEUTRAL
) -> Panel:
    """Compare the values of many series at the end of the shown time, as horizontal bars."""
    builder = (
        bargauge.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .display_mode(values.BarGaugeDisplayMode.BASIC)
        .orientation(values.VizOrientation.HORIZONTAL)
        .name_placement(values.BarGaugeNamePlacement.TOP)
        .no_value("none")
        .min(0)
    )
    return asking(builder, title, description, targets, unit=unit, steps=steps)


def spread(title: str, description: str, *targets: Target, unit: str) -> Panel:
    """Show the distribution of a histogram's values over time."""
    builder = (
        heatmap.Panel()
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .cell_values(heatmap.CellValues().unit("short"))
        .color(heatmap.HeatmapColorOptions().scheme("Blues").steps(64).exponent(0.5))
        .exemplars_color("orange")
        .show_legend()
    )
    return asking(builder, title, description, targets, unit=unit, steps=NEUTRAL)


def log_lines(title: str, description: str, target: Logs) -> Panel:
    """Show log lines, newest first; clicking one shows its fields and links."""
    builder = logs.Panel().show_time(True).wrap_log_message(True).enable_log_details(True)
    builder.sort_order(values.LogsSortOrder.DESCENDING)
    return asking(builder, title, description, (target,), unit="none", steps=NEUTRAL)


def trace(title: str, description: str, target: Trace) -> Panel:
    """Show one trace, span by span."""
    return asking(
        AnyPanel().type("traces"), title, description, (target,), unit="none", steps=NEUTRAL
    )


def asking(
    builder: Builder[Panel],
    title: str,
    description: str,
    targets: tuple[Target, ...],
    *,
    unit: str,
    steps: Steps,
) -> Panel:
    """Add what all kinds of panels have in common; each target gets a letter."""
    panel = builder.build()
    panel.title = title
    panel.description = description
    panel.datasource = targets[0].source.reference
    panel.targets = [target.query(chr(ord("A") + at)) for at, target in enumerate(targets)]
    panel.field_config = panel.field_config or FieldConfigSource()
    panel.field_config.defaults.unit = unit
    panel.field_config.defaults.decimals = 0 if unit == COUNT else None
    panel.field_config.defaults.thresholds = thresholds(steps)
    return panel


def _over_time() -> timeseries.Panel:
    legend = common.VizLegendOptions().show_legend(True).placement(values.LegendPlacement.BOTTOM)
    legend.display_mode(values.LegendDisplayMode.LIST)
    together = common.VizTooltipOptions().mode(values.TooltipDisplayMode.MULTI)
    together.sort(values.SortOrder.DESCENDING)
    return timeseries.Panel().legend(legend).tooltip(together)
