"""ccapictl login: the token from a pipe and from a terminal, and where it must not be."""
import json
import signal
import subprocess
import termios

import pytest

from ctl_support import CTL, FakeControl, control, ctl, environment, wait_for  # noqa: F401 - control is a fixture
from fake_control import INVALID_PARAMS, NOTHING, Fault
from terminal import Pty

TOKEN = "sk-ant-oat01-" + "Ab3_-" * 19
KEPT = {"path": "/var/lib/ccapi/claude-token"}
SETTING = {"settings": [{"name": "claude.path", "value": None}]}
PROMPT = b"Paste the token"


@pytest.fixture
def daemon(control, tmp_path):
    """With a claude in $PATH that says that it ran, and how."""
    control.answer("login.set", KEPT)
    control.answer("config.show", SETTING)
    (tmp_path / "bin").mkdir()
    cli(tmp_path / "bin" / "claude", 'echo "setup: $@"; echo ran >> "$HOME/ran"\n')
    control.env = environment(control, PATH=f"{tmp_path}/bin:/usr/bin:/bin", HOME=str(tmp_path), TERM="xterm")
    control.home = tmp_path
    return control


def cli(path, body):
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(0o755)
    return path


def ran(daemon):
    return (daemon.home / "ran").exists()


def login(daemon, *more):
    return Pty([CTL, "login", *more], env=daemon.env)


def at_prompt(p):
    """The prompt is there and the terminal silent: what is typed before is thrown away."""
    p.wait_for(PROMPT)
    wait_for(lambda: not termios.tcgetattr(p.slave)[3] & termios.ECHO, "the echo to be off")


# ---- from a pipe


@pytest.mark.parametrize("given", [TOKEN, TOKEN + "\n", f"  {TOKEN} \r\n", f"{TOKEN[:40]}\n{TOKEN[40:]}\n", f"{TOKEN[:40]} \n  {TOKEN[40:]}"])
def test_a_token_from_a_pipe(daemon, given):
    r = ctl(daemon, "login", given=given)
    assert daemon.asked("login.set") == [{"token": TOKEN}]
    assert r.stdout == "The token is kept in /var/lib/ccapi/claude-token, mode 0600.  The workers are renewed with it: ccapictl doctor\n"
    assert r.stderr == "" and not ran(daemon)


def test_as_json_and_quietly(daemon):
    assert json.loads(ctl(daemon, "login", "--json", given=TOKEN).stdout) == KEPT
    assert ctl(daemon, "login", "-q", given=TOKEN).stdout == ""


@pytest.mark.parametrize("given,says", [
    ("", "there is no token"), ("\n \n", "there is no token"), ("sk-ant-api03-xxxxxxxxxxxxxxxxxxxxxxxx", "no token of claude setup-token"),
    (TOKEN[:30] + " " + TOKEN[30:], "characters in it"), (TOKEN + "\x1b[2J", "characters in it"), (TOKEN + "é", "characters in it"),
    ("sk-ant-oat01-x", "too short"), ("sk-ant-oat" + "x" * 5000, "too long"), ("x\n", "no token"),
])
def test_what_is_no_token_is_not_sent_and_not_repeated(daemon, given, says):
    r = ctl(daemon, "login", given=given, check=2)
    assert says in r.stderr and r.stdout == "" and "nothing was changed" in r.stderr
    assert "xxxx" not in r.stderr and "Ab3" not in r.stderr
    assert not daemon.asked("login.set")


def test_a_refusal_is_told_without_the_token(daemon):
    daemon.answer("login.set", Fault(INVALID_PARAMS, "the disk is full", field="token", hint="df -h"))
    r = ctl(daemon, "login", given=TOKEN, check=2)
    assert r.stderr == "ccapictl: the disk is full\n  df -h\n"


def test_who_may_not_is_told_before_anything_runs(tmp_path):
    with FakeControl(hello={"right": "operate"}) as control:
        r = ctl(control, "login", given=TOKEN, check=4)
        assert "needs the right 'admin'" in r.stderr and not control.asked("login.set")


def in_memory(pid, what):
    """How often it stands in what the process may write."""
    found = 0
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, modes, *rest = line.split()
            if "w" not in modes or rest[-1:] == ["[vvar]"]:
                continue
            start, end = (int(n, 16) for n in span.split("-"))
            try:
                mem.seek(start)
                found += mem.read(end - start).count(what) if end - start < 1 << 30 else 0
            except (OSError, OverflowError, ValueError):
                pass
    return found


