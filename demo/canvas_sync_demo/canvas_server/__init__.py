"""A simulated Canvas LMS, as documented and seeded, with planned faults."""

from __future__ import annotations

from .bucket import LeakyBucket, ThrottleLimits
from .faults import (
    Dropped,
    Fault,
    FaultPlan,
    Forbidden,
    Missing,
    QuotaSpent,
    ScopeMissing,
    ServerError,
    Slow,
    TokenRefused,
    When,
)
from .school import SchoolSize
from .server import CanvasServer, simulated_tokens
from .service import Behaviour

__all__ = [
    "Behaviour",
    "CanvasServer",
    "Dropped",
    "Fault",
    "FaultPlan",
    "Forbidden",
    "LeakyBucket",
    "Missing",
    "QuotaSpent",
    "SchoolSize",
    "ScopeMissing",
    "ServerError",
    "Slow",
    "ThrottleLimits",
    "TokenRefused",
    "When",
    "simulated_tokens",
]
