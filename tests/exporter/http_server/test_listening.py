"""Where the exporter cannot listen it says where, why, and what to change."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import requests

from canvas_sync_exporter.http_server import listen, url_of
from support.command_line import run_here
from support.serve_process import COMMAND, run_to_end, serve_process

_AS_NOBODY = """
import encodings.idna, os, sqlite3, sys
import sqlalchemy.dialects.sqlite  # now: the other user may not see the installed packages
from canvas_sync_exporter.cli import main
from canvas_sync_exporter.command_line import make_parser
make_parser()
if os.geteuid() == 0:
    os.seteuid(65534)
sys.exit(main(sys.argv[1:]))
"""


def _refused(
    folder: Path,
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    command: Sequence[str] | None = None,
) -> str:
    """What ``serve`` says when it cannot begin: in this process, or in that of a command."""
    whole = {"CANVAS_SYNC_LOG_DIR": str(folder / "logs"), **(settings or {})}
    words = ["serve", *arguments]
    if command is None:
        done = run_here(words, Path("/"), whole)
    else:
        done = run_to_end([*command, *words], Path("/"), whole)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_port_in_use_is_named_with_the_option_and_the_setting(tmp_path: Path, host: str) -> None:
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        port = taken.getsockname()[1]
        message = _refused(tmp_path, "--host", host, "--port", str(port))
    shown = f"[::1]:{port}" if host == "::1" else f"{host}:{port}"
    assert f"Cannot listen on {shown}: Address already in use" in message
    assert "--port or CANVAS_SYNC_EXPORTER_PORT" in message
    assert not (tmp_path / "logs").exists()  # nothing was begun


def test_a_port_that_only_root_may_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    limit = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if limit <= 80:
        pytest.skip("here any user may use port 80")
    message = _refused(tmp_path, "--port", "80", command=[sys.executable, "-c", _AS_NOBODY])
    assert "Cannot listen on 127.0.0.1:80: Permission denied" in message
    assert "--port or CANVAS_SYNC_EXPORTER_PORT" in message
    assert "Run it as the user of the syncs" not in message


@pytest.mark.parametrize("host", ["no-such-host.invalid", "127.0.0.1.5", "a..b", "x" * 300])
def test_a_host_without_an_address_is_named_with_its_setting(tmp_path: Path, host: str) -> None:
    message = _refused(tmp_path, "--host", host, settings=_tokens(tmp_path))
    assert f"CANVAS_SYNC_EXPORTER_HOST: {host!r} cannot be used" in message
    assert "--host" in message


def test_an_address_of_another_machine_is_named_with_its_setting(tmp_path: Path) -> None:
    settings = _tokens(tmp_path)
    words = ["--host", "192.0.2.1", "--port", "5000"]
    message = _refused(tmp_path, *words, settings=settings, command=COMMAND)
    assert "Cannot listen on 192.0.2.1:5000: Cannot assign requested address" in message
    assert "--host or CANVAS_SYNC_EXPORTER_HOST" in message


def _tokens(folder: Path) -> dict[str, str]:
    file = folder / "tokens"
    file.write_text(f"ci read sha256:{'0' * 64}\n")
    file.chmod(0o600)
    return {"CANVAS_SYNC_TOKENS_FILE": str(file)}


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_ipv6_is_served(tmp_path: Path, host: str) -> None:
    with serve_process(tmp_path, "--host", host) as served:
        assert re.fullmatch(r"http://\[::1\]:\d+", served.url)
        assert requests.get(f"{served.url}/metrics", timeout=30).status_code == 200


def test_every_address_of_a_name_is_listened_on() -> None:
    sockets = listen("localhost", 0)
    expected = {info[0] for info in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
    assert {each.family for each in sockets} <= expected
    assert all(re.match(r"http://(127\.0\.0\.1|\[::1\]):\d+$", url_of(each)) for each in sockets)
    for each in sockets:
        each.close()


def test_a_port_that_is_free_again_can_be_used_at_once(tmp_path: Path) -> None:
    with serve_process(tmp_path) as first:
        requests.get(f"{first.url}/metrics", timeout=30)
        port = first.address[1]
    with serve_process(tmp_path, "--port", str(port)) as second:
        assert second.address[1] == port


def test_no_descriptor_is_left_of_what_could_not_be_listened_on() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for _ in range(3):
            with pytest.raises(Exception, match="in use"):
                listen("127.0.0.1", taken.getsockname()[1])
    assert len(list(Path("/proc/self/fd").iterdir())) == before
