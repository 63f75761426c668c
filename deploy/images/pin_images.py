"""Pin the images of the stack by digest, or renew the digests: ``make images``.

A tag can be moved to another image; a digest is the hash of one. Each ``image: name:tag`` of the
compose file and the base image of the ``Dockerfile`` become ``name:tag@sha256:...``, as the
registry has the tag now. Change a tag by hand and run it again to upgrade.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

__all__ = ["PinError", "main", "pin"]

_ROOT: Final = Path(__file__).parents[2]
_FILES: Final = ("docker-compose.yml", "Dockerfile")
_IMAGE: Final = re.compile(
    r"(?P<before>\bimage: |BASE_IMAGE=|BASE_IMAGE:-)"
    r"(?P<name>(?:[\w.-]+:\d+/)?[\w./-]+:[\w.-]+)(?![\w./:-])(?:@sha256:[0-9a-f]{64})?"
)
_OURS: Final = "canvas-sync-monitor:"
_MANIFESTS: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')
_LARGEST: Final = 4 << 20
_TIMEOUT_SECONDS: Final = 30


class PinError(Exception):
    """An image cannot be pinned; the message says why."""


@dataclass(frozen=True, slots=True)
class Image:
    """A name with a tag, such as ``grafana/loki:3.7.8``, and where it is."""

    registry: str
    repository: str
    tag: str

    @property
    def url(self) -> str:
        """The URL of its manifest. As Docker does, only registries on this machine are plain."""
        host = self.registry.partition(":")[0]
        scheme = "http" if host in {"localhost", "127.0.0.1"} else "https"
        return f"{scheme}://{self.registry}/v2/{self.repository}/manifests/{self.tag}"


def pin(text: str) -> str:
    """Return a file's text with the current digest of each image.

    Raises:
        PinError: A registry does not know an image, or does not answer.
    """
    digests: dict[str, str] = {}

    def pinned(match: re.Match[str]) -> str:
        name = match["name"]
        if name.startswith(_OURS):  # it is built here
            return match[0]
        if name not in digests:
            digests[name] = _digest(name)
        return f"{match['before']}{name}@{digests[name]}"

    return _IMAGE.sub(pinned, text)


def _digest(name: str) -> str:
    try:
        manifest = _manifest(_parsed(name))
    except HTTPError as error:
        raise PinError(f"{name}: the registry answers {error.code} {error.reason}.") from error
    except (URLError, OSError) as error:
        raise PinError(f"{name}: the registry cannot be reached: {error}.") from error
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"


def _parsed(name: str) -> Image:
    """Split a name as Docker does: the first part is a registry if it looks like a host."""
    path, _, tag = name.rpartition(":")
    first, slash, rest = path.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return Image(first, rest, tag)
    return Image("registry-1.docker.io", path if slash else f"library/{path}", tag)


def _manifest(image: Image) -> bytes:
    """Return the manifest, whose hash is the digest; for several platforms it is their index."""
    headers = {"Accept": ", ".join(_MANIFESTS)}
    try:
        return _get(image.url, headers)
    except HTTPError as error:
        if error.code != 401:
            raise
        token = _token(error.headers.get("WWW-Authenticate", ""))
    return _get(image.url, {**headers, "Authorization": f"Bearer {token}"})


def _token(challenge: str) -> str:
    """Get a token for reading, which public registries give to everyone."""
    parameters = dict(_PARAMETER.findall(challenge))
    realm = parameters.pop("realm", "")
    if not challenge.lower().startswith("bearer ") or not realm:
        raise URLError(f"it wants an unknown kind of login: {challenge!r}")
    answer = json.loads(_get(f"{realm}?{urlencode(parameters)}", {}))
    return str(answer.get("token") or answer["access_token"])


def _get(url: str, headers: dict[str, str]) -> bytes:
    request = Request(url, headers=headers)  # noqa: S310 - made of https: or of this machine
    response: HTTPResponse
    with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
        body = response.read(_LARGEST + 1)
    if len(body) > _LARGEST:
        raise URLError("its answer is too long")
    return body


def main(argv: Sequence[str] | None = None) -> int:
    """Pin the images of the given files, by default those of the stack.

    Returns:
        The exit code: 0, or 1 with a sentence that says what to do; then no file is changed.
    """
    names = sys.argv[1:] if argv is None else argv
    files = [Path(name) for name in names] or [_ROOT / name for name in _FILES]
    try:
        texts = {file: pin(file.read_text(encoding="utf-8")) for file in files}
    except (PinError, OSError) as error:
        print(f"pin_images.py: {error}", file=sys.stderr)
        return 1
    for file, text in texts.items():
        changed = text != file.read_text(encoding="utf-8")
        file.write_text(text, encoding="utf-8")
        print(f"{file.name}: {'renewed' if changed else 'up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
