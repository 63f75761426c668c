"""The ``canvas_sync_metrics`` table: its shape, its migrations, its spool and its queries.

``model`` is the table, ``database`` opens and upgrades it, ``rows`` writes into it, ``spool`` keeps
rows while the database is down, ``queries`` has the queries of the REST API. What sync processes
need to write rows (``row_database``, ``rows``, ``spool``) imports no SQLAlchemy.
"""
