"""The larger examples: chatbot, code analyser, documents."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any, Dict, List

from conftest import run, start
from harness import Daemon, Stub, wait_for

# -- chatbot


def test_chatbot_keeps_a_conversation_at_the_server(daemon: Daemon, upstream: Stub) -> None:
    out = run(daemon, "chatbot.py", "--model", "haiku", "--system", "Be kind.",
              stdin="My name is Ada.\n\nWhat is my name?\n/info\n/new\nWho am I?\n/nonsense\n/quit\n").stdout  # fmt: skip
    assert "echo: My name is Ada.\n[claude-haiku" in out and "echo: What is my name?\n" in out
    assert ": 2 turns, " in out and "[a new conversation]" in out and "/new  /info" in out
    turns = [[m["role"] for m in b["messages"]] for b in upstream.bodies()]
    assert turns == [["user"], ["user", "assistant", "user"], ["user"]]
    assert all("Be kind." in str(b["system"]) for b in upstream.bodies())


def test_chatbot_goes_on_with_an_earlier_conversation_and_deletes_it(daemon: Daemon, upstream: Stub) -> None:
    out = run(daemon, "chatbot.py", stdin="One.\n/info\n").stdout
    session = out.split("--session ")[1].split()[0]
    assert ": 2 turns, " in run(daemon, "chatbot.py", "--session", session, stdin="Two.\n/info\n/delete\n").stdout
    assert daemon.request("GET", f"/v1/sessions/{session}").status == 404
    out = run(daemon, "chatbot.py", "--session", session, stdin="Three.\nFour.\n/info\n").stdout
    assert "no such conversation any more" in out and "echo: Four." in out and ": 1 turns" in out


def test_chatbot_stops_an_answer_by_ctrl_c_and_goes_on(daemon: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "slow", "words": 1000, "chunks": 1000, "pace_ms": 60})
    p = start(daemon, "chatbot.py")
    assert p.stdin and p.stdout
    p.stdin.write("a slow one\n")
    p.stdin.flush()
    assert p.stdout.read(2) == "w0"
    p.send_signal(signal.SIGINT)
    out, err = p.communicate("quick\n", timeout=60)
    assert "[stopped; " in out and "echo: quick" in out and p.returncode == 0, out + err
    wait_for(lambda: upstream.requests()[0]["aborted"], "the answer to be cancelled upstream")


def test_chatbot_does_not_let_an_answer_steer_the_terminal(daemon: Daemon, upstream: Stub) -> None:
    upstream.script({"text": "red \x1b[31m title \x1b]0;x\x07 \x9b1m end"})
    out = run(daemon, "chatbot.py", stdin="hi\n").stdout
    assert "end" in out and not any(ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160 for c in out), repr(out)


def test_chatbot_tells_of_errors_and_goes_on(daemon: Daemon, upstream: Stub) -> None:
    out = run(daemon, "chatbot.py", "--model", "no-such-model", stdin="hi\n/info\n").stdout
    assert "does not exist" in out and "[nothing was said yet]" in out


# -- code analyser


def source_tree(root: Path) -> Path:
    tree = root / "src"
    (tree / "node_modules").mkdir(parents=True)
    (tree / "a.py").write_text("def f(x):\n    return x / 0\n")
    (tree / "b.c").write_text("int main(void)\n{\n\treturn 1 / 0;\n}\n" * 120)  # 480 lines: two parts
    (tree / "notes.txt").write_text("not a source")
    (tree / "node_modules" / "skipped.js").write_text("x")
    (tree / "bad.py").write_bytes(b"\0\1")
    return tree


def test_analyser_prints_findings_by_file_and_line(daemon: Daemon, upstream: Stub, tmp_path: Path) -> None:
    tree = source_tree(tmp_path)
    finding = {"findings": [{"line": 2, "severity": "high", "message": "division\nby zero"}]}
    upstream.script({"match": "a.py", "text": json.dumps(finding)}, {"match": "lines 1 to", "text": '{"findings":[]}'},
                    {"text": json.dumps({"findings": [{"line": 9999, "severity": "low", "message": "here"}]})})  # fmt: skip
    p = run(daemon, "code_analyser.py", str(tree), status=1)
    assert p.stdout.splitlines() == [f"{tree}/a.py:2: high: division by zero", f"{tree}/b.c:480: low: here"]
    assert f"{tree}/bad.py: not analysed: not a text" in p.stderr and "2 findings, 1 failures" in p.stderr
    asked = " ".join(str(b["messages"]) for b in upstream.bodies())
    assert "b.c, lines 401 to 480" in asked and "  480 }" in asked and "skipped.js" not in asked
    assert all(b["output_config"]["format"]["type"] == "json_schema" for b in upstream.bodies())


def test_analyser_says_by_its_status_what_it_found(daemon: Daemon, upstream: Stub, tmp_path: Path) -> None:
    source = tmp_path / "one.py"
    source.write_text("x = 1\n")
    out = run(daemon, "code_analyser.py", "--json", "--fail-on", "medium", str(source)).stdout
    assert [f["severity"] for f in json.loads(out)["findings"]] == ["low"]
    upstream.script({"text": '{"findings":[]}'})
    assert run(daemon, "code_analyser.py", "--model", "haiku", str(source)).stdout == ""
    assert "nothing to analyse" in run(daemon, "code_analyser.py", str(tmp_path / "none"), status=2).stderr
    upstream.script({"text": "no JSON at all"})
    assert "not analysed" in run(daemon, "code_analyser.py", "--model", "opus", str(source), status=2).stderr


def test_analyser_ends_with_3_without_a_key(keyed: Daemon, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1\n")
    assert "AuthenticationError" in run(keyed, "code_analyser.py", str(tmp_path), status=3).stderr


# -- documents


def texts(root: Path, count: int) -> Path:
    folder = root / "texts"
    (folder / "deep").mkdir(parents=True)
    for n in range(count):
        (folder / ("deep" if n % 2 else ".") / f"{n:03}.txt").write_text(f"Document number {n}, wörds.")
    (folder / "empty.txt").write_text(" \n")
    (folder / "image.png").write_bytes(b"\x89PNG")
    return folder


def rows(path: Path) -> List[Dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_documents_are_asked_once_each(daemon: Daemon, upstream: Stub, tmp_path: Path) -> None:
    folder, output = texts(tmp_path, 6), tmp_path / "out.jsonl"
    run(daemon, "documents.py", "--model", "haiku", "--ask", "Sum up.", str(folder), str(output))
    got = rows(output)
    assert sorted(r["file"] for r in got) == sorted(["000.txt", "002.txt", "004.txt", "deep/001.txt", "deep/003.txt",
                                                     "deep/005.txt"])  # fmt: skip
    assert all(r["status"] == "ok" and r["model"].startswith("claude-haiku") and r["tokens"] > 0 for r in got)
    one = next(r for r in got if r["file"] == "deep/003.txt")
    assert "Sum up." in one["answer"] and "Document number 3, wörds." in one["answer"]
    again = run(daemon, "documents.py", "--model", "haiku", "--ask", "Sum up.", str(folder), str(output))
    assert "6 done before, 0 now" in again.stderr and upstream.count() == 6
    (folder / "000.txt").write_text("Another text.")
    changed = run(daemon, "documents.py", "--model", "haiku", "--ask", "Sum up.", str(folder), str(output))
    assert "5 done before, 1 now" in changed.stderr or "6 done before, 1 now" in changed.stderr
    assert upstream.count() == 7 and "Another text." in rows(output)[-1]["answer"]


def test_documents_that_failed_are_asked_again(daemon: Daemon, upstream: Stub, tmp_path: Path) -> None:
    folder, output = texts(tmp_path, 3), tmp_path / "out.jsonl"
    upstream.script({"match": "number 1,", "status": 400, "message": "not this one"})
    p = run(daemon, "documents.py", str(folder), str(output), status=1)
    assert "2 now, 1 failed" in p.stderr
    bad = next(r for r in rows(output) if r["status"] == "error")
    assert bad["file"] == "deep/001.txt" and bad["error"]
    upstream.script()
    assert "2 done before, 1 now, 0 failed" in run(daemon, "documents.py", str(folder), str(output)).stderr
    assert rows(output)[-1]["file"] == "deep/001.txt" and rows(output)[-1]["status"] == "ok"


def test_documents_go_on_after_a_kill(daemon: Daemon, upstream: Stub, tmp_path: Path) -> None:
    folder, output = texts(tmp_path, 12), tmp_path / "out.jsonl"
    upstream.script({"match": "number 7,", "delay_ms": 60000})  # so that it cannot end before the kill
    p = start(daemon, "documents.py", str(folder), str(output))
    wait_for(lambda: output.exists() and len(output.read_bytes().splitlines()) >= 4, "four answers")
    os.kill(p.pid, signal.SIGKILL)
    p.communicate()
    with output.open("ab") as f:
        f.write(b'{"file": "half of a li')  # as a power cut may leave it
    upstream.script()
    run(daemon, "documents.py", str(folder), str(output))
    got = rows(output)
    assert len(got) == 12 and len({r["file"] for r in got}) == 12


def test_documents_refuse_a_file_of_somebody_else(daemon: Daemon, tmp_path: Path) -> None:
    folder, output = texts(tmp_path, 1), tmp_path / "notes.txt"
    output.write_text("my notes\n")
    assert "not a line of this program" in run(daemon, "documents.py", str(folder), str(output), status=2).stderr
    assert output.read_text() == "my notes\n"
