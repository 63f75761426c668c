"""What every page of the documentation keeps: links lead somewhere, code is code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.markdown import DOCS, ROOT, anchors, blocks, links, pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_python_and_json_block_can_be_read(page: Path) -> None:
    for number, block in enumerate(blocks(page, "python"), start=1):
        compile(block, f"{page.name}, Python block {number}", "exec")
    for block in blocks(page, "json"):
        json.loads(block)


def test_every_page_is_reached_from_the_map() -> None:
    reached: set[Path] = set()
    waiting = [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        files = (link.partition("#")[0] for link in links(page) if "://" not in link)
        targets = ((page.parent / file).resolve() for file in files if file.endswith(".md"))
        waiting += [target for target in targets if target.is_relative_to(DOCS)]

    assert set(DOCS.rglob("*.md")) - reached == set()
