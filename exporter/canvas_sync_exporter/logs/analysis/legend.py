"""What the colours of a chart mean."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .tables import Table

__all__ = ["legend", "series_legend"]


def legend(kinds: Sequence[tuple[str, str]], title: str = "") -> str:
    """Return the caption of a chart.

    Args:
        kinds: For each colour its class in the style of the page, and what it means.
        title: What the chart shows, where that is not the same.
    """
    shown = "".join(f'<span><i class="{kind}"></i>{escape(name)}</span>' for kind, name in kinds)
    return f"<figcaption>{f'<span>{escape(title)}</span>' if title else ''}{shown}</figcaption>"


def series_legend(table: Table) -> str:
    """Return the caption of a chart that shows the series of a table."""
    kinds = [(f"series-{number}", series.name) for number, series in enumerate(table.series)]
    return legend(kinds, "Duration of calls:")
