"""The set-up of the stack: it makes what is missing, and leaves alone what is there."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import pytest
from deploy.setup.make_secrets import SECRETS, SetupError, main, make_missing, store

from canvas_sync_exporter.web.auth import Scope, TokenFile, new_token
from support.pages import serving_pages, sign_in

MADE = [secret.name for secret in SECRETS if secret.make is not None]
FROM_ELSEWHERE = ["slack_api_url", "smtp_password"]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


class Owners:
    """Remembers who was given what: only root could do it."""

    def __init__(self) -> None:
        self.of: dict[str, tuple[int, int]] = {}

    def __call__(self, path: Path, user: int, group: int) -> None:
        self.of[path.name.removeprefix(".")] = (user, group)


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_everything_that_can_be_made_is_made(tmp_path: Path) -> None:
    assert make_missing(tmp_path, Owners()) == MADE
    assert sorted(contents(tmp_path)) == sorted(MADE)


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    make_missing(tmp_path, Owners())
    before = contents(tmp_path)
    assert make_missing(tmp_path, Owners()) == []
    assert contents(tmp_path) == before


def test_no_two_passwords_are_alike(tmp_path: Path) -> None:
    make_missing(tmp_path, Owners())
    made = [value for name, value in contents(tmp_path).items() if name != "database_url"]
    assert len(set(made)) == len(made)
    assert min(map(len, made)) >= 32


def test_each_file_is_readable_by_its_service_alone(tmp_path: Path) -> None:
    owners = Owners()
    make_missing(tmp_path, owners)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert {name for name, mode in modes.items() if mode != 0o400} == {"database_reader_password"}
    assert modes["database_reader_password"] == 0o440
    assert owners.of == {
        "postgres_password": (999, 999),
        "database_password": (999, 999),
        "database_reader_password": (472, 999),
        "database_url": (10001, 10001),
        "metrics_token": (65534, 65534),
        "admin_token": (0, 0),
        "tokens": (10001, 10001),
        "grafana_admin_password": (472, 472),
        "grafana_secret_key": (472, 472),
    }


def test_a_secret_that_went_missing_is_made_again_and_the_others_stay(tmp_path: Path) -> None:
    make_missing(tmp_path, Owners())
    before = contents(tmp_path)
    (tmp_path / "database_url").unlink()
    assert make_missing(tmp_path, Owners()) == ["database_url"]
    assert contents(tmp_path) == before


def test_the_url_has_the_password_that_the_database_has(tmp_path: Path) -> None:
    make_missing(tmp_path, Owners())
    made = contents(tmp_path)
    assert f":{made['database_password']}@postgres:5432/canvas_sync" in made["database_url"]


def test_the_exporter_knows_the_tokens(tmp_path: Path) -> None:
    make_missing(tmp_path, Owners())
    made = contents(tmp_path)
    tokens = TokenFile(tmp_path / "tokens")
    found = [tokens.find(made[name]) for name in ("metrics_token", "admin_token")]
    assert [token and token.scope for token in found] == [Scope.METRICS, Scope.ADMIN]
    assert made["metrics_token"] not in made["tokens"]


def test_a_new_token_is_known_to_the_exporter_and_the_lost_one_no_longer(tmp_path: Path) -> None:
    make_missing(tmp_path, Owners())
    before = contents(tmp_path)
    (tmp_path / "metrics_token").unlink()
    assert make_missing(tmp_path, Owners()) == ["metrics_token", "tokens"]
    tokens, made = TokenFile(tmp_path / "tokens"), contents(tmp_path)
    assert tokens.find(made["metrics_token"])
    assert tokens.find(made["admin_token"])
    assert not tokens.find(before["metrics_token"])


def test_people_sign_in_to_the_pages_with_the_token_that_no_service_can_read(
    tmp_path: Path,
) -> None:
    make_missing(tmp_path, Owners())
    made = contents(tmp_path)
    services = {secret.owner for secret in SECRETS if secret.name != "admin_token"}
    (token,) = (secret for secret in SECRETS if secret.name == "admin_token")
    assert (token.owner in services, token.group, token.mode) == (False, None, 0o400)
    tokens = str(tmp_path / "tokens")
    with serving_pages(
        tmp_path / "served", with_history=False, CANVAS_SYNC_TOKENS_FILE=tokens
    ) as site:
        assert sign_in(site, made["admin_token"]).status_code == 303
        assert sign_in(site, made["metrics_token"]).status_code == 403


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/docker-compose.md"])
def test_the_documentation_says_where_that_token_is(repository: Path, page: str) -> None:
    command = "docker-compose run --rm setup cat /run/secrets/admin_token"
    assert command in (repository / page).read_text()


def test_tokens_that_people_added_stay_when_another_is_replaced(tmp_path: Path) -> None:
    make_missing(tmp_path, Owners())
    secret, token = new_token("anna", Scope.READ)
    with (tmp_path / "tokens").open("a") as file:
        file.write(token.line())
    (tmp_path / "admin_token").unlink()
    assert make_missing(tmp_path, Owners()) == ["admin_token", "tokens"]
    tokens = TokenFile(tmp_path / "tokens")
    assert [each.name for each in tokens.all()] == ["prometheus", "operator", "anna"]
    assert tokens.find(secret) == token


def test_a_damaged_line_of_the_tokens_stops_it_with_what_to_do(tmp_path: Path) -> None:
    make_missing(tmp_path, Owners())
    (tmp_path / "tokens").chmod(0o600)
    (tmp_path / "tokens").write_text("anna read")
    (tmp_path / "admin_token").unlink()
    with pytest.raises(SetupError, match=r"tokens, line 1: .*Correct it, or remove it"):
        make_missing(tmp_path, Owners())


def test_an_empty_secret_stops_it_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "postgres_password").touch()
    with pytest.raises(SetupError, match=r"postgres_password is empty.*remove the file"):
        make_missing(tmp_path, Owners())


def test_owners_and_modes_are_put_right_again(tmp_path: Path) -> None:
    make_missing(tmp_path, Owners())
    (tmp_path / "tokens").chmod(0o666)
    owners = Owners()
    make_missing(tmp_path, owners)
    assert stat.S_IMODE((tmp_path / "tokens").stat().st_mode) == 0o400
    assert owners.of["tokens"] == (10001, 10001)


def test_an_interrupted_run_leaves_no_half_written_secret(tmp_path: Path) -> None:
    def refuse(_path: Path, _user: int, _group: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    with pytest.raises(PermissionError):
        make_missing(tmp_path, refuse)
    assert not (tmp_path / "postgres_password").exists()
    assert make_missing(tmp_path, Owners()) == MADE


class TestStore:
    @pytest.mark.parametrize("name", FROM_ELSEWHERE)
    def test_a_secret_from_elsewhere_is_stored_and_replaced(
        self, tmp_path: Path, name: str
    ) -> None:
        owners = Owners()
        store(tmp_path, name, "first\n", owners)
        store(tmp_path, name, "second\n", owners)
        assert contents(tmp_path) == {name: "second"}
        assert owners.of == {name: (65534, 65534)}
        make_missing(tmp_path, Owners())
        assert contents(tmp_path)[name] == "second"

    @pytest.mark.parametrize("name", ["tokens", "database_password", "../etc/passwd", "nonsense"])
    def test_any_other_name_is_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(SetupError, match="Say one of slack_api_url, smtp_password"):
            store(tmp_path, name, "value", Owners())
        assert contents(tmp_path) == {}

    def test_an_empty_value_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SetupError, match="on standard input"):
            store(tmp_path, "smtp_password", " \n", Owners())


class TestCommand:
    @needs_root
    def test_it_gives_the_files_away_and_says_where_to_look_but_no_secret(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--folder", str(tmp_path)]) == 0
        said = capsys.readouterr().out
        assert "docker-compose exec grafana cat /run/secrets/grafana_admin_password" in said
        assert "docker-compose run --rm setup cat /run/secrets/admin_token" in said
        assert (tmp_path / "metrics_token").stat().st_uid == 65534
        assert [value for value in contents(tmp_path).values() if value in said] == []
        assert main(["--folder", str(tmp_path)]) == 0
        assert "Every secret is there already." in capsys.readouterr().out

    def test_a_failure_is_one_sentence(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("x"))
        assert main(["--folder", str(tmp_path), "--store", "nonsense"]) == 1
        assert capsys.readouterr().err.startswith("setup: 'nonsense' cannot be stored.")
