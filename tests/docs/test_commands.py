"""Every command of README.md, docs/*.md and examples/README.md is run, in the page's order, on a scratch of a machine (machine.py); so are
its programs and its settings, and what it prints is compared with what the page shows.

What stands in for what cannot be here is in standins/, one file each: apt-get and npm (no network: they check names and
versions), systemctl and journalctl (no systemd: they start the unit's command as its user, with its directories), claude
(by hand; for the daemon it is claude-sim), make (run and install, on what is built), and a terminal for what runs on.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "lib")]

from blocks import Block, blocks_of, dialogue, missing  # noqa: E402
from harness import BIN_DIR, REPO  # noqa: E402

PAGES = ["README.md", *sorted(f"docs/{p.name}" for p in (REPO / "docs").glob("*.md")), "examples/README.md"]

# What is not run, by a part of its text, and why it cannot be: whoever adds a row has to convince a reader of it.
NOT_RUN: Dict[Tuple[str, str], str] = {
    ("README.md", "from openai import OpenAI"): "the SDK for Python is not in Debian; node's runs below it, and in tests/interop",
    ("docs/performance.md", "make bench"): "takes ten minutes, and measures a quiet machine; `make bench` itself is in HACKING.md",
}

# Commands that are meant to fail on the page, by a part of their text: with this status, and with the output that it shows.
FAILS: Dict[Tuple[str, str], int] = {
    ("docs/api.md", '"seed":1'): 22,  # curl's status for an answer of 400 and above
    ("docs/api.md", '"gpt-4"'): 22,
    ("docs/BUDGETS.md", '"max_tokens":1000'): 22,
}

# What a reader of the page has done before, or would put in the place of a word.
RUN = "make run"
PATHS = 'export PATH="$PATH:$PWD/build/bin"'
KEY = """ccapictl projects create demo
KEY=$(ccapictl keys create --project demo --quiet)
export CCAPI_KEY=$KEY CCAPI_API_KEY=$KEY PYTHONPATH=$PWD/client/python"""
BEFORE: Dict[str, List[str]] = {
    # A word in the file `words` is replaced in all commands that follow.
    "docs/api.md": [RUN, KEY, r"""ccapictl budgets set demo --tokens 1M
curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' -H "Authorization: Bearer $KEY" \
  -d '{"model":"haiku","messages":[{"role":"user","content":"Hi"}]}'
echo "sess_... $(curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' -o /dev/null -D - \
  -d '{"session_id":"new","messages":[{"role":"user","content":"My name is Ada."}]}' |
  sed -n 's/^x-ccapi-session-id: \(.*\)\r/\1/p')" >>$DOCS_DIR/words"""],
    "docs/CLIENT_LIBRARY.md": [RUN, "export PYTHONPATH=$PWD/client/python"],
    "docs/API_REFERENCE.md": [RUN, KEY],
    "docs/WEBSOCKET.md": [RUN, KEY],
    "docs/ROUTING.md": [RUN],
    "docs/BUDGETS.md": [RUN],
    "docs/dashboard.md": [RUN],
    "docs/ccapictl.md": ["ccapid -o auth.required=false", "claude setup-token > token"],
    "docs/control-protocol.md": [RUN],
    "docs/SECURITY.md": [RUN],
    "docs/TROUBLESHOOTING.md": [RUN, r'printf "%s\n" "PID \$(pgrep -o -x ccapid)" "STATE_DIR $STATE_DIR" >>$DOCS_DIR/words'],
    "docs/redis.md": ["redis-server --port 6379 --save '' --daemonize yes --pidfile /run/redis.pid >/dev/null",
                      "until redis-cli ping; do sleep 0.01; done"],
    "examples/README.md": [RUN],
}  # fmt: skip

# These need users besides their own, which only root can make in a scratch.
NEEDS_ROOT = re.compile(r"\b(useradd|groupadd|systemctl|chown|userdel|install -[do])\b")


def reason(page: str, text: str) -> str:
    return next((why for (p, part), why in NOT_RUN.items() if p == page and part in text), "")


def steps_of(blocks: List[Block]) -> List[Tuple[Block, str, str, str]]:
    """(block, kind, text, what it should print) of all that is run."""
    steps = []
    for b in blocks:
        if b.kind in ("text", "synopsis") or reason(b.page, b.text):
            continue
        if b.kind == "console":
            steps += [(b, "sh", command, output) for command, output in dialogue(b.text)]
        else:
            steps.append((b, b.kind, b.text, b.expect))
    return steps


