"""From a sync that fails to the message that somebody reads, over real servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from support.alert_stack import AlertStack, running_stack
from support.demo_syncs import run_syncs

USER_WITH_EXPIRED_TOKEN = 46


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as servers:
        yield servers


def test_a_refused_token_is_one_alert_that_names_the_cause_in_slack_and_e_mail(
    stack: AlertStack,
) -> None:
    exit_codes = run_syncs(stack.stage, USER_WITH_EXPIRED_TOKEN)
    assert exit_codes[USER_WITH_EXPIRED_TOKEN] != 0

    (slack,) = stack.inbox.next("slack")["attachments"]
    email = stack.mailbox.next()

    title = "Critical: Canvas refuses an access token: "
    description = "Canvas refuses an access token. The syncs that use it fail until"
    runbook = "http://localhost:5000/runbooks/CanvasTokenInvalid"
    assert slack["title"].startswith(title)
    assert "expired" in slack["title"]
    assert slack["color"] == "danger"
    assert description in slack["text"]
    assert f"<{runbook}|Runbook>" in slack["text"]
    assert "<http://localhost:3000/d/canvas-sync-api|Dashboard>" in slack["text"]
    assert email["Subject"] == slack["title"]
    bodies = [email.get_body((kind,)) for kind in ("plain", "html")]
    text, html = (body.get_content() for body in bodies if body is not None)
    assert description in text
    assert f"Runbook:   {runbook}" in text
    assert description in html
    assert f'<a href="{runbook}">Runbook</a>' in html
    page = requests.get(stack.stage.url + runbook.removeprefix("http://localhost:5000"), timeout=30)
    assert "<h2>Mitigation</h2>" in page.text


def test_the_dead_mans_switch_hears_of_a_stack_that_works(stack: AlertStack) -> None:
    message = stack.inbox.next("switch")

    assert message["receiver"] == "dead-mans-switch"
    assert [each["labels"]["alertname"] for each in message["alerts"]] == ["Watchdog"]
