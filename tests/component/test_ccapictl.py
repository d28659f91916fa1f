"""ccapictl against control_probe, against servers that are no ccapid, and against none."""
import csv
import fcntl
import io
import json
import os
import pty
import re
import socket
import struct
import subprocess
import termios
import threading
import time

import pytest

from control_support import BIN, DEADLINE, Probe, probe  # noqa: F401 - probe is a fixture

HELLO = {"jsonrpc": "2.0", "method": "hello",
         "params": {"protocol": 1, "name": "ccapid", "version": "0.1.0", "pid": 1, "right": "admin"}}
HOSTILE = "\x1b[2J\x1b]0;x\x07\r\n\x7f\u009b31m\u202egnp"


def run(*words, env=None, **kw):
    return subprocess.run([str(BIN / "ccapictl"), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=DEADLINE, env={"PATH": os.environ["PATH"], **(env or {})}, **kw)


# ---- the examples of the documentation


def test_a_project_with_key_budget_limits_and_override(probe):
    assert probe.ctl("projects", "create", "demo").stdout == "Project demo created.\n"
    made = json.loads(probe.ctl("keys", "create", "--project", "demo", "--json").stdout)
    assert list(made) == ["id", "key", "project"] and made["project"] == "demo"
    secret = probe.ctl("keys", "create", "--project", "demo", "--label", "ci", "--scopes", "chat,usage", "--expires", "30d",
                       "--models", "haiku,sonnet", "-q").stdout
    assert re.fullmatch(r"ccapi_[0-9a-f]{72}\n", secret)
    probe.ctl("budgets", "set", "demo", "--tokens", "1000000", "--window", "month")
    probe.ctl("budgets", "set", "demo", "--usd", "5.00", "--soft", "--warn", "80", "--window=week")
    probe.ctl("budgets", "set", "--key", made["id"], "--tokens", "250k")
    probe.ctl("budgets", "set", "--global", "--tokens", "1M", "--window", "total")
    probe.ctl("limits", "set", "demo", "--requests-per-minute", "60", "--tokens-per-minute", "100000", "--concurrent", "4")
    probe.ctl("--project", "demo", "routing", "set", "--for", "2h", "--cap", "sonnet")
    budgets = json.loads(probe.ctl("budgets", "list", "--json").stdout)["budgets"]
    assert [(b["scope"], b["window"], b["limit_tokens"], b["limit_usd"]) for b in budgets] == [
        ("global", "total", 1000000, None), ("project", "week", None, 5.0), ("project", "month", 1000000, None),
        ("key", "month", 250000, None)]
    table = probe.ctl("budgets", "list").stdout
    assert "everybody" in table and "1,000,000" in table and "$5.00" in table and f"key {made['id']}" in table
    limits = json.loads(probe.ctl("limits", "show", "demo", "--json").stdout)["limits"][0]
    assert (limits["requests_per_minute"], limits["tokens_per_minute"], limits["concurrent"]) == (60, 100000, 4)
    assert re.search(r"in (2 h|1 h 59 m)", probe.ctl("routing", "show").stdout)
    assert probe.ctl("projects", "list", "-q").stdout == "demo\n"
    assert made["id"] in probe.ctl("keys", "list").stdout
    assert "worthless" in probe.ctl("keys", "revoke", made["id"]).stdout
    assert json.loads(probe.ctl("keys", "show", made["id"], "--json").stdout)["state"] == "revoked"


def test_every_command_that_looks_works_as_text_as_json_and_quietly(probe):
    probe.ctl("projects", "create", "demo")
    for words in ("status", "projects list", "projects show demo", "keys list", "budgets list", "budgets show demo",
                  "limits show", "routing show", "usage", "usage --group-by day", "usage --period all --project demo",
                  "cache stats", "config show", "config show pool.workers", "config check", "ledger tail --lines 5"):
        text = probe.ctl(*words.split())
        assert text.stdout and not text.stderr, words
        assert isinstance(json.loads(probe.ctl(*words.split(), "--json").stdout), dict), words
        probe.ctl(*words.split(), "--quiet")


def test_usage_as_csv(probe):
    text = probe.ctl("usage", "--csv", "--group-by", "day").stdout
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][0] == "day" and rows[0][-1] == "cost_usd" and len(set(map(len, rows))) == 1


def test_an_empty_list_says_what_to_do(probe):
    assert "ccapictl projects create NAME" in probe.ctl("projects", "list").stdout
    assert probe.ctl("projects", "list", "-q").stdout == ""


