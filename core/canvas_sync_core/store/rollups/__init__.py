"""Rollups: sums of the ended runs of each 15-minute bucket, hour and day.

``buckets`` divides time, ``aggregates`` adds up runs, ``tables`` stores the sums and explains how
changes of rows are detected, and ``writing`` keeps the sums up to date. ``reading`` answers queries
from them: ``state`` is what they contain, ``totals`` is an intermediate result, and
``totals_cache`` caches totals of days.
"""
