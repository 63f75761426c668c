"""Nothing that must stay secret is anywhere to be seen, though every sync handled it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from support.evidence import Answer, Evidence
from support.many_texts import any_of


def texts_of(evidence: Evidence) -> Mapping[str, str]:
    """Everything that this project wrote or said, as text."""

    def bodies(answers: Mapping[str, Answer]) -> str:
        return json.dumps({name: answer.body for name, answer in answers.items()})

    return {
        "logs": json.dumps(evidence.logs, ensure_ascii=False),
        "archives": json.dumps(evidence.archived, ensure_ascii=False),
        "rows": repr(evidence.rows),
        "reports": evidence.reports,
        "messages": evidence.messages,
        "spans": "\n".join(map(str, evidence.spans)),
        "resources": repr(evidence.resources),
        "text": evidence.text.text,
        "openmetrics": evidence.openmetrics.text,
        "exporter": bodies(evidence.exporter),
        "mounted": bodies(evidence.mounted),
        "output": evidence.output,
    }


@pytest.mark.parametrize(
    "place",
    [
        *("logs", "archives", "rows", "reports", "messages", "spans", "resources"),
        *("text", "openmetrics", "exporter", "mounted", "output"),
    ],
)
def test_no_token_name_address_grade_or_text_is_in(evidence: Evidence, place: str) -> None:
    text = texts_of(evidence)[place]
    assert len(text) > 100
    assert not any_of(evidence.secrets).search(text.encode())
    assert "Zq-" not in text  # the mark of every name in the simulated Canvas
    assert "students.invalid" not in text


def test_the_syncs_did_meet_secrets(evidence: Evidence) -> None:
    """So that the tests above can fail: errors that quote a token and an address were recorded."""
    assert len(evidence.secrets) > 1000
    assert "No mail to [removed], Bearer [removed]" in texts_of(evidence)["logs"]
    assert any(evidence.rows[name]["grades_created"] > 0 for name in ("healthy", "troubled"))
