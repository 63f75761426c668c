"""The pages for an app and for a cron job, followed where nothing but the wheel is installed."""

from __future__ import annotations

import re
from pathlib import Path

from support.markdown import DOCS, blocks
from support.serve_process import run_to_end

CRON = DOCS / "how-to" / "cron.md"
FLASK = DOCS / "how-to" / "integrate-flask.md"
CHECK = """
import time
app = create_app()
copy_courses = lambda user_id: ["a course"]
sync_user("job-1", 42)
client = app.test_client()
while not (items := client.get("/api/canvas/metrics/recent").json.get("items")) or (
    items[0]["sync_status"] == "running"
):
    time.sleep(0.01)
print(items[0]["sync_task_id"], items[0]["sync_status"])
print(client.get("/api/canvas/metrics/health").text.splitlines()[0])
"""


def test_a_cron_job_leaves_the_lines_that_its_page_shows(
    installed_wheel: Path, tmp_path: Path
) -> None:
    (tmp_path / "nightly_sync.py").write_text("print('12 courses'); raise SystemExit(3)")
    script = re.sub(r"^(?!\$ ).*\n", "", blocks(CRON, "console")[0], flags=re.MULTILINE)
    script = script.replace("$ ", "")
    path = {"PATH": f"{installed_wheel}:/usr/bin:/bin"}
    done = run_to_end(["sh", "-c", script], tmp_path, path)
    shown = [line for line in blocks(CRON, "console")[0].splitlines() if line[0] != "$"]
    assert [without_id(line) for line in done.stdout.splitlines()] == list(map(without_id, shown))
    assert "nightly_sync.py failed: exit code 3, after" in done.stderr


def without_id(line: str) -> str:
    return re.sub(r"[0-9a-f]{32}|^\[.*?\]", "", line)


def test_an_app_records_and_serves_as_its_page_says(installed_wheel: Path, tmp_path: Path) -> None:
    factory, sync = blocks(FLASK, "python")[:2]
    program = tmp_path / "app.py"
    program.write_text(factory.replace("/var/log/myapp", str(tmp_path)) + sync + CHECK)
    done = run_to_end([str(installed_wheel / "python"), str(program)], tmp_path)
    assert done.returncode == 0, done.stderr
    run, health = done.stdout.splitlines()
    assert run == "job-1 partial"
    shown = blocks(FLASK, "console")[-1].splitlines()[1].removesuffix("...")
    assert health.startswith(shown)
