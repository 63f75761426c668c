"""For tests of instrumented apps: records syncs in memory, at a fixed time, with fixed ids.

pytest discovers the fixtures ``canvas_sync_recording`` and ``canvas_sync_clock`` automatically::

    def test_the_nightly_sync_copies_three_courses(canvas_sync_recording):
        nightly_sync(user_id=42)
        (run,) = canvas_sync_recording.runs
        assert run.status == "success"
        assert run.items["course"].created == 3
"""

from .fixed import CountingIds, FixedClock
from .recording import MemorySink, Recording, recorded_events, recording

__all__ = [
    "CountingIds",
    "FixedClock",
    "MemorySink",
    "Recording",
    "recorded_events",
    "recording",
]
