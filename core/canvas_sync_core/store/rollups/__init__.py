"""Rollups: what the ended runs of a quarter of an hour, an hour and a day add up to.

``spans`` cuts time, ``aggregates`` adds up, ``tables`` stores, ``writing`` keeps the rollups up and
``reading`` answers from them. How a change of a row is noticed is told in ``tables``.
"""
