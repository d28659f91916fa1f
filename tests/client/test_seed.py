"""The examples of the earlier Python service, byte for byte but for their import line (tests/client/seed)."""

from __future__ import annotations

from pathlib import Path

from harness import Daemon
from snippets import run_program

SEED = Path(__file__).with_name("seed")
IMPORT = "from ccapi.client import ClaudeClient\n"


def seed(name: str) -> str:
    return (SEED / f"{name}.py").read_text(encoding="utf-8")


def run(text: str, daemon: Daemon, directory: Path) -> str:
    p = run_program(text, daemon.port, directory)
    assert p.returncode == 0 and p.stderr == "", p.stderr
    return p.stdout


def test_the_library_example(daemon: Daemon, tmp_path: Path) -> None:
    out = run(seed("library") + "\nprint()\nprint([r.content for r in results])\n", daemon, tmp_path)
    lines = out.splitlines()
    assert lines[:3] == ["You said: Explain machine learning", "Cost: $0.0000", "You said: Write a story about AI"]
    assert lines[3] == "['You said: Task 1: Analyze this code', 'You said: Task 2: Generate tests', 'You said: Task 3: Write docs']"
    assert daemon.request("GET", "/v1/usage?project_id=my-chatbot").json["requests"] >= 5


def test_the_routing_example(daemon: Daemon, tmp_path: Path) -> None:
    told = "_complete = ClaudeClient.complete\ndef complete(*a, **k):\n    r = _complete(*a, **k)\n    print(r.model)\n    return r\n"
    head = IMPORT + told + 'ClaudeClient.complete = complete\nclient = ClaudeClient("http://localhost:8080")\n'
    models = run(head + seed("routing"), daemon, tmp_path).split()
    assert [m.split("-")[1] for m in models] == ["haiku", "sonnet", "opus", "haiku"]


def test_the_chatbot_example(daemon: Daemon, tmp_path: Path) -> None:
    tail = 'from fastapi.testclient import TestClient\nprint(TestClient(app).post("/chat", params={"message": "Hi"}).json())\n'
    assert run(seed("chatbot") + tail, daemon, tmp_path) == "{'reply': 'You said: Hi'}\n"


def test_the_analyzer_example(daemon: Daemon, tmp_path: Path) -> None:
    out = run(IMPORT + seed("analyzer") + 'print(analyze_code("x = 1"))\n', daemon, tmp_path)
    assert out == "You said: Analyze this code for bugs:\nx = 1\n"


def test_the_document_example(daemon: Daemon, tmp_path: Path) -> None:
    head = IMPORT + 'def load_documents():\n    return ["one", "two"]\n'
    out = run(head + seed("documents") + "print([str(s) for s in summaries])\n", daemon, tmp_path)
    assert out == "['You said: Summarize: one', 'You said: Summarize: two']\n"
