"""Tables: a panel whose columns have their own names, units, colours and links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import table as builders
from grafana_foundation_sdk.models.common import (
    TableCellBackgroundDisplayMode,
    TableCellHeight,
    TableColoredBackgroundCellOptions,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    Panel,
    ValueMap,
    ValueMappingResult,
)

from .links import Link
from .panels import COUNT, asking
from .steps import NEUTRAL, Steps, thresholds
from .targets import Target

__all__ = ["Column", "table"]


@dataclass(frozen=True, slots=True)
class Column:
    """How a column looks.

    Attributes:
        name: As the query, or the title given in ``table``, has it.
        unit: Of its numbers.
        steps: Colours of its numbers.
        colours: Text -> colour, for a column of words.
        links: Where its cells lead.
        width: In pixels; 0 lets Grafana choose.
    """

    name: str
    unit: str = ""
    steps: Steps = ()
    colours: dict[str, str] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    width: int = 0

    def properties(self) -> list[DynamicConfigValue]:
        """Build the SDK object."""
        found: dict[str, object] = {}
        if self.unit:
            found["unit"] = self.unit
        if self.unit == COUNT:
            found["decimals"] = 0
        if self.width:
            found["custom.width"] = self.width
        if self.links:
            found["links"] = [link.to_json() for link in self.links]
        if self.steps:
            found["thresholds"] = thresholds(self.steps)
        if self.colours:
            results = {text: ValueMappingResult(color=each) for text, each in self.colours.items()}
            found["mappings"] = [ValueMap(results)]
        if self.steps or self.colours:
            mode = TableCellBackgroundDisplayMode.BASIC
            found["custom.cellOptions"] = TableColoredBackgroundCellOptions(mode=mode)
        return [DynamicConfigValue(name, value) for name, value in found.items()]


def table(
    title: str,
    description: str,
    target: Target,
    *columns: Column,
    titles: dict[str, str] | None = None,
    hidden: Sequence[str] = (),
) -> Panel:
    """Show rows.

    Args:
        title: Of the panel.
        description: What it says, and what to do when it looks bad.
        target: What is asked.
        columns: Those that look other than plain.
        titles: Name of a column in the answer -> its title, in the order of the columns.
        hidden: Names of columns that are left out.
    """
    builder = builders.Panel().show_header(True).cell_height(TableCellHeight.SM).no_value("none")
    if titles or hidden:
        shown = titles or {}
        options = {
            "excludeByName": dict.fromkeys(hidden, True),
            "indexByName": {name: at for at, name in enumerate(shown)},
            "renameByName": shown,
        }
        builder.with_transformation(DataTransformerConfig("organize", options=options))
    for column in columns:
        builder.override_by_name(column.name, column.properties())
    return asking(builder, title, description, (target,), unit="none", steps=NEUTRAL)
