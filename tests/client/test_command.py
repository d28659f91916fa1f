"""python -m ccapi, as a program of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

import pytest
from faulty import FaultyServer, error, raw, sse, token
from harness import Daemon, wait_for

REPO = Path(__file__).resolve().parents[2]
ENDLESS = "[[sim:pace=3600000]] one two three"


def environment(url: str, **more: str) -> Dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPO / "client" / "python"), "PYTHONDONTWRITEBYTECODE": "1", "CCAPI_BASE_URL": url, **more}


def ask(url: str, *words: Any, stdin: Optional[bytes] = None, **env: str) -> "subprocess.CompletedProcess[bytes]":
    feed: Any = dict(stdin=subprocess.DEVNULL) if stdin is None else dict(input=stdin)
    return subprocess.run([sys.executable, "-m", "ccapi", *words], env=environment(url, **env), capture_output=True, timeout=120, **feed)


def start(url: str, *words: str) -> "subprocess.Popen[bytes]":
    argv = [sys.executable, "-m", "ccapi", *words]
    return subprocess.Popen(argv, env=environment(url), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("more", [[], ["--no-stream"], ["--transport", "websocket"]])
def test_the_answer_is_printed_and_nothing_else(url: str, more: Any) -> None:
    p = ask(url, "--model", "haiku", "--system", "Be terse.", "What", "is", "2+2?", *more)
    assert (p.returncode, p.stdout, p.stderr) == (0, b"You said: What is 2+2?\n", b"")


def test_it_streams(url: str) -> None:
    p = start(url, ENDLESS)
    assert p.stdout is not None and p.stdout.read(3) == b"You"
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=60)
    assert p.returncode == 130 and err == b"" and out.endswith(b"\n")


def test_the_question_may_come_from_standard_input(url: str) -> None:
    assert ask(url, stdin="Grüße\n😀\n".encode()).stdout.decode() == "You said: Grüße\n😀\n"
    assert ask(url, "Summarize:", "-", stdin=b"text\n").stdout == b"You said: Summarize:\n\ntext\n"
    assert ask(url, stdin=b"bytes \xff\n").stdout.decode() == "You said: bytes ?\n"
    p = ask(url, stdin=b" \n")
    assert p.returncode == 2 and b"no question" in p.stderr


def test_words_that_are_no_text_do_no_harm(url: str) -> None:
    assert ask(url, b"half \xf0\x9f").stdout.decode().startswith("You said: half ?")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_of_the_output_will_do(url: str, encoding: str) -> None:
    p = ask(url, "[[sim:text=é😀]]", PYTHONIOENCODING=encoding)
    assert p.returncode == 0 and p.stdout.decode(encoding) == "é😀\n".encode(encoding, "replace").decode(encoding)


def test_figures_on_request(url: str) -> None:
    p = ask(url, "--stats", "-m", "haiku", "Hi")
    assert p.stdout == b"You said: Hi\n" and p.stderr.startswith(b"ccapi: claude-haiku-5-5 (requested), ") and b"tokens, $0.0000" in p.stderr
    record = json.loads(ask(url, "--json", "-m", "haiku", "Hi 😀").stdout)
    assert record["content"] == "You said: Hi 😀" and record["cost_usd"] > 0 and record["finish_reason"] == "stop" and record["request_id"]


def test_projects_and_sessions(url: str, daemon: Daemon) -> None:
    for words, env in ((["-p", "cli-a"], {}), ([], {"CCAPI_PROJECT": "cli-b"}), (["--project", "cli-c"], {"CCAPI_PROJECT": "wrong"})):
        assert ask(url, *words, "Hi", **env).returncode == 0
    for name, requests in (("cli-a", 1), ("cli-b", 1), ("cli-c", 1), ("wrong", 0)):
        assert daemon.request("GET", f"/v1/usage?project_id={name}").json["requests"] == requests
    p = ask(url, "--session", "new", "one")
    note = p.stderr.decode().strip()
    assert note.startswith("ccapi: session sess_")
    assert ask(url, "--session", note.split()[-1], "two").returncode == 0
    assert daemon.request("GET", f"/v1/sessions/{note.split()[-1]}").json["turns"] == 2


def test_exit_status_tells_what_happened(url: str, faulty: FaultyServer) -> None:
    p = ask(url, "--model", "gpt-4", "Hi")
    assert (p.returncode, p.stdout) == (1, b"") and p.stderr.startswith(b"ccapi: The model 'gpt-4'") and b"Traceback" not in p.stderr
    for words in (["--nonsense"], ["--base-url", "nonsense", "Hi"], ["--timeout", "0", "Hi"], ["--max-tokens", "x", "Hi"]):
        p = ask(url, *words)
        assert p.returncode == 2 and p.stderr and b"Traceback" not in p.stderr
    p = ask("http://127.0.0.1:9", "Hi")
    assert p.returncode == 3 and b"could not be reached" in p.stderr and b"Traceback" not in p.stderr
    p = ask(url, "--timeout", "1", "[[sim:delay=3600000]]")
    assert p.returncode == 3 and b"timeout" in p.stderr
    p = ask(url, "--max-tokens", "1", "one two three four five six")
    assert p.returncode == 4 and b"cut short" in p.stderr and p.stdout
    faulty.will(raw(sse(token("half"))), error(401, "invalid_request_error", "invalid_api_key"))
    p = ask(faulty.url, "Hi")
    assert (p.returncode, p.stdout) == (3, b"half\n") and b"ended before" in p.stderr
    p = ask(faulty.url, "Hi", CCAPI_API_KEY="ccapi_secret")
    assert p.returncode == 1 and b"secret" not in p.stderr


def test_a_reader_that_leaves_ends_it_quietly(url: str, daemon: Daemon) -> None:
    begun = len(daemon.log_lines("fault=cancelled"))
    p = start(url, "[[sim:pace=20]] " + "word " * 2000)
    assert p.stdout is not None and p.stderr is not None and p.stdout.read(1)
    p.stdout.close()
    assert p.wait(60) == 141 and p.stderr.read() == b""
    wait_for(lambda: len(daemon.log_lines("fault=cancelled")) > begun, "the cancelled answer")


@pytest.fixture
def terminal() -> Iterator[Any]:
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)


def test_a_terminal_gets_no_commands_of_the_model(url: str, terminal: Any) -> None:
    prompt = "[[sim:text=a\x1b]0;evil\x07b\x9b31mc\ttab]]"
    ours, theirs = terminal
    p = subprocess.Popen([sys.executable, "-m", "ccapi", prompt], env=environment(url, PYTHONIOENCODING="utf-8"), stdin=subprocess.DEVNULL,
                         stdout=theirs, stderr=subprocess.DEVNULL)  # fmt: skip
    os.close(theirs)
    data = b""
    while b"tab" not in data:
        data += os.read(ours, 1000)
    assert p.wait(60) == 0
    text = data.decode()
    assert "\x1b" not in text and "\x07" not in text and "\x9b" not in text and "a\ufffd]0;evil\ufffdb\ufffd31mc" in text
    assert "\x1b" in ask(url, prompt).stdout.decode()  # a pipe gets what there is


def test_help_says_all(url: str) -> None:
    p = ask(url, "--help")
    for word in (b"--model", b"--project", b"--system", b"exit status", b"CCAPI_BASE_URL", b"standard input"):
        assert word in p.stdout
    assert p.returncode == 0 and ask(url, "--version").stdout.startswith(b"ccapi 0.")
