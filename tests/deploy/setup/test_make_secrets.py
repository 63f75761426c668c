"""The secrets of the stack: what is missing is made, and each service gets its own."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from deploy.setup.files import SetupError
from deploy.setup.make_secrets import SECRETS, hand_out, make_missing, store
from sqlalchemy import make_url

from canvas_sync_exporter.web.auth import Scope, TokenFile, new_token
from support.pages import serving_pages, sign_in
from support.set_up import Owners

MADE = [secret.name for secret in SECRETS]
SERVICES = ("exporter", "grafana", "postgres", "prometheus", "syncs")


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


def test_only_root_can_read_all_of_them(tmp_path: Path) -> None:
    owners = Owners()
    make_missing(tmp_path, owners)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o400}
    assert owners.of == {tmp_path / name: (0, 0) for name in MADE}


class TestHandOut:
    @pytest.fixture
    def services(self, tmp_path: Path) -> Path:
        for name in SERVICES:
            (tmp_path / "services" / name).mkdir(parents=True)
        return tmp_path / "services"

    @pytest.fixture
    def secrets(self, tmp_path: Path) -> Path:
        folder = tmp_path / "secrets"
        folder.mkdir()
        make_missing(folder, Owners())
        return folder

    def test_each_service_gets_what_it_reads_and_nothing_else(
        self, secrets: Path, services: Path
    ) -> None:
        owners = Owners()
        hand_out(secrets, services, owners)
        assert {name: sorted(contents(services / name)) for name in SERVICES} == {
            "exporter": ["database_url", "tokens"],
            "grafana": [
                "database_reader_password",
                "grafana_admin_password",
                "grafana_secret_key",
            ],
            "postgres": ["database_password", "database_reader_password", "postgres_password"],
            "prometheus": ["metrics_token"],
            "syncs": ["database_url"],
        }
        for name, user in {"exporter": 10001, "grafana": 472, "postgres": 999}.items():
            files = [services / name, *(services / name).iterdir()]
            assert {owners.of[file] for file in files} == {(user, user)}
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o400, 0o500}
        read = contents(services / "grafana") | contents(services / "postgres")
        assert read.items() <= contents(secrets).items()

    def test_what_people_stored_is_for_the_exporter_until_they_remove_it(
        self, secrets: Path, services: Path
    ) -> None:
        store(secrets, "slack_webhook", "https://hooks.example.org/1", Owners())
        hand_out(secrets, services, Owners())
        holders = [name for name in SERVICES if (services / name / "slack_webhook").exists()]
        assert holders == ["exporter"]
        (secrets / "slack_webhook").unlink()
        hand_out(secrets, services, Owners())
        assert not (services / "exporter" / "slack_webhook").exists()

    def test_a_token_that_is_generated_again_reaches_its_service(
        self, secrets: Path, services: Path
    ) -> None:
        hand_out(secrets, services, Owners())
        (secrets / "metrics_token").unlink()
        make_missing(secrets, Owners())
        hand_out(secrets, services, Owners())
        handed_out = contents(services / "prometheus") | contents(services / "exporter")
        assert handed_out.items() <= contents(secrets).items()


def test_a_secret_that_went_missing_is_generated_again_and_the_others_stay(tmp_path: Path) -> None:
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
    (token,) = (secret for secret in SECRETS if secret.name == "admin_token")
    assert token.readers == ()
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
    with pytest.raises(SetupError, match=r"postgres_password is empty\. Remove the file"):
        make_missing(tmp_path, Owners())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, r"database_password is a folder\. Remove it"),
        (b"\xff\xfe", r"database_password is not a text in UTF-8\. Remove it"),
        (b"first\nsecond\n", r"database_password has several lines\. Leave only the value"),
    ],
)
def test_a_secret_that_no_service_could_use_stops_it_before_another_is_made(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    secret = tmp_path / "database_password"
    if content is None:
        secret.mkdir()
    else:
        secret.write_bytes(content)
    with pytest.raises(SetupError, match=problem):
        make_missing(tmp_path, Owners())
    assert list(tmp_path.iterdir()) == [secret]


def test_your_own_password_may_have_any_characters(tmp_path: Path) -> None:
    (tmp_path / "database_password").write_text("p@ss/w:rd%")
    make_missing(tmp_path, Owners())
    url = make_url((tmp_path / "database_url").read_text())
    assert (url.password, url.host) == ("p@ss/w:rd%", "postgres")


def test_owners_and_modes_are_restored(tmp_path: Path) -> None:
    make_missing(tmp_path, Owners())
    (tmp_path / "tokens").chmod(0o666)
    owners = Owners()
    make_missing(tmp_path, owners)
    assert stat.S_IMODE((tmp_path / "tokens").stat().st_mode) == 0o400
    assert owners.of[tmp_path / "tokens"] == (0, 0)


def test_an_interrupted_run_leaves_no_half_written_secret(tmp_path: Path) -> None:
    def refuse(_path: Path, _user: int, _group: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    with pytest.raises(PermissionError):
        make_missing(tmp_path, refuse)
    assert not (tmp_path / "postgres_password").exists()
    assert make_missing(tmp_path, Owners()) == MADE


class TestStore:
    def test_a_secret_from_elsewhere_is_stored_and_replaced(self, tmp_path: Path) -> None:
        store(tmp_path, "slack_webhook", "first\n", Owners())
        store(tmp_path, "slack_webhook", "second\n", Owners())
        assert contents(tmp_path) == {"slack_webhook": "second"}
        make_missing(tmp_path, Owners())
        assert contents(tmp_path)["slack_webhook"] == "second"

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("tokens", "is made here"),
            ("database_password", "is made here"),
            ("../etc/passwd", "Choose a name"),
            (".hidden", "Choose a name"),
        ],
    )
    def test_no_other_file_can_be_written(self, tmp_path: Path, name: str, reason: str) -> None:
        with pytest.raises(SetupError, match=reason):
            store(tmp_path, name, "value", Owners())
        assert contents(tmp_path) == {}

    def test_an_empty_value_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SetupError, match="on standard input"):
            store(tmp_path, "smtp_password", " \n", Owners())

    def test_an_empty_secret_of_your_own_stops_the_set_up(self, tmp_path: Path) -> None:
        (tmp_path / "smtp_password").touch()
        with pytest.raises(SetupError, match="Store a value with --store smtp_password, or remove"):
            make_missing(tmp_path, Owners())
