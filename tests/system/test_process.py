"""ccapid as a process: command line, settings, reload, signals, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any, List

import pytest

from harness import BIN_DIR, Daemon, chat_body, chat_request, processes, wait_for
from system_support import (
    HOLD,
    answer_of,
    gone,
    held,
    memory_peak_kb,
    read_all,
    read_answer,
    ready_reason,
    wait_busy,
    wait_settled,
)

SIM = str(BIN_DIR / "claude-sim")
ONE = {"pool.workers": 1, "pool.spares": 0}


def run(*args: str, env: Any = None, **kw: Any) -> "subprocess.CompletedProcess[str]":
    """ccapid to its end; a home of its own keeps it away from settings of whoever runs the tests."""
    environ = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", **(env or {})}
    return subprocess.run([str(BIN_DIR / "ccapid"), *args], env=environ, capture_output=True, text=True, timeout=30, **kw)


def conf_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ccapid.conf"
    path.write_text(text)
    return path


# -- command line


def test_version_and_help() -> None:
    r = run("--version")
    assert (r.returncode, r.stderr) == (0, "") and re.fullmatch(r"ccapid \d+\.\d+\.\d+\S*\n", r.stdout)
    for option in ("--help", "-h"):
        r = run(option)
        assert r.returncode == 0 and all(x in r.stdout for x in ("--config", "-o ", "--check-config", "--version"))


@pytest.mark.parametrize("args", [["--nonsense"], ["-x"], ["argument"], ["-o"], ["--config"]])
def test_wrong_usage_is_exit_2(args: List[str]) -> None:
    r = run(*args)
    assert r.returncode == 2 and "ccapid --help" in r.stderr and r.stdout == ""


def test_check_config_accepts_good_settings(tmp_path: Path) -> None:
    path = conf_file(tmp_path, 'pool: { workers = 3; spares = 0; };\nclaude: { env: { HTTPS_PROXY = "http://p:1"; }; };\n')
    r = run("--check-config", "--config", str(path))
    assert r.returncode == 0 and str(path) in r.stdout and r.stderr == ""
    assert run("--check-config").returncode == 0, "the embedded defaults are good"


def test_check_config_lists_every_error_with_its_place(tmp_path: Path) -> None:
    path = conf_file(tmp_path, 'pool: {\n  workers = 0;\n  spare = 1;\n  reuse = "sometimes";\n};\n'
                               'http: { max_body = "a lot"; };\nlisten = ["nowhere"];\nnonsense = 1;\n'
                               'claude: { env: { LD_PRELOAD = "x"; }; };\n')  # fmt: skip
    r = run("--check-config", "-c", str(path), "-o", "log.level=loud")
    assert r.returncode == 1 and r.stdout == ""
    for place, word in ((":2: pool.workers", ""), (":3: pool.spare", "spares"), (":4: pool.reuse", "never"),
                        (":6: http.max_body", ""), (":7: listen", ""), (":8: nonsense", ""),
                        (":9: claude.env", "LD_PRELOAD")):  # fmt: skip
        assert re.search(rf"^{re.escape(str(path) + place)}\b.*{word}", r.stderr, re.M), (place, r.stderr)
    assert re.search(r"^-o log\.level.*info", r.stderr, re.M)


@pytest.mark.parametrize("text", ["pool: { workers = ", "= 1;", "pool = { workers = 1"])
def test_check_config_tells_the_line_of_a_syntax_error(tmp_path: Path, text: str) -> None:
    path = conf_file(tmp_path, "\n\n" + text)
    r = run("--check-config", "-c", str(path))
    assert r.returncode == 1 and re.search(rf"^{re.escape(str(path))}:\d+: ", r.stderr, re.M)


def test_missing_config_file_is_an_error() -> None:
    r = run("--config", "/nonexistent/ccapid.conf")
    assert r.returncode == 1 and "/nonexistent/ccapid.conf" in r.stderr


def test_bad_settings_do_not_start(tmp_path: Path) -> None:
    r = run("-o", "pool.workers=none", "-o", f"state_dir={tmp_path}/state")
    assert r.returncode == 1 and "pool.workers" in r.stderr and not (tmp_path / "state").exists()


def test_command_line_wins_over_the_file_and_the_last_wins(tmp_path: Path) -> None:
    path = conf_file(tmp_path, "pool: { workers = 1; spares = 0; };\n")
    with Daemon(args=["--config", str(path), "-o", "pool.workers=4", "-o", "pool.workers=2"],
                options={"pool.spares": 1}) as d:  # fmt: skip
        wait_settled(d, 3)


def test_the_users_config_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "ccapi").mkdir()
    (tmp_path / "ccapi/ccapid.conf").write_text("log: { format = \"json\"; };\n")
    with Daemon(env={"XDG_CONFIG_HOME": str(tmp_path)}, options=ONE, ready=False) as d:
        d.wait_log(r'^\{.*"message":"listening on ')


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0"])
def test_serving_other_machines_without_keys_is_refused(listen: str, tmp_path: Path) -> None:
    r = run("-o", f"listen={listen}", "-o", f"state_dir={tmp_path}/s", "-o", "auth.required=false")
    assert r.returncode == 1 and "loopback" in r.stderr and "auth.required" in r.stderr


def test_without_settings_a_key_is_needed_and_the_log_says_how_to_make_one() -> None:
    with Daemon(options={**ONE, "auth.required": None}) as d:
        assert d.chat("hello").status == 401
        d.wait_log(r"no API key yet.*ccapictl keys create")


# -- addresses and state


def test_several_addresses_are_served_and_port_0_is_told() -> None:
    with Daemon(options={**ONE, "listen": ["127.0.0.1:0", "127.0.0.2:0"]}) as d:
        lines = [d.wait_log(rf"listening on {re.escape(a)}:(\d+)") for a in ("127.0.0.1", "127.0.0.2")]
        for address, m in zip(("127.0.0.1", "127.0.0.2"), lines):
            with socket.create_connection((address, int(m.group(1))), timeout=10) as s:
                s.sendall(f"GET /health HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
                assert s.recv(100).startswith(b"HTTP/1.1 200")


def test_port_in_use_is_told_and_costs_no_worker(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        r = run("-o", f"listen=127.0.0.1:{port}", "-o", f"state_dir={tmp_path}/s", "-o", f"claude.path={SIM}",
                "-o", "log.level=debug")  # fmt: skip
    assert r.returncode == 1
    assert re.search(rf"error .*cannot listen on 127\.0\.0\.1:{port}: .*in use", r.stderr, re.I)
    assert "starts, pid" not in r.stderr


def test_second_daemon_on_the_same_state_is_refused() -> None:
    with Daemon(options=ONE) as d:
        r = run("-o", "listen=127.0.0.1:0", "-o", f"state_dir={d.state}", "-o", f"claude.path={SIM}")
        assert r.returncode == 1 and re.search(rf"another ccapid \(pid {d.pid}\) uses state_dir", r.stderr)
        assert d.chat("x").status == 200


def test_state_directory_is_private_and_one_open_to_others_refused(tmp_path: Path) -> None:
    with Daemon(options=ONE) as d:
        for path in (Path(d.state), *Path(d.state).iterdir()):
            assert path.stat().st_mode & 0o077 == 0, path
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    r = run("-o", "listen=127.0.0.1:0", "-o", f"state_dir={tmp_path}/open", "-o", f"claude.path={SIM}")
    assert r.returncode == 1 and "written by others" in r.stderr


# -- log


def test_json_log_is_one_object_per_line() -> None:
    with Daemon(options={**ONE, "log.format": "json"}) as d:
        d.chat('quotes " and \\ and \u2028', headers={"x-request-id": "json-1"})
        d.request("GET", '/%22%0a%5c"')
        d.wait_log('"request_id":"json-1"')
        d.stop()
        rows = [json.loads(line) for line in d.log_lines()]
    assert all({"time", "level", "area", "message"} <= set(r) for r in rows)
    row = next(r for r in rows if r.get("request_id") == "json-1")
    assert (row["status"], row["project"], row["model"]) == (200, "default", "claude-haiku-5-5")


def test_log_level_holds_and_prompts_are_not_logged() -> None:
    with Daemon(options={**ONE, "log.level": "info"}) as d:
        d.chat("confidential words")
        d.wait_log("access: request .*completions")
        assert d.log_lines("info ") and not d.log_lines("debug ")
        assert not d.log_lines("confidential")


# -- reload


def reload(d: Daemon, path: Path, text: str) -> str:
    count = len(d.log_lines("settings (not )?reloaded"))
    path.write_text(text)
    d.signal(signal.SIGHUP)
    wait_for(lambda: len(d.log_lines("settings (not )?reloaded")) > count, "the reload")
    return d.log_lines("settings (not )?reloaded")[-1]


class FileDaemon(Daemon):
    """A daemon without the harness's own options, so that a file may change them."""

    def __init__(self, path: Path, tmp_path: Path) -> None:
        argv = ["-c", str(path), "-o", "listen=127.0.0.1:0", "-o", f"claude.path={SIM}"]
        defaults = ("listen", "state_dir", "claude.path", "pool.workers", "pool.spares", "log.level")
        super().__init__(ready=False, options={key: None for key in defaults},
                         args=["-o", f"state_dir={tmp_path}/state", *argv])  # fmt: skip
        self.state = str(tmp_path / "state")
        self.wait_listening()
        self.wait_ready()


