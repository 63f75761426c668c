"""A wheel has the files that the exporter reads beside its modules, and works with them."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from canvas_sync_core.version import VERSION
from canvas_sync_exporter.export.customizing import Customization
from canvas_sync_exporter.export.parts import PARTS
from support.markdown import ROOT
from support.wheels import hatchling, source_tree

_FOLDERS = ("runbooks", "templates", "ui/static", "web/static")
_REPORT_OF_NO_LOGS = """
import sys
from pathlib import Path

import canvas_sync_exporter
from canvas_sync_exporter.cli import main

assert Path(canvas_sync_exporter.__file__).is_relative_to(sys.argv[1]), canvas_sync_exporter
sys.exit(main(["analyze", "--html", "--log-dir", sys.argv[2]]))
"""
_OVERVIEW = """
import re
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

import canvas_sync_exporter
from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_exporter.settings import configuration
from canvas_sync_exporter.ui import ui_blueprint
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.context import WebContext

assert Path(canvas_sync_exporter.__file__).is_relative_to(sys.argv[1]), canvas_sync_exporter
config = configuration({"CANVAS_SYNC_LOG_DIR": sys.argv[2]})
engine = open_engine(config.app.resolved_database_url)
upgrade(engine)
context = WebContext(config, engine, Access(None))
client = create_app(context, CollectorRegistry(), ui_blueprint(context)).test_client()
page = client.get("/")
print(page.status_code, "No sync has run yet." in page.text)
for name in re.findall(r'assets/[^"]+', page.text):
    print(client.get(name).status_code, len(client.get(name).data) > 5000)
"""
_EXPORT = """
import sys
from pathlib import Path

import canvas_sync_exporter
from canvas_sync_exporter.cli import main
from canvas_sync_exporter.export.parts import PARTS

assert Path(canvas_sync_exporter.__file__).is_relative_to(sys.argv[1]), canvas_sync_exporter
sys.exit(max(main(["export", part, f"{sys.argv[2]}/{part}"]) for part in PARTS))
"""


@pytest.fixture(scope="module")
def installed(built_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(built_wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_same_sources_make_the_same_wheel_byte_for_byte_even_from_the_sdist(
    built_wheel: Path, tmp_path: Path
) -> None:
    sources = source_tree(tmp_path / "source")
    sdist = hatchling(sources, "sdist", tmp_path)
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    for path in unpacked.rglob("*"):
        os.utime(path)
    wheel = hatchling(unpacked, "wheel", tmp_path)
    assert wheel.name == f"canvas_sync_monitor-{VERSION}-py3-none-any.whl"
    assert wheel.read_bytes() == built_wheel.read_bytes()


def test_the_same_sources_make_the_same_sdist_byte_for_byte(tmp_path: Path) -> None:
    sources = source_tree(tmp_path / "source")
    first = hatchling(sources, "sdist", tmp_path / "first").read_bytes()
    for path in sources.rglob("*.py"):
        path.chmod(0o664)
        os.utime(path)
    assert hatchling(sources, "sdist", tmp_path / "second").read_bytes() == first


@pytest.mark.parametrize("name", _FOLDERS)
def test_a_wheel_has_all_files_of(name: str, installed: Path) -> None:
    source = ROOT / "exporter" / "canvas_sync_exporter" / name
    files = _contents(source)
    assert files
    assert _contents(installed / "canvas_sync_exporter" / name) == files


def test_a_wheel_exports_the_same_files_as_a_checkout(installed: Path, tmp_path: Path) -> None:
    program = [sys.executable, "-c", _EXPORT, str(installed), str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(installed)}
    subprocess.run(program, env=environ, capture_output=True, check=True, timeout=120)
    for name, part in PARTS.items():
        files = {path: text.encode() for path, text in part.files(Customization()).items()}
        assert _contents(tmp_path / name) == files


def test_the_report_is_rendered_from_the_files_of_the_wheel(
    installed: Path, tmp_path: Path
) -> None:
    program = [sys.executable, "-c", _REPORT_OF_NO_LOGS, str(installed), str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(installed)}
    made = subprocess.run(
        program, env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert (made.returncode, made.stderr) == (0, "")
    assert '<section class="summary ' in made.stdout
    assert made.stdout.endswith("</html>\n")


def test_the_web_pages_are_served_from_the_files_of_the_wheel(
    installed: Path, tmp_path: Path
) -> None:
    program = [sys.executable, "-c", _OVERVIEW, str(installed), str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(installed)}
    made = subprocess.run(
        program, env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.splitlines() == ["200 True"] * 3


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