def unshare() -> List[str]:
    user = [] if os.geteuid() == 0 else ["--map-current-user", "--keep-caps"]
    return ["unshare", *user, "-m", "-n", "-p", "-f", "--mount-proc", "--kill-child"]


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Some containers do not let anybody make namespaces: then nothing can be run without harm, and nothing is."""
    p = subprocess.run([*unshare(), "true"], capture_output=True, text=True)
    if p.returncode:
        pytest.skip(f"no scratch of a machine can be made here: {p.stderr.strip()}")


def do(page: str, steps: List[Tuple[Block, str, str, str]], folder: Path) -> List[Dict[str, Any]]:
    """The results of all steps, of what came before as well; what broke off is a failure."""
    before = BEFORE.get(page, [])
    if before or page in ("README.md", "docs/OPERATIONS.md"):
        before = [PATHS, *before]
    job = {
        "dir": str(folder), "repo": str(REPO), "bin": str(BIN_DIR), "build": str(BIN_DIR.parent / "release"),
        "modules": str(REPO / "tests/node_modules"), "node": os.path.dirname(shutil.which("node") or ""),
        "before": before, "steps": [{"kind": kind, "text": text} for _, kind, text, _ in steps],
    }  # fmt: skip
    (folder / "job").write_text(json.dumps(job))
    # A shell as the first process, which also buries what daemons leave behind.
    argv = [*unshare(), "bash", "-c", '"$@" & wait $!', "bash", "/usr/bin/python3", str(Path(__file__).parent / "machine.py"),
            str(folder / "job")]  # fmt: skip
    p = subprocess.run(argv, capture_output=True, text=True, timeout=280)
    assert p.returncode == 0, p.stdout + p.stderr
    results = [json.loads(line) for line in (folder / "results").read_text().splitlines()]
    for text, r in zip(before, results):
        assert not r["failed"], f"before the page: {text}\n{r}"
    return results[len(before) :]


def complaint(page: str, text: str, expect: str, result: Dict[str, Any]) -> str:
    """What is wrong with a step's result; "" if nothing is."""
    wanted = next((status for (p, part), status in FAILS.items() if p == page and part in text), 0)
    failed = [line for line in result["failed"] if int(line.split()[0]) != wanted]
    if failed:
        return "failed: " + "; ".join(failed)
    if wanted and not result["failed"]:
        return f"did not fail with {wanted}"
    lacking = missing(expect, result["output"])
    return f"does not print: {lacking}" if lacking else ""


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("page", PAGES)
def test_commands_of(page: str, tmp_path: Path) -> None:
    steps = steps_of(blocks_of(REPO / page, page))
    if os.geteuid() != 0 and page == "docs/OPERATIONS.md":
        pytest.skip("it sets up a service, which only root can")
    if os.geteuid() != 0:
        steps = [s for s in steps if not NEEDS_ROOT.search(s[2])]
    if not steps:
        return
    results = do(page, steps, tmp_path)
    complaints = [] if len(results) == len(steps) else [f"{page}: only {len(results)} of {len(steps)} blocks were run"]
    for (block, _, text, expect), result in zip(steps, results):
        what = complaint(page, text, expect, result)
        if what:
            complaints.append(f"{page}:{block.line}: {what}\n{text}\n--- it printed:\n{result['output'][-3000:]}")
    assert not complaints, "\n\n".join(complaints)


def test_the_tables_of_exceptions_have_no_dead_rows() -> None:
    pages = {page: [b.text for b in blocks_of(REPO / page, page)] for page in PAGES}
    for page, part in [*NOT_RUN, *FAILS]:
        assert any(part in text for text in pages[page]), f"no block of {page} has {part!r}"


def test_synopses_are_what_the_program_says() -> None:
    page = "docs/ccapictl.md"
    for block in blocks_of(REPO / page, page):
        if block.kind != "synopsis":
            continue
        words = re.match(r"ccapictl((?: [a-z]+)+)", block.text)
        assert words, block
        name = words.group(1).split()
        usage = subprocess.run([str(BIN_DIR / "ccapictl"), *name, "--help"], capture_output=True, text=True).stdout
        assert " ".join(block.text.split()) in " ".join(usage.split()), f"{page}:{block.line}\n{block.text}\n{usage}"


def test_commands_dressed_as_output_are_found(tmp_path: Path) -> None:
    for text in ("```\ncurl http://127.0.0.1:8080/\n```\n", "```bash\nls\n```\n"):
        (tmp_path / "page.md").write_text(text)
        with pytest.raises(ValueError):
            blocks_of(tmp_path / "page.md", "page.md")


def test_a_failing_command_and_another_output_are_found() -> None:
    ok = {"failed": [], "output": '{"a": 1, "id": "req_0123456789"}'}
    assert complaint("x", "ls", '{"a":7,...', ok) == "" and "does not print" in complaint("x", "ls", '{"b":7}', ok)
    assert "failed" in complaint("x", "ls", "", {"failed": ["22 curl x"], "output": ""})
    assert "did not fail" in complaint("docs/api.md", '"gpt-4"', "", ok)