def conf_text(workers: int, spares: int = 0, level: str = "debug", more: str = "") -> str:
    return f'pool: {{ workers = {workers}; spares = {spares}; }};\nlog: {{ level = "{level}"; }};\n{more}'


def test_reload_changes_the_number_of_workers_both_ways(tmp_path: Path) -> None:
    path = conf_file(tmp_path, conf_text(1))
    with FileDaemon(path, tmp_path) as d:
        wait_settled(d, 1)
        assert "not" not in reload(d, path, conf_text(3, 1))
        wait_settled(d, 4)
        with held(d, 3):
            pass
        wait_settled(d, 4)
        reload(d, path, conf_text(1))
        wait_settled(d, 1)
        assert len(d.workers()) == 1 and d.chat("x").status == 200


def test_reload_lets_running_requests_finish(tmp_path: Path) -> None:
    path = conf_file(tmp_path, conf_text(2))
    with FileDaemon(path, tmp_path) as d:
        wait_settled(d, 2)
        sockets = [d.send_raw(chat_request(chat_body("[[sim:delay=2000]] kept"))) for _ in range(2)]
        wait_busy(d, 2)
        reload(d, path, conf_text(1))
        assert [answer_of(s)[0] for s in sockets] == [200, 200]
        wait_settled(d, 1)


