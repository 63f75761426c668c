"""Slack on loopback: it checks messages as Slack does, and keeps them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from .message_server import Received, http_answer

__all__ = ["SlackServer", "check_blocks", "texts_of", "visible"]

TOKEN = "xoxb-T0Secret4711"
HOOK = "/services/T0/B0/T0Secret4711"
CHANNEL = "C0CANVAS01"

_ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")
_LINK = re.compile(r"<(https?://[^|<>\s]+)\|([^<>\n]+)>")
_UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


@dataclass
class SlackServer:
    """Answers requests of webhooks and of the Web API.

    Attributes:
        messages: Those that can be seen, by their time; for webhooks, in the order of arrival.
        problems: What Slack would have rejected.
        errors: Codes to answer the next calls with, before anything else.
        rejects_blocks: Whether it rejects all blocks.
    """

    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    rejects_blocks: bool = False

    def answer(self, request: Received) -> list[bytes]:
        """Answer a request."""
        if request.path == HOOK:
            return [self._answer_webhook(json.loads(request.body))]
        return [self._answer_api(request)]

    @property
    def only(self) -> dict[str, Any]:
        """The only message."""
        (message,) = self.messages.values()
        return message

    def _answer_webhook(self, body: dict[str, Any]) -> bytes:
        code = self._problem(body)
        if code:
            return http_answer(403 if code == "invalid_token" else 400, code.encode())
        self.messages[f"{len(self.messages)}.000100"] = body
        return http_answer(200, b"ok")

    def _answer_api(self, request: Received) -> bytes:
        body = json.loads(request.body)
        code = self._problem(body)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            code = "invalid_auth"
        if code:
            return self._json({"ok": False, "error": code})
        method = request.path.rpartition("/")[2]
        return self._json(getattr(self, f"_{method.replace('.', '_')}")(body))

    def _chat_postMessage(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - of Slack
        if body["channel"] not in ("#canvas-sync", CHANNEL):
            return {"ok": False, "error": "channel_not_found"}
        if body.get("thread_ts", "0.000100") not in {"0.000100", *self.messages}:
            return {"ok": False, "error": "thread_not_found"}
        time = f"{1000 + len(self.messages)}.000100"
        self.messages[time] = body
        return {"ok": True, "channel": CHANNEL, "ts": time}

    def _chat_update(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["channel"] != CHANNEL or body["ts"] not in self.messages:
            return {"ok": False, "error": "message_not_found"}
        self.messages[body["ts"]] = body
        return {"ok": True, "channel": CHANNEL, "ts": body["ts"]}

    def _problem(self, body: dict[str, Any]) -> str:
        if self.errors:
            return self.errors.pop(0)
        if self.rejects_blocks and body.get("blocks"):
            return "invalid_blocks"
        if not body.get("text") and not body.get("blocks"):
            return "no_text"
        found = check_blocks(body.get("blocks") or []) + _check_text(body.get("text", ""), 40_000)
        self.problems += found
        return "invalid_blocks" if found else ""

    @staticmethod
    def _json(document: dict[str, Any]) -> bytes:
        return http_answer(200, json.dumps(document).encode(), Content_Type="application/json")


def check_blocks(blocks: list[dict[str, Any]]) -> list[str]:
    """Return what is wrong with the blocks of a message."""
    problems = [f"{len(blocks)} blocks"] if len(blocks) > 50 else []
    if sum(map(len, texts_of(blocks))) > 13_000:
        problems.append("msg_blocks_too_long")
    for block in blocks:
        problems += _CHECKS.get(block["type"], _unknown)(block)
    return problems


def texts_of(blocks: list[dict[str, Any]]) -> list[str]:
    """Return each text of the blocks, as it is sent."""
    found = []
    for block in blocks:
        parts = [block["text"]] if "text" in block else []
        parts += [*block.get("fields", ()), *block.get("elements", ())]
        found += [part["text"] for part in parts]
    return found


def visible(text: str) -> str:
    """Return a text as Slack shows it, without formatting."""
    text = _LINK.sub(r"\2", text).replace("\u200b", "")
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _check_header(block: dict[str, Any]) -> list[str]:
    return _check_object(block["text"], ("plain_text",), 150) + _check_keys(block, "text")


def _check_section(block: dict[str, Any]) -> list[str]:
    problems = _check_keys(block, "text", "fields")
    if ("text" in block) == ("fields" in block):
        problems.append("a section has text or fields")
    if "text" in block:
        problems += _check_object(block["text"], ("mrkdwn", "plain_text"), 3000)
    fields = block.get("fields", [{}])
    if not 1 <= len(fields) <= 10:
        problems.append(f"{len(fields)} fields")
    for each in block.get("fields", ()):
        problems += _check_object(each, ("mrkdwn", "plain_text"), 2000)
    return problems


def _check_context(block: dict[str, Any]) -> list[str]:
    problems = _check_keys(block, "elements")
    if not 1 <= len(block["elements"]) <= 10:
        problems.append("elements")
    for each in block["elements"]:
        problems += _check_object(each, ("mrkdwn", "plain_text"), 3000)
    return problems


def _check_divider(block: dict[str, Any]) -> list[str]:
    return _check_keys(block)


def _unknown(block: dict[str, Any]) -> list[str]:
    return [f"unknown block {block['type']}"]


_CHECKS = {
    "header": _check_header,
    "section": _check_section,
    "context": _check_context,
    "divider": _check_divider,
}


def _check_keys(block: dict[str, Any], *known: str) -> list[str]:
    return [f"key {key}" for key in block if key not in ("type", "block_id", *known)]


def _check_object(part: dict[str, Any], types: tuple[str, ...], longest: int) -> list[str]:
    if part["type"] not in types:
        return [f"type {part['type']}"]
    if part["type"] == "mrkdwn" and part["text"].count("```") % 2:
        return ["a code block that does not end"]
    allowed = ("emoji",) if part["type"] == "plain_text" else ("verbatim",)
    return _check_keys(part, "text", *allowed) + _check_text(part["text"], longest)


def _check_text(text: str, longest: int) -> list[str]:
    problems = [f"{len(text)} characters"] if not 1 <= len(text) <= longest else []
    if _ENTITY.search(text) or "<" in _LINK.sub("", text) or ">" in _LINK.sub("", text):
        problems.append(f"not escaped: {text[:200]!r}")
    if _UNSAFE.search(text):
        problems.append(f"control characters: {text[:200]!r}")
    return problems