def test_a_secret_is_shown_with_a_warning(probe):
    probe.ctl("projects", "create", "demo")
    out = probe.ctl("keys", "create", "--project", "demo").stdout
    assert "only time" in out
    key = re.search(r"k_[0-9a-f]+", out).group()
    assert re.search(r"stops working in (1 h|59 m)", probe.ctl("keys", "rotate", key, "--grace", "1h").stdout)


# ---- exit codes


def test_exit_codes_of_refusals(probe):
    probe.ctl("projects", "create", "demo")
    r = probe.ctl("projects", "create", "demo", check=1)
    assert r.stdout == "" and r.stderr == "ccapictl: there is a project 'demo' already\n"
    assert "no project 'x'" in probe.ctl("projects", "show", "x", check=1).stderr
    assert probe.ctl("budgets", "reset", "demo", check=1).stderr
    assert "1 to 64" in probe.ctl("projects", "create", "../x", check=2).stderr
    assert "window" in probe.ctl("budgets", "set", "demo", "--tokens", "1", "--window", "fortnight", check=2).stderr
    assert "tokens" in probe.ctl("budgets", "set", "demo", check=2).stderr


def test_config_check_fails_with_the_errors(tmp_path):
    conf = tmp_path / "home" / ".config" / "ccapi" / "ccapid.conf"
    conf.parent.mkdir(parents=True)
    p = Probe(root=tmp_path, env={"HOME": str(tmp_path / "home")}).ready()
    conf.write_text("pool: { workers = 0; };")
    r = p.ctl("config", "check", check=1)
    assert "pool.workers" in r.stderr and r.stdout == ""
    assert json.loads(p.ctl("config", "check", "--json", check=1).stdout)["ok"] is False
    r = p.ctl("config", "reload", check=1)
    assert "the running ones stay" in r.stderr and "pool.workers" in r.stderr
    p.stop()


@pytest.mark.parametrize("words", [
    "", "nonsense", "keys", "keys crate", "projects create", "projects create a b", "keys create", "status --frob",
    "keys create --project", "status --json=yes", "budgets set demo --tokens -1", "budgets set demo --tokens 1.5",
    "budgets set demo --usd 1e3", "routing set --project a --cap", "ledger tail --lines 0", "projects delete demo",
])
def test_a_wrong_command_line_is_2_and_needs_no_daemon(words):
    r = run(*words.split(), "--socket", "/nonexistent/x")
    assert r.returncode == 2 and r.stdout == "" and r.stderr.startswith("ccapictl: ")


@pytest.mark.parametrize("words", [["--socket", ""], ["--socket="], ["-s", ""]])
def test_an_empty_socket_is_2_and_not_the_usual_place(words):
    r = run("status", *words)
    assert r.returncode == 2 and "must be a path" in r.stderr


def test_no_daemon_is_3_at_once():
    began = time.monotonic()
    r = run("status", "--socket", "/nonexistent/c.sock")
    assert time.monotonic() - began < 1
    assert r.returncode == 3 and r.stdout == ""
    assert "/nonexistent/c.sock" in r.stderr and "systemctl status ccapid" in r.stderr and "--socket" in r.stderr


def test_a_dead_socket_is_3(tmp_path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(tmp_path / "s"))
    s.listen()
    s.close()
    assert run("status", "--socket", str(tmp_path / "s")).returncode == 3


def test_a_path_that_is_too_long_is_3():
    assert "characters" in run("status", "--socket", "/" + "x" * 200).stderr


def test_help_and_version_need_no_daemon():
    for words in (["--help"], ["help"], ["keys", "--help"], ["keys", "create", "-h"], ["help", "usage"]):
        r = run(*words, env={"CCAPI_SOCKET": "/nonexistent"})
        assert r.returncode == 0 and r.stdout and not r.stderr, words
    assert re.fullmatch(r"ccapictl \d+\.\d+\.\d+\n", run("--version").stdout)


def test_output_that_cannot_be_written_is_a_failure(probe):
    with open("/dev/full", "w", encoding="ascii") as full:
        r = subprocess.run([str(BIN / "ccapictl"), "status", "--socket", str(probe.path)], stdout=full, stderr=subprocess.PIPE,
                           text=True, timeout=DEADLINE)
    assert r.returncode == 1 and "cannot write" in r.stderr


# ---- where the daemon is


