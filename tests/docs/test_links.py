"""Links of the pages lead somewhere, and the tests that docs/SECURITY.md names exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, Set

import pytest

REPO = Path(__file__).resolve().parents[2]
PAGES = sorted(p for folder in (".", "docs", "docs/decisions", "examples", "client/python") for p in (REPO / folder).glob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.S | re.M)


def anchors(path: Path) -> Set[str]:
    """As GitHub makes them of the headings."""
    found: Set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", without_code(path.read_text()), flags=re.M):
        text = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(text)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPO)))
def test_links_lead_somewhere(page: Path) -> None:
    broken: List[str] = []
    for target in LINK.findall(without_code(page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        path = (page.parent / place).resolve() if place else page
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            broken.append(target)
    assert not broken


def test_every_page_is_in_the_index() -> None:
    index = (REPO / "docs/README.md").read_text()
    for page in (REPO / "docs").glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index, page.name
    for page in (REPO / "docs/decisions").glob("*.md"):
        assert f"](decisions/{page.name})" in index, page.name
    table = (REPO / "examples/README.md").read_text()
    for program in (p for p in (REPO / "examples").rglob("*") if p.suffix in (".py", ".sh", ".mjs", ".html")):
        name = str(program.relative_to(REPO / "examples"))
        assert "node_modules" in name or f"]({name})" in table, name


def test_the_tests_that_prove_security_exist() -> None:
    named = re.findall(r"`([a-z_]+/test_\w+\.py)::(test_\w+)`", (REPO / "docs/SECURITY.md").read_text())
    assert len(named) > 40
    for file, name in named:
        assert f"def {name}(" in (REPO / "tests" / file).read_text(), f"{file}::{name}"
