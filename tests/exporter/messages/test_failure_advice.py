"""The advice about failing runs depends on the error."""

from __future__ import annotations

import pytest

from canvas_sync_exporter.messages.failure_advice import failure_advice


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("KeyError: 'term'", "The app's code met data"),
        ("CommandFailed: exit code 3", "last lines of the command's output"),
        ("CommandFailed: exit code 137", "ran out of memory"),
        ("OSError: [Errno 28] No space left on device", "Free disk space"),
        ("Forbidden: user not authorized to perform that action", "role or permission"),
        ("ResourceDoesNotExist: Not Found", "deleted or moved"),
        ("PermissionError: [Errno 13] Permission denied", "access to the file"),
        ("ModuleNotFoundError: No module named 'grades'", "Install the package"),
        ("IntegrityError: UNIQUE constraint failed", "refused a row"),
        ("OperationalError: database is locked", "Check the app's database"),
        ("SSLCertVerificationError: certificate has expired", "certificate"),
        ("ReadTimeout: HTTPSConnectionPool", "Check the network"),
        ("SchoolClosed: come back in May", "Open the newest run"),
    ],
)
def test_the_next_step_fits_the_error(cause: str, words: str) -> None:
    assert words in failure_advice(cause)
