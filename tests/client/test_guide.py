"""docs/CLIENT_LIBRARY.md: each example runs as it stands, and prints what the guide says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional

import pytest
from harness import Daemon
from snippets import REPO, run_program

GUIDE = REPO / "docs" / "CLIENT_LIBRARY.md"


class Block(NamedTuple):
    line: int
    language: str
    text: str
    output: Optional[str]


def blocks() -> List[Block]:
    text = GUIDE.read_text(encoding="utf-8")
    found = [(m.start(), m.group(1), m.group(2)) for m in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)]
    result = []
    for i, (at, language, body) in enumerate(found):
        if language == "text":
            continue
        output = found[i + 1][2] if i + 1 < len(found) and found[i + 1][1] == "text" else None
        result.append(Block(text.count("\n", 0, at) + 1, language, body, output))
    return result


@pytest.fixture(scope="module")
def caching() -> Iterator[Daemon]:
    with Daemon(options={"cache.enabled": True}) as d:
        yield d


@pytest.mark.parametrize("block", [b for b in blocks() if b.language == "python"], ids=lambda b: f"line-{b.line}")
def test_an_example_does_what_the_guide_says(caching: Daemon, tmp_path: Path, block: Block) -> None:
    assert block.output is not None  # an example without one would prove little
    p = run_program(block.text, caching.port, tmp_path)
    assert (p.returncode, p.stderr) == (0, ""), p.stderr
    assert p.stdout == block.output


@pytest.mark.parametrize("block", [b for b in blocks() if b.language == "sh"], ids=lambda b: f"line-{b.line}")
def test_commands_do_what_the_guide_says(caching: Daemon, tmp_path: Path, block: Block) -> None:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CCAPI_BASE_URL": f"http://127.0.0.1:{caching.port}", "PYTHONUTF8": "1"}
    if "pip install" in block.text:
        shutil.copytree(REPO / "client", tmp_path / "client")
    else:
        env["PYTHONPATH"] = str(REPO / "client" / "python")
    p = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", block.text], env=env, cwd=tmp_path, capture_output=True, text=True,
                       stdin=subprocess.DEVNULL, timeout=240)  # fmt: skip
    assert p.returncode == 0, p.stdout + p.stderr
    if block.output is not None:
        assert (p.stdout, p.stderr) == (block.output, "")
    else:
        assert re.search(r"^ccapi \d", p.stdout, re.M)


def test_no_example_escapes() -> None:
    assert {b.language for b in blocks()} == {"python", "sh"} and len(blocks()) >= 15


def test_the_guide_names_every_error_and_argument() -> None:
    import inspect

    import ccapi
    from ccapi import errors

    text = GUIDE.read_text(encoding="utf-8")
    for cls in vars(errors).values():
        if inspect.isclass(cls) and issubclass(cls, ccapi.CcapiError):
            assert f"`{cls.__name__}`" in text or f"`{cls.__name__}:" in text, cls
    for client in (ccapi.ClaudeClient.__init__, ccapi.ClaudeClient.complete):
        for name in inspect.signature(client).parameters:
            assert name in ("self", "prompt", "model") or f"`{name}`" in text, name
