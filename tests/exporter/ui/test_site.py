"""The sign-in, what each scope may do, and requests from other sites."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from playwright.sync_api import Browser, expect

from canvas_sync_core.names import IncidentKind
from canvas_sync_core.store.incidents.reading import open_incidents
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_exporter.rendering import render
from canvas_sync_exporter.ui.assets import assets
from canvas_sync_exporter.ui.sessions import COOKIE
from canvas_sync_exporter.web.auth import Scope, append_token, new_token
from support.incidents import incident
from support.pages import Served, axe_violations, serving_pages, sign_in, watched


@contextmanager
def _serving_guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("guarded")
    with serving_pages(folder, with_tokens=True, with_history=False) as served:
        write_incidents(served.engine, [incident()])
        yield served


@pytest.fixture
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An exporter with a token of each scope, and one incident."""
    with _serving_guarded(tmp_path_factory) as served:
        yield served


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same for all tests that find out that nothing changes it."""
    with _serving_guarded(tmp_path_factory) as served:
        yield served


def _cookie(site: Served, scope: Scope) -> dict[str, str]:
    return {COOKIE: sign_in(site, site.tokens[scope]).cookies[COOKIE]}


def _get(site: Served, path: str = "", **options: object) -> requests.Response:
    arguments = {"timeout": 30, "allow_redirects": False, **options}
    return requests.get(f"{site.url}/{path}", **arguments)  # type: ignore[arg-type]


def _post(site: Served, path: str, **options: object) -> requests.Response:
    arguments = {"timeout": 30, "allow_redirects": False, **options}
    return requests.post(f"{site.url}/{path}", **arguments)  # type: ignore[arg-type]


def test_a_visitor_signs_in_once_with_a_token_and_comes_back_to_the_page(
    guarded: Served, browser: Browser
) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{guarded.url}/incidents?sync_type=full")
        expect(tab.page).to_have_title(re.compile("Sign in"))
        assert axe_violations(tab.page) == []
        tab.page.get_by_label("Access token").fill("no token")
        tab.page.keyboard.press("Enter")
        expect(tab.page.get_by_role("alert")).to_have_text("This token is not valid.")
        tab.page.get_by_label("Access token").fill(guarded.tokens[Scope.READ])
        tab.page.keyboard.press("Enter")
        expect(tab.page).to_have_url(f"{guarded.url}/incidents?sync_type=full")
        expect(tab.page.get_by_role("heading", level=1)).to_have_text("Incidents")
        tab.page.get_by_role("button", name="Sign out").click()
        expect(tab.page).to_have_title(re.compile("Sign in"))
        tab.page.goto(guarded.url)
        expect(tab.page).to_have_title(re.compile("Sign in"))
        assert not any(guarded.tokens[Scope.READ] in url for url in tab.requests)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(guarded: Served) -> None:
    made = sign_in(guarded, guarded.tokens[Scope.READ]).headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=Strict"} <= set(made.split("; "))
    assert "Secure" not in made
    assert guarded.tokens[Scope.READ] not in made


def test_a_revoked_token_is_out_at_once(guarded: Served) -> None:
    cookies = _cookie(guarded, Scope.READ)
    assert _get(guarded, cookies=cookies).status_code == 200
    assert guarded.tokens_file is not None
    guarded.tokens_file.unlink()
    append_token(guarded.tokens_file, new_token("another", Scope.READ)[1])
    assert _get(guarded, cookies=cookies).headers["Location"].startswith("./sign-in")


def test_a_token_that_was_replaced_under_the_same_name_is_out_too(guarded: Served) -> None:
    cookies = _cookie(guarded, Scope.READ)
    assert guarded.tokens_file is not None
    guarded.tokens_file.unlink()
    append_token(guarded.tokens_file, new_token("read", Scope.READ)[1])
    assert _get(guarded, cookies=cookies).status_code == 303


@pytest.mark.parametrize("cookie", ["", "a", "a.b.c", "é", "x" * 5000])
def test_a_forged_cookie_signs_nobody_in(unchanged: Served, cookie: str) -> None:
    headers = {"Cookie": f"{COOKIE}={cookie}".encode()}
    assert _get(unchanged, headers=headers).status_code == 303


def test_a_token_for_metrics_alone_sees_no_page(guarded: Served) -> None:
    answer = sign_in(guarded, guarded.tokens[Scope.METRICS])
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    bearer = {"Authorization": f"Bearer {guarded.tokens[Scope.METRICS]}"}
    assert _get(guarded, headers=bearer).status_code == 403


def test_a_program_sends_the_token_as_for_the_rest_api(guarded: Served) -> None:
    bearer = {"Authorization": f"Bearer {guarded.tokens[Scope.READ]}"}
    assert _get(guarded, "?format=json", headers=bearer).json()["page"] == "overview"
    refused = _get(guarded, "?format=json", headers={"Authorization": "Bearer no"})
    assert (refused.status_code, refused.json()["status"]) == (401, 401)


def test_attempts_to_sign_in_are_limited(guarded: Served) -> None:
    statuses = [sign_in(guarded, f"guess {number}").status_code for number in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    late = sign_in(guarded, guarded.tokens[Scope.READ])
    assert late.status_code == 429
    assert int(late.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "place",
    [
        "//evil.example",
        "https://evil.example",
        "\\\\evil.example",
        "/a",
        "java\tscript:1",
        "../a",
        "runs/../../a",
    ],
)
def test_a_visitor_is_never_sent_to_another_site(unchanged: Served, place: str) -> None:
    answer = requests.post(
        f"{unchanged.url}/sign-in",
        data={"token": unchanged.tokens[Scope.READ], "next": place},
        headers={"Origin": unchanged.url},
        allow_redirects=False,
        timeout=30,
    )
    assert answer.headers["Location"] == "./"
    form = _get(unchanged, f"sign-in?{urlencode({'next': place})}").text
    assert 'name="next" value=""' in form


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(
    "path", ["incidents/1/acknowledge", "pauses", "pauses/1/end", "sign-in", "sign-out"]
)
def test_another_site_cannot_change_anything(
    unchanged: Served, path: str, headers: dict[str, str]
) -> None:
    cookies = _cookie(unchanged, Scope.ADMIN)
    data = {"reason": "because", "until": "2h", "token": unchanged.tokens[Scope.ADMIN]}
    answer = _post(unchanged, path, cookies=cookies, data=data, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["incidents/1/acknowledge", "pauses", "pauses/1/end"])
def test_a_token_that_reads_changes_nothing_and_is_offered_nothing(
    guarded: Served, path: str
) -> None:
    cookies = _cookie(guarded, Scope.READ)
    data = {"reason": "because", "until": "2h"}
    answer = _post(guarded, path, cookies=cookies, data=data, headers={"Origin": guarded.url})
    assert answer.status_code == 403
    assert "this needs admin" in answer.text
    assert (
        'method="post" action="./incidents' not in _get(guarded, "incidents", cookies=cookies).text
    )
    assert open_incidents(guarded.engine)[0].acknowledgement is None


def test_without_tokens_only_this_machine_is_answered(site: Served) -> None:
    assert _get(site, headers={"Host": "evil.example"}).status_code == 403
    assert _get(site, "sign-in").status_code == 404
    assert "Sign out" not in _get(site).text


def test_the_style_sheet_and_the_script_need_no_sign_in_and_stay_in_the_cache(
    guarded: Served,
) -> None:
    zipped = {f"assets/{each.name}": each.zipped for each in assets().values()}
    for name in re.findall(r"assets/[\w.-]+", _get(guarded, "sign-in").text):
        answer = _get(guarded, name)
        assert answer.status_code == 200
        assert int(answer.headers["Content-Length"]) == len(zipped[name])
        assert "immutable" in answer.headers["Cache-Control"]
    assert _get(guarded, "assets/page-0000000000000000.js").status_code == 404


def test_behind_tls_and_a_path_of_a_trusted_proxy_everything_stays_below_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("proxied")
    forwarded = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "monitor.example.edu",
        "X-Forwarded-Prefix": "/canvas",
    }
    with serving_pages(
        folder, with_tokens=True, with_history=False, CANVAS_SYNC_TRUSTED_PROXIES="127.0.0.1"
    ) as served:
        token = served.tokens[Scope.ADMIN]
        own = {**forwarded, "Origin": "https://monitor.example.edu"}
        made = sign_in(served, token, **own)
        assert made.headers["Location"] == "./"
        assert {"Path=/canvas", "Secure"} <= set(made.headers["Set-Cookie"].split("; "))
        cookie = made.headers["Set-Cookie"].partition(";")[0]
        page = _get(served, headers={**forwarded, "Cookie": cookie})
        assert page.status_code == 200
        assert re.findall(r'(?:href|src|action)="/', page.text) == []
        wrong = sign_in(served, token, **forwarded)
        assert wrong.status_code == 403  # the origin is not the proxy's


def test_an_error_is_a_page_that_says_what_happened(site: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        answer = tab.page.goto(f"{site.url}/?from=yesterday")
        assert answer is not None
        assert answer.status == 422
        expect(tab.page.get_by_role("heading", level=1)).to_have_text("Unprocessable Entity")
        assert axe_violations(tab.page) == []


_BY_BROWSERS = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_a_busy_exporter_says_when_to_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("canvas_sync_exporter.ui.site._REQUEST_LIMIT", 0)
    with serving_pages(tmp_path, with_history=False) as busy:
        answer = _get(busy)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "requests are already in progress" in answer.text
    assert answer.text.count("<h1>") == 1


@pytest.mark.parametrize("path", ["nothing", "run/1", "api/nothing", "runbooks/Unknown"])
@pytest.mark.parametrize("accept", [None, "*/*", "application/json", _BY_BROWSERS])
def test_a_path_that_nothing_serves_is_a_page_for_browsers_and_json_for_programs(
    site: Served, path: str, accept: str | None
) -> None:
    answer = _get(site, path, headers={"Accept": accept})
    assert answer.status_code == 404
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    if accept == _BY_BROWSERS:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        link = "../" if "/" in path else "./"
        assert f'<a href="{link}">Go to the overview</a>' in answer.text
    else:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == 404


def test_a_page_that_is_not_asked_for_by_its_method_is_a_page_too(site: Served) -> None:
    answer = _get(site, "pauses", headers={"Accept": _BY_BROWSERS})
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert "<h1>Method Not Allowed</h1>" in answer.text


def test_a_poll_right_after_another_is_answered_without_asking_the_database(
    guarded: Served,
) -> None:
    cookies = _cookie(guarded, Scope.READ)
    first = _get(guarded, "incidents", cookies=cookies)
    known = {"If-None-Match": first.headers["ETag"]}
    write_incidents(guarded.engine, [incident(IncidentKind.SLOW)])
    assert _get(guarded, "incidents", cookies=cookies, headers=known).status_code == 304
    assert _get(guarded, "incidents", cookies=cookies).headers["ETag"] != first.headers["ETag"]
    admin = _cookie(guarded, Scope.ADMIN)
    assert _get(guarded, "incidents", cookies=admin, headers=known).status_code == 200


def test_a_poll_is_answered_with_a_new_page_once_anything_has_changed(
    guarded: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("canvas_sync_exporter.ui.recent_tags._SECONDS", 0.0)
    monkeypatch.setattr("canvas_sync_exporter.ui.recent_tags._UNCHANGED_SECONDS", 3600.0)
    rendered: list[str] = []

    def noted_render(name: str, **values: object) -> str:
        rendered.append(name)
        return render(name, **values)

    monkeypatch.setattr("canvas_sync_exporter.ui.site.render", noted_render)
    cookies = _cookie(guarded, Scope.READ)

    def poll(tag: str) -> requests.Response:
        return _get(guarded, "incidents", cookies=cookies, headers={"If-None-Match": tag})

    opened = _get(guarded, "incidents", cookies=cookies)
    polled = poll(opened.headers["ETag"])
    tag = polled.headers["ETag"]
    rendered.clear()
    assert poll(tag).status_code == 304
    assert rendered == []
    write_incidents(guarded.engine, [incident(IncidentKind.SLOW)])
    changed = poll(tag)
    assert changed.status_code == 200
    assert rendered == ["ui/incidents.html"]
