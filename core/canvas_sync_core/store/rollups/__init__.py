"""Rollups: sums of the ended runs of each 15-minute bucket, hour and day.

``buckets`` cuts time, ``aggregates`` adds up runs, ``tables`` stores the sums and explains how the
change of a row is noticed, and ``writing`` keeps them up to date. ``reading`` answers from them:
``state`` says what they contain, ``totals`` is an answer in the making, and
``totals_cache`` keeps those of days.
"""
