"""No secret gets into any sink, in whatever form it is written and wherever text can enter."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_exporter.collectors import register_collectors
from canvas_sync_exporter.settings import configuration
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure, shutdown
from canvas_sync_instrumentation.integrations import instrument_requests, instrument_sqlalchemy
from support.http import serving
from support.http_answers import Answer, answering
from support.otlp import http_receiver

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
ENDPOINTS = ("recent", "failed?days=2", "summary?days=2", "performance?days=2", "user/42/syncs")
NOWHERE = "postgresql+psycopg://sync@127.0.0.1:1/app"

FORMS: dict[str, Callable[[str], str]] = {
    "canvas token": "7~{}".format,
    "jwt": "eyJhbGciOiJIUzI1NiJ9.{}.c2ln".format,
    "bearer": "Authorization: Bearer {}".format,
    "cookie": "Cookie: canvas_session={}".format,
    "set-cookie": "Set-Cookie: a={}; path=/".format,
    "pwd": "pwd={}".format,
    "private key": "private_key={}".format,
    "amazon": "X-Amz-Signature={}".format,
    "azure": "sig={}".format,
    "database": "postgresql://u:x/{}@host".format,
    "query": "https://canvas.test/a?&name={}".format,
    "address": "{}@192.168.0.1".format,
    "quoted": 'near "{}": syntax error'.format,
    "statement": "insert into users values ('Sinead O'{}')".format,
}


@dataclass
class Secrets:
    """Makes texts that carry secrets, and knows what must not be seen of them."""

    stem: str
    made: list[str] = field(default_factory=list)

    def new(self) -> str:
        """Make a secret that is none of those before."""
        secret = f"{self.stem}{len(self.made):04}Zq"
        self.made.append(secret)
        return secret

    def texts(self) -> Iterator[str]:
        """Write a new secret in each form and encoding."""
        for form in FORMS.values():
            yield form(self.new())
            yield quote(form(self.new()), safe="")
            yield quote(quote(form(self.new()), safe=""), safe="")
        token = self.new()
        yield f"7~{token[:12]}\n{token[12:]}"
        self.made += [token[:12], token[12:]]
        encoded = base64.b64encode(f"user:{self.new()}".encode()).decode()
        self.made.append(encoded)
        yield f"Basic {encoded}"


class UnprintableError(Exception):
    """Cannot be printed, and says so with a secret."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        raise RuntimeError(self.text)


def say_everywhere(secrets: Secrets, number: int) -> None:
    """Let secrets in wherever a tracker takes text; each run ends in another way."""
    for index, text in enumerate(secrets.texts()):
        metadata = {"note": text, f"x {text}": 1, "jwt": secrets.new(), "pwd": [secrets.new()]}
        metadata["session"] = {"id": secrets.new()}
        tracker = CanvasSyncMetricsTracker(
            f"run-{number}-{index} {text}", 42, sync_type=f"kind {text}"[:200], metadata=metadata
        )
        with contextlib.suppress(RuntimeError), tracker as run:
            run.progress(50, text)
            run.record_error(text, operation=text)
            run.record_error(RuntimeError(text))
            run.record_error(ValueError(f"no grade for '{secrets.new()} O'{secrets.new()}'"))
            run.record_error(KeyError(secrets.new()))
            run.record_error(UnprintableError(text))
            run.record_db_operation("INSERT", f"table {text}", error=text)
            run.record_api_call(
                f"GET {text}",
                f"https://u:{secrets.new()}@canvas.test/api/v1/users/{secrets.new()}?{text}",
                400,
                headers={"X-Request-Context-Id": text, "Link": f'<{text}>; rel="next"'},
                body=json.dumps({"errors": [{"message": text}], "name": secrets.new()}),
            )
            run.record_api_call("GET", "/api/v1/courses", error=OSError(text))
            run.record_course(text)  # type: ignore[arg-type]  # what an app may do
            with run.step(f"step {text}"):
                end_somehow(run, index % 4, text)


def end_somehow(run: CanvasSyncMetricsTracker, how: int, text: str) -> None:
    if how == 0:
        run.complete_partial(text)
    elif how == 1:
        run.complete_failure(text)
    elif how == 2:
        run.retry_later(text, seconds=1)
    else:
        raise RuntimeError(text)