def test_reload_changes_the_log_level(tmp_path: Path) -> None:
    path = conf_file(tmp_path, conf_text(1))
    with FileDaemon(path, tmp_path) as d:
        wait_settled(d, 1)
        reload(d, path, conf_text(1, level="info"))
        count = len(d.log_lines("debug "))
        assert d.chat("x", headers={"x-request-id": "quiet"}).status == 200
        d.wait_log("request_id=quiet")
        assert len(d.log_lines("debug ")) == count


def test_reload_with_a_key_that_needs_a_restart_changes_nothing(tmp_path: Path) -> None:
    path = conf_file(tmp_path, conf_text(1))
    with FileDaemon(path, tmp_path) as d:
        wait_settled(d, 1)
        told = reload(d, path, conf_text(3, more="http: { max_body = \"1M\"; };\n"))
        assert "not reloaded" in told and d.log_lines("error .*http.max_body")
        wait_settled(d, 1)
        assert len(d.workers()) == 1 and d.chat("x").status == 200
        assert "not" not in reload(d, path, conf_text(2))
        wait_settled(d, 2)


@pytest.mark.parametrize("text", ["pool: { workers = 0; };", "pool: {", "nonsense = 1;"])
def test_reload_of_bad_settings_changes_nothing(tmp_path: Path, text: str) -> None:
    path = conf_file(tmp_path, conf_text(1))
    with FileDaemon(path, tmp_path) as d:
        wait_settled(d, 1)
        assert "not reloaded" in reload(d, path, text)
        assert d.log_lines(rf"error .*{re.escape(str(path))}:\d+: ")
        assert len(d.workers()) == 1 and d.chat("x").status == 200


# -- the end


