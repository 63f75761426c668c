"""The former home of :mod:`canvas_sync_core.store`; kept for one release."""