def sync_with_hooks(secrets: Secrets, url: str, engine: sa.Engine) -> None:
    """Meet secrets in requests, answers, statements and rows, which hooks see."""
    headers = {"Authorization": f"Bearer 7~{secrets.new()}", "Cookie": f"a={secrets.new()}"}
    with (
        CanvasSyncMetricsTracker(f"hooks-{secrets.new()[-6:-2]}", 42),
        requests.Session() as session,
    ):
        for path in ("/api/v1/courses", f"/api/v1/users/{secrets.new()}"):
            query = {"access_token": secrets.new(), "search_term": secrets.new()}
            session.get(url + path, headers=headers, params=query, timeout=30)
        body = {"query": "query Names { a }", "variables": {"name": secrets.new()}}
        session.post(f"{url}/api/graphql", json=body, headers=headers, timeout=30)
        with contextlib.suppress(requests.ConnectionError):
            session.get(f"http://127.0.0.1:1/api/v1/courses?name={secrets.new()}", timeout=30)
        for statement in (
            f"insert into users (name) values ('Sinead O'{secrets.new()}')",
            f'insert into users (name) values ("{secrets.new()}"")',
            f"select * from users where {secrets.new()} = 1",
            f"insert into users (name, {secrets.new()}) values (1, 2)",
        ):
            with contextlib.suppress(sa.exc.DBAPIError), engine.begin() as connection:
                connection.exec_driver_sql(statement)
        name = {"name": secrets.new()}
        with contextlib.suppress(sa.exc.IntegrityError), engine.begin() as connection:
            connection.execute(sa.text("insert into users (name) values (:name)"), [name, name])


def files_in(folder: Path) -> Mapping[str, str]:
    return {
        str(path.relative_to(folder)): path.read_bytes().decode("utf-8", "replace")
        for path in folder.rglob("*")
        if path.is_file()
    }


def exporter_answers(folder: Path) -> Mapping[str, str]:
    config = configuration({"CANVAS_SYNC_LOG_DIR": str(folder)})
    engine = open_engine(config.app.resolved_database_url)
    upgrade(engine)
    registry = CollectorRegistry()
    register_collectors(registry, config)
    app = create_app(WebContext(config, engine, Access(None)), registry)
    with serving(app) as url:
        answers = {
            path: requests.get(f"{url}{path}", timeout=60).text
            for path in ("/metrics", *(f"/api/canvas/metrics/{name}" for name in ENDPOINTS))
        }
    engine.dispose()
    return answers


@settings(
    max_examples=1,
    deadline=None,
    phases=[Phase.generate],  # an example takes seconds, and the places say what is wrong
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(stem=st.text(ALPHABET, min_size=24, max_size=40))
def test_no_secret_is_in_any_sink(
    stem: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets = Secrets(stem)
    texts: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name, http_receiver() as receiver:
        for number, more in enumerate(({}, {"CANVAS_SYNC_DATABASE_URL": NOWHERE})):
            folder = Path(name) / str(number)
            environ = {**os.environ, **receiver.environ, "CANVAS_SYNC_LOG_DIR": str(folder)}
            environ |= {"CANVAS_SYNC_STRICT": "false", "CANVAS_SYNC_EXIT_TIMEOUT_SECONDS": "5"}
            with contextlib.redirect_stdout(None):
                configure(environ={**environ, **more})
            say_everywhere(secrets, number)
            play_hooks(secrets, folder / "app.sqlite3")
            shutdown()
            (folder / "app.sqlite3").unlink()
            texts |= {f"{number}/{file}": text for file, text in files_in(folder).items()}
        texts |= exporter_answers(Path(name) / "0")
        texts["spans"] = "\n".join(map(str, receiver.spans)) + repr(receiver.resources)
    texts["log"] = caplog.text
    texts["output"] = "".join(capfd.readouterr())
    assert_nothing_is_missing(texts)
    assert list(leaks(secrets, texts)) == []


def leaks(secrets: Secrets, texts: Mapping[str, str]) -> Iterator[str]:
    """Return where a secret is, with what stands around it."""
    lowered = {place: text.lower() for place, text in texts.items()}  # methods go in upper case
    for secret in map(str.lower, secrets.made):
        for place, text in lowered.items():
            if (found := text.find(secret)) >= 0:
                yield f"{place}: {text[max(0, found - 80) : found + 80]}"


def play_hooks(secrets: Secrets, database: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.exec_driver_sql("create table users (name text unique)")
    instrument_sqlalchemy(engine)
    instrument_requests()
    with answering() as server:
        message = json.dumps({"errors": [{"message": f"{secrets.new()} is taken"}]})
        cookie = {"Set-Cookie": f"canvas_session={secrets.new()}"}
        server.answers["/api/v1/courses"] = [Answer(400, cookie, message)]
        server.answers["/api/graphql"] = [Answer(200, cookie, message)]
        sync_with_hooks(secrets, server.url, engine)
    engine.dispose()


def assert_nothing_is_missing(texts: Mapping[str, str]) -> None:
    """So that the search can fail: every sink has something of these runs."""
    assert "[removed]" in texts["0/errors.log"]
    assert "[removed]" in texts["0/progress.log"]
    assert "[removed]" in texts["spans"]
    assert "[removed]" in texts["/api/canvas/metrics/failed?days=2"]
    assert "canvas_sync_errors_total" in texts["/metrics"]
    assert "reported once" in texts["log"]
    assert any("state/spool" in place and text for place, text in texts.items())
    assert any("state/metrics" in place and text for place, text in texts.items())