def test_sigterm_finishes_what_runs_refuses_what_comes_and_leaves_nothing() -> None:
    d = Daemon(options={"pool.workers": 2, "pool.spares": 1})
    with d:
        wait_settled(d, 3)
        idle = d.send_raw(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_answer(idle)[0] == 200
        half = d.send_raw(chat_request(chat_body("too late"))[:40])
        running = d.send_raw(chat_request(chat_body("[[sim:delay=700]] finish me")))
        wait_busy(d, 1)
        pids = d.workers()
        d.signal(signal.SIGTERM)
        d.wait_log("SIGTERM: draining")
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", d.port), timeout=10)
        assert read_all(idle) == b"", "an idle connection is closed"
        status, headers, body = read_answer(running)
        assert status == 200 and headers["connection"] == "close" and b"finish me" in body
        assert d.wait_exit() == 0
        half.close()
        assert gone(pids) and os.listdir(os.path.join(d.state, "tmp")) == []
        d.wait_log("daemon: ended")


def test_a_request_on_an_open_connection_is_refused_while_draining() -> None:
    with Daemon(options=ONE) as d:
        wait_settled(d, 1)
        data = chat_request(chat_body("too late"))
        late = d.send_raw(data[:-1])
        running = d.send_raw(chat_request(chat_body("[[sim:delay=3000]] x")))
        wait_busy(d, 1)
        d.signal(signal.SIGTERM)
        d.wait_log("SIGTERM: draining")
        late.sendall(data[-1:])
        status, headers, body = read_answer(late)
        assert status == 503 and json.loads(body)["error"]["code"] == "overloaded"
        assert int(headers["retry-after"]) >= 1 and headers["connection"] == "close"
        assert read_answer(running)[0] == 200
        assert d.wait_exit() == 0


def test_queued_requests_are_finished_while_draining() -> None:
    with Daemon(options=ONE) as d:
        wait_settled(d, 1)
        sockets = [d.send_raw(chat_request(chat_body(f"[[sim:delay=100]] {i}"))) for i in range(4)]
        wait_for(lambda: len(d.log_lines("POST .*status=200")) >= 1, "the first answer")
        d.signal(signal.SIGTERM)
        assert [answer_of(s)[0] for s in sockets] == [200] * 4
        assert d.wait_exit() == 0


def test_drain_timeout_cuts_what_is_left_with_an_error() -> None:
    with Daemon(options={"pool.workers": 2, "pool.spares": 0, "drain_timeout": "300ms"}) as d:
        wait_settled(d, 2)
        plain = d.send_raw(chat_request(chat_body(HOLD)))
        stream = d.open_stream("[[sim:pace=3600000]] one two")
        wait_busy(d, 2)
        data = b""
        while b'"You ' not in data:
            data += stream.recv(65536)
        d.signal(signal.SIGTERM)
        status, body = answer_of(plain)
        assert status == 503 and body["error"]["code"] == "overloaded"
        data += read_all(stream)
        assert b'data: {"error":{' in data and b"[DONE]" not in data
        assert d.wait_exit() == 0 and d.log_lines("drain_timeout has passed")


def test_second_sigterm_ends_at_once() -> None:
    with Daemon(options=ONE) as d:
        wait_settled(d, 1)
        s = d.send_raw(chat_request(chat_body(HOLD)))
        wait_busy(d, 1)
        pids = d.workers()
        d.signal(signal.SIGTERM)
        d.wait_log("SIGTERM: draining")
        assert d._p.proc.poll() is None
        d.signal(signal.SIGTERM)
        assert d.wait_exit(5) == 0
        assert gone(pids)
        assert len(d.log_lines("starts, pid")) == 2, "the self-test's and the one that was killed: no new worker"
        s.close()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_ends_also_while_the_gate_is_closed_or_at_work(signum: int) -> None:
    for options in ({"claude.env.CLAUDE_SIM_FAULTS": "start_hang"}, {"claude.path": "/nonexistent"}):
        d = Daemon(options={**ONE, **options}, ready=False)
        with d:
            d.wait_listening()
            d.signal(signum)
            assert d.wait_exit() == 0
            assert not [p for p in processes() if d.state in p[3]]


@pytest.mark.parametrize("script", ["exec sleep 1000", '[ "$1" = auth ] || exec "$SIM" "$@"; exec sleep 1000'])
def test_ends_also_while_the_cli_does_not_answer(tmp_path: Path, script: str) -> None:
    cli = tmp_path / "claude"
    cli.write_text(f'#!/bin/sh\nSIM="{SIM}"\n{script}\n')
    cli.chmod(0o755)
    d = Daemon(options=ONE, cli_path=str(cli), ready=False)
    with d:
        d.wait_listening()
        if "auth" in script:
            d.wait_log("pool: ready to serve")
        wait_for(lambda: d.workers(), "a process of the CLI")
        pids = d.workers()
        d.signal(signal.SIGTERM)
        assert d.wait_exit() == 0
        assert gone(pids) and not d.log_lines("bug: ")


def test_stop_under_load_leaves_nothing() -> None:
    with Daemon(options={"pool.workers": 3, "pool.spares": 1, "drain_timeout": "100ms"}) as d:
        wait_settled(d, 4)
        pids = d.workers()
        sockets = [d.send_raw(chat_request(chat_body(f"[[sim:pace=50]] {'word ' * 40}", stream=bool(i % 2)))) for i in range(30)]
        wait_busy(d, 3)
        assert d.stop() == 0
        wait_for(lambda: gone(pids), "the workers to be gone")
        for s in sockets:
            s.close()
        assert os.listdir(os.path.join(d.state, "tmp")) == []


@pytest.mark.parametrize("leaves", [True, False])
def test_end_waits_for_the_thread_that_decodes_a_large_body(leaves: bool) -> None:
    data = chat_request(chat_body("\x01" * 4_000_000))
    with Daemon(options=ONE) as d:
        wait_settled(d, 1)
        s = d.send_raw(data[:-1])
        wait_for(lambda: memory_peak_kb(d.pid) > len(data) // 1024, "the body to be there")
        s.sendall(data[-1:])
        d.request("GET", "/health")  # comes behind that byte
        if leaves:
            s.close()
        d.signal(signal.SIGTERM)
        if not leaves:
            d.wait_log("SIGTERM: draining")
            d.signal(signal.SIGTERM)
        assert d.wait_exit() == 0
        s.close()


def test_kill_9_under_load_leaves_no_worker_and_the_next_start_is_clean(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    d = Daemon(state=state, options={"pool.workers": 3, "pool.spares": 1})
    with d:
        wait_settled(d, 4)
        pids = d.workers()
        sockets = [d.send_raw(chat_request(chat_body(HOLD))) for _ in range(6)]
        wait_busy(d, 3)
        d.kill()
        wait_for(lambda: gone(pids), "the workers to end with the daemon")
        for s in sockets:
            s.close()
    with Daemon(state=state, options=ONE) as d:
        wait_settled(d, 1)
        assert len(os.listdir(os.path.join(state, "tmp"))) == 1, "the dead daemon's directories are cleared"
        assert d.chat("x").status == 200


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_standard_streams_are_not_taken_for_the_loops(closed: str) -> None:
    with Daemon(options={**ONE, "log.level": "error"}, prefix=["bash", "-c", f'exec "$@" {closed}', "bash"]) as d:
        assert d.chat("x").text == "You said: x"
        for fd in ("0", "1", "2"):
            assert re.match("/dev/null$|pipe:", os.readlink(f"/proc/{d.pid}/fd/{fd}")), "no socket, no epoll"


def test_workers_inherit_nothing_but_their_pipes() -> None:
    with Daemon(options=ONE) as d:
        wait_settled(d, 1)
        with socket.create_connection(("127.0.0.1", d.port)):
            os.kill(d.workers()[0], signal.SIGKILL)
            wait_for(lambda: len(d.log_lines("starts, pid")) == 3, "a new worker")
            wait_settled(d, 1)
            pid = d.workers()[0]
            assert sorted(os.listdir(f"/proc/{pid}/fd"), key=int)[:3] == ["0", "1", "2"]
            kinds = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            assert not [k for k in kinds if ".log" in k or d.state in k]
            assert len([k for k in kinds if k.startswith("socket:")]) <= 3
            assert os.getpgid(pid) == pid, "a process group of its own"
            assert ready_reason(d) is None
