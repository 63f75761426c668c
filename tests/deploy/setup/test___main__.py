"""The service ``setup``: what it prepares, what it says, and what stops it."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.setup.__main__ import SetUpFolders, main, set_up
from deploy.setup.files import SetupError

from support.prometheus import RULES, run_program
from support.set_up import ENVIRON, Owners, make_folders
from support.small_disk import SmallDisk, small_disk

__all__ = ["small_disk"]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")

LINKS = (
    "[links]\npage_url = 'https://canvas-sync.example.edu'\n"
    "grafana_url = 'https://grafana.example.edu'\n"
)


def rules_of(folders: SetUpFolders) -> str:
    folder = folders.configuration / "prometheus" / "rules"
    return "".join(path.read_text() for path in sorted(folder.iterdir()))


class TestPrometheus:
    def test_the_rules_link_to_the_ports_that_are_set(self, tmp_path: Path) -> None:
        folders = make_folders(tmp_path)
        set_up(folders, {**ENVIRON, "EXPORTER_PORT": "5001", "GRAFANA_PORT": "3001"}, Owners())
        links = set(re.findall(r"(http://localhost:\d+)/", rules_of(folders)))
        assert links == {"http://localhost:5001", "http://localhost:3001"}

    def test_the_rules_link_to_the_addresses_of_the_configuration_file(
        self, tmp_path: Path
    ) -> None:
        folders = make_folders(tmp_path, LINKS)
        set_up(folders, ENVIRON, Owners())
        assert "localhost" not in rules_of(folders)
        assert "https://canvas-sync.example.edu/runbooks/CanvasSyncStale\n" in rules_of(folders)
        assert "https://grafana.example.edu/d/canvas-sync-stack\n" in rules_of(folders)

    def test_runbooks_elsewhere_are_linked(self, tmp_path: Path) -> None:
        folders = make_folders(tmp_path, "[links]\nrunbook_url = 'https://wiki.example.edu/r'\n")
        set_up(folders, ENVIRON, Owners())
        assert "https://wiki.example.edu/r/CanvasSyncStale\n" in rules_of(folders)

    def test_a_rule_file_that_no_longer_exists_is_removed(self, tmp_path: Path) -> None:
        folders = make_folders(tmp_path)
        folder = folders.configuration / "prometheus" / "rules"
        folder.mkdir()
        (folder / "renamed.yml").touch()
        set_up(folders, ENVIRON, Owners())
        assert not (folder / "renamed.yml").exists()
        assert {file.name for file in folder.iterdir()} == {file.name for file in RULES}

    def test_prometheus_accepts_what_it_gets(self, tmp_path: Path) -> None:
        folders = make_folders(tmp_path, LINKS)
        set_up(folders, ENVIRON, Owners())
        run_program("promtool", "check", "rules", *folders.configuration.glob("*/rules/*.yml"))
        config: dict[str, Any] = yaml.safe_load(
            (folders.configuration / "prometheus" / "prometheus.yml").read_text()
        )
        assert config["rule_files"] == ["rules/*.yml"]


class TestOwners:
    def test_configuration_and_volumes_belong_to_the_users_of_their_services(
        self, tmp_path: Path, services: dict[str, dict[str, Any]]
    ) -> None:
        owners, folders = Owners(), make_folders(tmp_path)
        (folders.volumes / "tempo" / "blocks").mkdir()
        set_up(folders, ENVIRON, owners)
        given = {
            "alertmanager": folders.configuration / "alertmanager" / "alertmanager.yml",
            "prometheus": folders.configuration / "prometheus" / "rules" / "api.yml",
            "loki": folders.volumes / "loki",
            "otel-collector": folders.volumes / "otel-collector",
            "tempo": folders.volumes / "tempo" / "blocks",
            "exporter": folders.services / "exporter" / "tokens",
            "grafana": folders.services / "grafana" / "grafana_secret_key",
            "postgres": folders.services / "postgres" / "postgres_password",
        }
        for name, path in given.items():
            user, group = map(int, services[name]["user"].split(":"))
            assert owners.of[path][0] == user, name
            if name != "grafana":  # its group is root, whose members are none
                assert owners.of[path][1] == group, name

    @needs_root
    def test_a_volume_that_has_its_owner_is_left_alone(self, tmp_path: Path) -> None:
        folders = make_folders(tmp_path)
        set_up(folders, ENVIRON)
        big = folders.volumes / "loki" / "chunk"
        big.touch()
        set_up(folders, ENVIRON)
        assert (big.stat().st_uid, big.parent.stat().st_uid) == (0, 10004)


def test_a_stack_of_an_earlier_version_keeps_its_passwords_and_tokens(tmp_path: Path) -> None:
    """Its services read one volume, in which each file belonged to one of them."""
    folders = make_folders(tmp_path)
    set_up(folders, ENVIRON, Owners())
    before = {file.name: file.read_text() for file in folders.secrets.iterdir()}
    for file in folders.secrets.iterdir():
        file.chmod(0o440)
    set_up(folders, ENVIRON, Owners())
    after = {file.name: file.read_text() for file in folders.secrets.iterdir()}
    assert after == before
    assert {file.stat().st_mode & 0o777 for file in folders.secrets.iterdir()} == {0o400}
    handed_out = (folders.services / "exporter" / "database_url").read_text()
    assert before["database_password"] in handed_out


class TestReport:
    def test_it_says_where_everything_is_and_shows_no_secret(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folders = make_folders(tmp_path)
        ports = {name: value + "1" for name, value in ENVIRON.items() if name.endswith("_PORT")}
        printed = "\n".join(set_up(folders, {**ENVIRON, **ports}, Owners()))
        assert "Grafana: http://localhost:30001, user admin" in printed
        assert "docker-compose exec grafana cat /run/secrets/grafana_admin_password" in printed
        assert "docker-compose run --rm setup cat /run/secrets/admin_token" in printed
        assert [port for port in ports.values() if port not in printed] == []
        assert [f.name for f in folders.secrets.iterdir() if f.read_text() in printed] == []

    def test_a_second_run_creates_nothing(self, tmp_path: Path) -> None:
        folders = make_folders(tmp_path)
        assert set_up(folders, ENVIRON, Owners())[0].startswith("Made postgres_password, ")
        assert set_up(folders, ENVIRON, Owners())[0] == "Every secret is there already."

    def test_it_says_where_people_reach_the_pages(self, tmp_path: Path) -> None:
        printed = "\n".join(set_up(make_folders(tmp_path, LINKS), ENVIRON, Owners()))
        assert "Grafana: https://grafana.example.edu, user admin" in printed
        assert "Web pages and REST API: https://canvas-sync.example.edu; " in printed


class TestFailures:
    """Each ends the set-up with one message, and so the start of the stack."""

    def failure(
        self, folders: SetUpFolders, capsys: pytest.CaptureFixture[str], **environ: str
    ) -> str:
        assert main([], folders, {**ENVIRON, **environ}) == 1
        return capsys.readouterr().err

    @needs_root
    def test_a_mistake_in_the_configuration_file_is_named_with_its_line(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folders = make_folders(tmp_path, "[messages.slack]\nwebhok = 'x'\n")
        assert re.match(
            r"setup: [^$]*config\.toml, line 2: messages\.slack\.webhok: unknown key; did you mean",
            self.failure(folders, capsys),
        )

    @needs_root
    def test_a_secret_that_was_not_stored_is_named(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        missing = tmp_path / "secrets" / "slack_webhook"
        folders = make_folders(tmp_path, f"[messages.slack]\nwebhook_file = '{missing}'\n")
        message = self.failure(folders, capsys)
        assert "messages.slack.webhook_file" in message
        assert "the file cannot be read: No such file or directory" in message

    @needs_root
    def test_a_time_zone_that_does_not_exist_is_named(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folders = make_folders(tmp_path, LINKS)
        message = self.failure(folders, capsys, CANVAS_SYNC_TIMEZONE="Berlin")
        assert message.startswith("setup: CANVAS_SYNC_TIMEZONE in .env: use a time zone such as")

    def test_a_full_disk_is_named_before_any_service_starts(self, small_disk: SmallDisk) -> None:
        with pytest.raises(SetupError, match=r"is full: \d MiB are free, and .* need 256 MiB"):
            set_up(make_folders(small_disk.path), ENVIRON, Owners())

    def test_an_unknown_secret_is_refused(
        self,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("x"))
        assert main(["--store", "tokens"], make_folders(tmp_path), ENVIRON) == 1
        assert capsys.readouterr().err.startswith("setup: 'tokens' is made here")

    @needs_root
    def test_a_stored_secret_can_be_used_at_once(
        self,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        file = tmp_path / "secrets" / "slack_webhook"
        folders = make_folders(tmp_path, f"[messages.slack]\nwebhook_file = '{file}'\n")
        monkeypatch.setattr("sys.stdin", io.StringIO("https://hooks.slack.com/services/1\n"))
        assert main(["--store", "slack_webhook"], folders, ENVIRON) == 0
        assert main([], folders, ENVIRON) == 0
        assert capsys.readouterr().out.startswith("Stored slack_webhook.\nMade ")