def test_the_socket_is_found_by_option_variable_and_place(probe, tmp_path):
    home = tmp_path / "run"
    (home / "ccapi").mkdir(parents=True)
    os.symlink(probe.path, home / "ccapi" / "control.sock")
    bad = {"CCAPI_SOCKET": "/nonexistent"}
    assert run("status", "--socket", str(probe.path), env=bad).returncode == 0
    assert run("status", f"--socket={probe.path}").returncode == 0
    assert run("status", env={"CCAPI_SOCKET": str(probe.path)}).returncode == 0
    assert run("status", env=bad).returncode == 3
    if os.geteuid() != 0:
        assert run("status", env={"XDG_RUNTIME_DIR": str(home)}).returncode == 0


# ---- servers that are no ccapid


class Impostor:
    """Serves one connection: says `first`, then answers every line with `answer`."""

    def __init__(self, tmp_path, first, answer=None):
        self.path = str(tmp_path / "impostor")
        self.first, self.answer = first, answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        s, _ = self.listener.accept()
        try:
            s.sendall(self.first)
            while self.answer is not None and (line := s.recv(1 << 20)):
                s.sendall(self.answer(json.loads(line)))
        except OSError:
            pass
        s.close()


def as_line(value):
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def hello_of(**params):
    return as_line({**HELLO, "params": {**HELLO["params"], **params}})


@pytest.mark.parametrize("first", [
    b"SSH-2.0-OpenSSH\r\n", b"\n", b"{}\n", b"null\n", b"\xff\xfe\n", as_line({"method": "welcome"}),
    hello_of(name="redis"), hello_of(protocol="1"), hello_of(protocol=10**30), as_line({"jsonrpc": "2.0", "method": "hello"}),
    b"[" * 100000 + b"\n",
])
def test_who_does_not_say_hello_is_no_ccapid(tmp_path, first):
    r = run("status", "--socket", Impostor(tmp_path, first).path)
    assert r.returncode == 1 and r.stdout == "" and r.stderr.startswith("ccapictl: ")


def test_who_hangs_up_is_unreachable(tmp_path):
    r = run("status", "--socket", Impostor(tmp_path, b"").path)
    assert r.returncode == 3 and "closed the connection" in r.stderr


def test_a_daemon_that_dies_in_mid_answer_is_unreachable(tmp_path):
    i = Impostor(tmp_path, as_line(HELLO), lambda q: b'{"jsonrpc":"2.0","id":1,"res')
    i.answer = None
    r = run("status", "--socket", i.path)
    assert r.returncode == 3


def test_a_full_house_is_told(tmp_path):
    first = as_line({"jsonrpc": "2.0", "id": None, "error": {"code": -32006, "message": "too many connections"}})
    r = run("status", "--socket", Impostor(tmp_path, first).path)
    assert r.returncode == 3 and "too many connections" in r.stderr


def test_events_between_the_answers_are_passed_over(tmp_path):
    def answer(q):
        return as_line({"jsonrpc": "2.0", "method": "event", "params": {"seq": 1}}) + as_line(
            {"jsonrpc": "2.0", "id": q["id"], "result": {"flushed": 0}})

    assert run("cache", "flush", "--socket", Impostor(tmp_path, as_line(HELLO), answer).path).returncode == 0


@pytest.mark.parametrize("words,result", [
    ("projects list", {"projects": [{"name": HOSTILE, "models": [HOSTILE], "created_at": HOSTILE}]}),
    ("keys list", {"keys": [{"id": HOSTILE, "label": HOSTILE, "scopes": [HOSTILE], "expires_at": HOSTILE}]}),
    ("keys show k", {"id": HOSTILE, "label": HOSTILE}),
    ("keys create --project p", {"id": HOSTILE, "key": HOSTILE, "project": HOSTILE}),
    ("status", {"state": HOSTILE, "version": HOSTILE, "pool": {"detail": HOSTILE, "mend": HOSTILE}}),
    ("routing show", {"overrides": [{"reason": HOSTILE}], "rules": [{"rule": HOSTILE, "text": HOSTILE}]}),
    ("routing test x", {"recommended_model": HOSTILE, "reasoning": HOSTILE}),
    ("usage", {"project_id": HOSTILE, "by_model": {HOSTILE: {"tokens": 1}}}),
    ("usage --csv", {"csv": HOSTILE}),
    ("config show", {"settings": [{"name": HOSTILE, "value": HOSTILE}]}),
    ("config check", {"ok": False, "errors": [HOSTILE]}),
    ("ledger tail", {"lines": [{"outcome": HOSTILE, "at": HOSTILE, "request_id": HOSTILE}]}),
])
@pytest.mark.parametrize("more", ["", "--json", "--quiet"])
def test_control_characters_never_reach_the_terminal(tmp_path, words, result, more):
    i = Impostor(tmp_path, as_line(HELLO), lambda q: as_line({"jsonrpc": "2.0", "id": q["id"], "result": result}))
    r = run(*words.split(), *more.split(), "--socket", i.path)
    assert clean(r.stdout) and clean(r.stderr)
    if more == "--json":
        assert json.loads(r.stdout) == result


