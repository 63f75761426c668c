"""Digests of images from a registry that speaks the distribution protocol over HTTP."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy.images.pin_images import main, pin
from flask import Flask, Response, request

from canvas_sync_demo.processes import free_port
from support.http import serving

TOKEN = "for-reading"


class Registry:
    """A registry that asks for a token first, as Docker Hub does.

    Attributes:
        manifests: Content by ``repository:tag``.
        address: Host and port.
    """

    def __init__(self) -> None:
        self.manifests: dict[str, bytes] = {}
        self.address = ""
        self.app = Flask(__name__)
        self.app.add_url_rule("/v2/<path:name>/manifests/<tag>", view_func=self._manifest)
        self.app.add_url_rule("/token", view_func=self._token)

    def push(self, name: str, content: object) -> str:
        """Let a tag lead to some content; returns its digest."""
        self.manifests[name] = json.dumps(content).encode()
        return f"sha256:{hashlib.sha256(self.manifests[name]).hexdigest()}"

    def _manifest(self, name: str, tag: str) -> Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            challenge = (
                f'Bearer realm="http://{self.address}/token",service="registry",'
                f'scope="repository:{name}:pull"'
            )
            return Response(status=401, headers={"WWW-Authenticate": challenge})
        if "application/vnd.oci.image.index.v1+json" not in request.headers["Accept"]:
            return Response(status=406)
        found = self.manifests.get(f"{name}:{tag}")
        return Response(status=404) if found is None else Response(found)

    def _token(self) -> dict[str, str]:
        assert request.args["scope"].startswith("repository:")
        return {"token": TOKEN}


@pytest.fixture
def registry() -> Iterator[Registry]:
    registry = Registry()
    with serving(registry.app) as url:
        registry.address = url.removeprefix("http://")
        yield registry


@pytest.fixture
def compose_file(tmp_path: Path, registry: Registry) -> Path:
    file = tmp_path / "docker-compose.yml"
    file.write_text(
        "services:\n"
        "  exporter:\n    image: canvas-sync-monitor:0.1.0\n"
        f"  loki:\n    image: {registry.address}/grafana/loki:3.7.8 # a comment\n"
    )
    return file


def test_images_are_pinned_and_our_own_is_not(registry: Registry, compose_file: Path) -> None:
    digest = registry.push("grafana/loki:3.7.8", {"manifests": []})
    assert main([str(compose_file)]) == 0
    text = compose_file.read_text()
    assert f"image: {registry.address}/grafana/loki:3.7.8@{digest} # a comment\n" in text
    assert "image: canvas-sync-monitor:0.1.0\n" in text


def test_the_port_of_a_registry_is_not_mistaken_for_a_tag(registry: Registry) -> None:
    digest = registry.push("loki:3.7.8", {})
    text = f"image: {registry.address}/loki:3.7.8\nimage: {registry.address}/loki\n"
    assert pin(text) == text.replace("3.7.8", f"3.7.8@{digest}")


def test_a_digest_is_renewed_when_the_tag_has_moved(
    registry: Registry, compose_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.push("grafana/loki:3.7.8", {"manifests": [1]})
    main([str(compose_file)])
    digest = registry.push("grafana/loki:3.7.8", {"manifests": [2]})
    assert main([str(compose_file)]) == 0
    assert main([str(compose_file)]) == 0
    assert compose_file.read_text().count("@sha256:") == 1
    assert f"loki:3.7.8@{digest} #" in compose_file.read_text()
    assert capsys.readouterr().out.splitlines() == [
        "docker-compose.yml: renewed",
        "docker-compose.yml: renewed",
        "docker-compose.yml: up to date",
    ]


def test_the_base_image_is_pinned_in_both_files(registry: Registry, tmp_path: Path) -> None:
    digest = registry.push("python:3.13-slim-bookworm", {})
    base = f"{registry.address}/python:3.13-slim-bookworm"
    for name, line in (
        ("Dockerfile", "ARG BASE_IMAGE={}\nFROM ${{BASE_IMAGE}}\n"),
        ("docker-compose.yml", "BASE_IMAGE: ${{CANVAS_SYNC_BASE_IMAGE:-{}}}\n"),
    ):
        (tmp_path / name).write_text(line.format(base))
        assert main([str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_text() == line.format(f"{base}@{digest}")


def test_an_unknown_tag_changes_no_file(
    compose_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = compose_file.read_text()
    assert main([str(compose_file)]) == 1
    assert "grafana/loki:3.7.8: the registry answers 404" in capsys.readouterr().err
    assert compose_file.read_text() == before


def test_a_registry_that_is_away_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text(f"image: 127.0.0.1:{free_port(0)}/grafana/loki:3.7.8\n")
    assert main([str(file)]) == 1
    assert "loki:3.7.8: the registry cannot be reached" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["docker-compose.yml", "Dockerfile"])
def test_every_image_of_the_stack_is_found(
    repository: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.images.pin_images._digest", lambda _name: f"sha256:{'0' * 64}")
    pinned = pin((repository / name).read_text())
    lines = re.findall(r"^(?!#).*(?:image: |BASE_IMAGE=|BASE_IMAGE: ).*$", pinned, re.MULTILINE)
    assert lines
    others = [line for line in lines if "@sha256:" not in line]
    assert [line for line in others if "image: canvas-sync-monitor:" not in line] == []
