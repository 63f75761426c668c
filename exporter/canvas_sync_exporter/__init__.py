"""The exporter: ``/metrics``, REST API, log tools and maintenance, next to the sync processes.

To mount the REST API into your own Flask app, see
:func:`canvas_sync_exporter.web.register_canvas_metrics_api`.
"""