def test_control_characters_of_errors_never_reach_the_terminal(tmp_path):
    error = {"code": -32004, "message": HOSTILE, "data": {"field": HOSTILE, "hint": HOSTILE}}
    i = Impostor(tmp_path, as_line(HELLO), lambda q: as_line({"jsonrpc": "2.0", "id": q["id"], "error": error}))
    r = run("status", "--socket", i.path)
    assert r.returncode == 1 and clean(r.stderr)
    r = run(HOSTILE, f"--{HOSTILE}={HOSTILE}")
    assert r.returncode == 2 and clean(r.stderr)
    assert clean(run("status", "--socket", f"/nonexistent/{HOSTILE}").stderr)


def clean(text):
    return not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


@pytest.mark.parametrize("result", [None, 7, "x", [], {}, {"keys": 7}, {"keys": [7, None, "x"]}, {"keys": {"a": 1}}])
@pytest.mark.parametrize("words", ["keys list", "status", "usage", "routing show", "keys create --project p", "config check"])
def test_answers_of_a_strange_shape_do_no_harm(tmp_path, words, result):
    i = Impostor(tmp_path, as_line(HELLO), lambda q: as_line({"jsonrpc": "2.0", "id": q["id"], "result": result}))
    assert run(*words.split(), "--socket", i.path).returncode in (0, 1)


# ---- on a terminal


def on_terminal(argv, columns, typed=b""):
    """What the program writes to a terminal of that width, and its exit code."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(argv[0], argv, {"PATH": os.environ["PATH"], "TERM": "xterm"})
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    if typed:
        os.write(fd, typed)
    out = b""
    try:
        while piece := os.read(fd, 65536):
            out += piece
    except OSError:
        pass
    os.close(fd)
    return out.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def on_sized_terminal(argv, columns):
    """The width is set before the program looks."""
    return on_terminal(["/bin/sh", "-c", 'stty cols "$0"; exec "$@"', str(columns), *argv], columns)


@pytest.mark.parametrize("columns", [200, 80, 40, 10, 1])
def test_tables_fit_the_terminal(probe, columns):
    probe.ctl("projects", "create", "demo")
    probe.ctl("projects", "create", "x" * 64)
    probe.ctl("keys", "create", "--project", "demo", "--label", "漢字漢字漢字漢字 größe")
    for words in (["keys", "list"], ["projects", "list"], ["budgets", "list"], ["routing", "show"], ["config", "show"]):
        out, code = on_sized_terminal([str(BIN / "ccapictl"), *words, "--socket", str(probe.path)], columns)
        assert code == 0
        if words[0] in ("keys", "projects", "config"):
            assert max(width(line) for line in out.replace("\r", "").split("\n")) <= columns


def width(line):
    import unicodedata
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in line)


@pytest.mark.parametrize("typed,gone", [(b"y\n", True), (b"yes\n", True), (b"n\n", False), (b"\n", False), (b"\x04", False)])
def test_deleting_asks_on_a_terminal(probe, typed, gone):
    probe.ctl("projects", "create", "demo")
    out, code = on_terminal([str(BIN / "ccapictl"), "projects", "delete", "demo", "--socket", str(probe.path)], 80, typed)
    assert "Delete project demo" in out and "[y/N]" in out
    assert (code == 0) == gone
    assert (probe.ctl("projects", "list", "-q").stdout == "") == gone


def test_deleting_needs_yes_where_nobody_can_be_asked(probe):
    probe.ctl("projects", "create", "demo")
    assert "--yes" in probe.ctl("projects", "delete", "demo", check=2).stderr
    assert probe.ctl("projects", "list", "-q").stdout == "demo\n"
    probe.ctl("projects", "delete", "demo", "-y")
    assert probe.ctl("projects", "list", "-q").stdout == ""
