"""Secrets that only the words around them give away."""

from __future__ import annotations

import pytest

from canvas_sync_core.canvas.secret_forms import REMOVED
from canvas_sync_core.canvas.secret_phrases import mask_phrases


@pytest.mark.parametrize(
    "text",
    [
        "the password is {}",
        "Your API key was {}.",
        "secret%20is%20{}",
        "machine canvas login ada password {}",
        "default login ada password {}",
        "db.example.edu:5432:canvas:ada:{}",
        "curl -u ada:{} https://canvas",
        "curl --user=ada:{}",
        "wget --proxy-user ada:{}",
        "docker login -p {} registry",
        "mysql -p{} canvas",
        "redis-cli -a {}",
        "ldapsearch -w {}",
        "sshpass -p {} ssh host",
        "['sshpass', '-p', '{}']",
    ],
)
def test_the_secret_is_masked_and_the_rest_is_kept(text: str) -> None:
    before, _, after = text.partition("{}")
    masked = mask_phrases(text.replace("{}", "Hunter2x9"))
    assert "Hunter2x9" not in masked
    assert REMOVED in masked
    assert masked.startswith(before.rpartition(" ")[0].rpartition("ada")[0])
    assert masked.endswith(after.lstrip("'"))


@pytest.mark.parametrize(
    "text",
    [
        "the token is expired",
        "the token is 5 days old",
        "password is None",
        "docker run -p 8080:80/tcp image",
        "docker run -p 127.0.0.1:8000-8010:8000-8010",
        "curl -u ada https://canvas",
        "mkdir -p Folder9x",
        "grep -a Hunter2x9 file",
        "12:30:45 sync:8000 done",
        "the machine was slow",
    ],
)
def test_plain_sentences_and_other_options_stay(text: str) -> None:
    assert mask_phrases(text) == text


def test_a_number_alone_is_a_password() -> None:
    assert mask_phrases("the pin is 4711.") == f"the pin is {REMOVED}."
