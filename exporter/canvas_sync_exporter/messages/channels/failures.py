"""Why a server could not be reached, in words that never contain a URL or a secret."""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPException

__all__ = ["network_failure"]


def network_failure(error: BaseException) -> str:
    """Return why a server could not be reached."""
    match error:
        case TimeoutError():
            why = "there was no complete answer in time"
        case ssl.SSLCertVerificationError():
            why = f"its certificate is not valid ({error.verify_message})"
        case ssl.SSLError():
            why = f"the encrypted connection failed ({error.reason or 'no reason given'})"
        case socket.gaierror():
            why = "the name of the host cannot be resolved"
        case HTTPException():
            why = "the answer is not HTTP"
        case OSError(strerror=str(reason)):
            why = reason
        case _:
            why = type(error).__name__
    return why
