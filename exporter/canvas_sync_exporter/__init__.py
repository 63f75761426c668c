"""The exporter: ``/metrics``, REST API, log tools and upkeep, beside the processes that sync.

To mount the REST API into a Flask app of your own, see
:func:`canvas_sync_exporter.web.register_canvas_metrics_api`.
"""
