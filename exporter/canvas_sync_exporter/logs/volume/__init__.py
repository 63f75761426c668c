"""Volume: how many lines the logs have in each time bucket, without reading them all."""

from __future__ import annotations

from .histogram import Volume, VolumeBucket, log_volume

__all__ = ["Volume", "VolumeBucket", "log_volume"]