def test_the_token_is_in_no_argument_no_environment_and_once_in_memory(daemon):
    daemon.answer("login.set", NOTHING)
    with subprocess.Popen([CTL, "login"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          env=environment(daemon)) as process:
        process.stdin.write(TOKEN.encode() + b"\n")
        process.stdin.close()
        daemon.wait_for_request("login.set")
        for name in ("cmdline", "environ"):
            with open(f"/proc/{process.pid}/{name}", "rb") as f:
                assert b"sk-ant-oat" not in f.read()
        # The request that held it is wiped although its answer has not come; only what is wiped at the end has it.
        wait_for(lambda: in_memory(process.pid, TOKEN.encode()) == 1, lambda: f"one copy, not {in_memory(process.pid, TOKEN.encode())}")
        process.kill()


# ---- on a terminal


def test_the_cli_runs_on_the_terminal_then_the_token_is_asked_for_without_echo(daemon):
    with login(daemon) as p:
        at_prompt(p)
        assert b"setup: setup-token" in p.output() and ran(daemon)
        p.send(TOKEN.encode() + b"\r")
        assert p.exit_status() == 0
        assert b"The token is kept in" in p.output() and b"Ab3" not in p.output()
        assert p.is_sane()
    assert daemon.asked("login.set") == [{"token": TOKEN}]


@pytest.mark.parametrize("typed", [
    f"\x1b[200~{TOKEN}\x1b[201~\r", f"wrong\x15{TOKEN[:-1]}x\x7f{TOKEN[-1]}\r", f"{TOKEN}\x04", f"{TOKEN[:50]}\r\n  {TOKEN[50:]}\r",
])
def test_pastes_and_corrections(daemon, typed):
    with login(daemon) as p:
        at_prompt(p)
        p.send(typed.encode())
        assert p.exit_status() == 0
    assert daemon.asked("login.set") == [{"token": TOKEN}]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_signals_at_the_prompt_give_the_terminal_back(daemon, number):
    with login(daemon) as p:
        at_prompt(p)
        p.send(TOKEN[:30].encode())
        p.process.send_signal(number)
        assert p.exit_status() == -number
        assert p.is_sane() and b"nothing was changed" in p.output() and b"Ab3" not in p.output()
    assert not daemon.asked("login.set")


def test_ctrl_c_at_the_prompt(daemon):
    with login(daemon) as p:
        at_prompt(p)
        p.send(b"\x03")
        assert p.exit_status() == -signal.SIGINT and p.is_sane()


def test_stopping_at_the_prompt_gives_the_terminal_back_and_goes_on_silently(daemon):
    with login(daemon) as p:
        at_prompt(p)
        p.process.send_signal(signal.SIGTSTP)
        p.wait_stopped()
        assert p.is_sane()
        p.process.send_signal(signal.SIGCONT)
        at_prompt(p)
        p.send(TOKEN.encode() + b"\r")
        assert p.exit_status() == 0 and b"Ab3" not in p.output()
    assert daemon.asked("login.set") == [{"token": TOKEN}]


def test_a_cli_that_fails_changes_nothing(daemon):
    cli(daemon.home / "bin" / "claude", "stty raw -echo; exit 3\n")
    with login(daemon) as p:
        assert p.exit_status() == 1
        assert b"did not end well; nothing was changed" in p.output() and p.is_sane()
    assert not daemon.asked("login.set")


def test_ctrl_c_in_the_cli_ends_the_cli_alone(daemon):
    cli(daemon.home / "bin" / "claude", "trap 'echo caught; exit 1' INT\necho waiting\nwhile :; do sleep 0.05; done\n")
    with login(daemon) as p:
        p.wait_for(b"waiting")
        p.send(b"\x03")
        assert p.exit_status() == 1
        assert b"caught" in p.output() and b"nothing was changed" in p.output()


def test_the_cli_of_the_settings_goes_before_the_one_in_path(daemon):
    other = cli(daemon.home / "other", 'echo "other: $@"\n')
    daemon.answer("config.show", {"settings": [{"name": "claude.path", "value": str(other)}]})
    with login(daemon) as p:
        at_prompt(p)
        assert b"other: setup-token" in p.output() and not ran(daemon)
        p.send(b"\x03")
        p.exit_status()
    assert daemon.asked("config.show") == [{"name": "claude.path"}]


def test_without_a_cli_it_says_what_to_do(daemon):
    (daemon.home / "bin" / "claude").unlink()
    daemon.env["PATH"] = f"{daemon.home}/bin"
    with login(daemon) as p:
        assert p.exit_status() == 1
        assert b"ccapictl login < token" in p.output()
