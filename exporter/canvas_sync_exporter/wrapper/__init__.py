"""What ``canvas-sync-monitor run`` does for a command besides running it.

It works without an exporter and without the ``exporter`` extra.
"""
