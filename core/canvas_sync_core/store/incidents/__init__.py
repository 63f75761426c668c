"""Incidents in the database: written by any number of exporters, read by everyone.

The table has one open row for each kind and subject. Several exporters may find the same incident
at the same time; a unique index lets one of them insert it, and each change is a conditional update
that one of them makes. The others read it in their next judging.
"""
