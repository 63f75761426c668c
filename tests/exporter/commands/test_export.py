"""``canvas-sync-monitor export``: what it prints and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import run_here


def test_it_says_which_files_it_wrote_and_which_were_the_same(tmp_path: Path) -> None:
    first = run_here(["export", "dashboards", "boards"], tmp_path)
    (tmp_path / "boards" / "canvas-sync-api.json").unlink()
    second = run_here(["export", "dashboards", "boards"], tmp_path)

    names = [
        f"boards/canvas-sync-{name}.json"
        for name in ("api", "overview", "runs", "stack", "storage")
    ]
    assert first.stdout.splitlines() == [f"wrote {name}" for name in names]
    assert second.stdout.splitlines() == [
        f"wrote {names[0]}",
        *(f"unchanged {name}" for name in names[1:]),
    ]


def test_it_does_not_overwrite_a_changed_file_without_force(tmp_path: Path) -> None:
    run_here(["export", "rules", "rules"], tmp_path)
    file = tmp_path / "rules" / "stack.yml"
    ours = file.read_text()
    file.write_text("groups: []\n")

    refused = run_here(["export", "rules", "rules"], tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "rules/stack.yml would be overwritten" in refused.stderr
    assert file.read_text() == "groups: []\n"

    forced = run_here(["export", "rules", "rules", "--force"], tmp_path)
    assert (forced.returncode, file.read_text()) == (0, ours)


def test_options_reach_the_files(tmp_path: Path) -> None:
    words = ["--exporter-url", "https://sync.example.edu/", "--alert-label", "team=lms"]

    done = run_here(["export", "rules", "rules", *words, "--alert-label=site=a=b"], tmp_path)

    assert done.returncode == 0
    text = (tmp_path / "rules" / "stack.yml").read_text()
    assert "runbook_url: https://sync.example.edu/runbooks/Watchdog\n" in text
    assert '          team: "lms"\n          site: "a=b"\n' in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rules", "x", "--exporter-url", "sync.example.edu"], "use a URL such as https://"),
        (["rules", "x", "--grafana-url", "https://g.example/{{ x }}"], "use a URL such as"),
        (["rules", "x", "--grafana-url", "https://g.example/?a"], "use a URL such as"),
        (["rules", "x", "--alert-label", "team"], "use NAME=VALUE"),
        (
            ["rules", "x", "--alert-label", "severity=page"],
            "the rules set alertname, incidents_from, severity",
        ),
        (["rules", "x", "--alert-label", "alertname=z"], "use NAME=VALUE"),
        (["rules", "x", "--alert-label", "team={{ $x }}"], "without {{"),
        (["rules", "x", "--exporter-url", "https://x:99999"], "port"),
        (["rules", "x", "--exporter-url", "https://user:pw@x"], "without a password"),
        (["rules", ""], "name a folder"),
        (["rules", "x", "--alert-label", "__name__=x"], "use NAME=VALUE"),
        (["rules", "x", "--alert-label", "a=1\n2"], "use NAME=VALUE"),
        (["rules", "x", "--alert-label", "a=1", "--alert-label", "a=2"], "the same name twice"),
        (["dashboards", "x", "--datasource", "mimir=x"], "KIND is one of prometheus, tempo, loki"),
        (["dashboards", "x", "--datasource", 'prometheus=a"b'], "use KIND=UID"),
        (["kubernetes", "x", "--namespace", "My Team"], "use lower-case letters"),
        (["kubernetes", "x", "--label", "a b=c"], "use NAME=VALUE as Kubernetes labels"),
        (["kubernetes", "x", "--image", "canvas-sync-monitor"], "use NAME:TAG"),
        (["kubernetes", "x", "--image", "registry.example.edu:5000/monitor"], "use NAME:TAG"),
        (["kubernetes", "x", "--image", "monitor:1:2"], "only the registry has a port"),
        (["kubernetes", "x", "--image", "a/b:5000/monitor:1"], "only the registry has a port"),
        (["alertmanager", "x", "--alert-label", "a=b"], "unrecognized arguments"),
    ],
)
def test_a_wrong_option_is_explained_and_nothing_is_written(
    words: list[str], message: str, tmp_path: Path
) -> None:
    done = run_here(["export", *words], tmp_path)

    assert done.returncode == 2
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []
