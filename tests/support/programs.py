"""Programs that come with the operating system."""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["required"]


def required(name: str) -> str:
    """Path of a program; where it is missing the test is skipped, but fails where CI is true."""
    found = shutil.which(name)
    if found is None:
        message = f"{name} is not on PATH"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found
