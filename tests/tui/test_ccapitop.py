"""ccapitop in real terminals, against a daemon that says what the test wants (tests/lib/scripted_daemon.py)."""

import os
import signal
import subprocess

import pytest

from scripted_daemon import RpcError, ScriptedDaemon, fixture, now
from terminal import BIN, Pty, Tmux, environment, wait_for

TOP = BIN / "ccapitop"
LEFT = b"\x1b[?1049l"  # the alternate screen was left


@pytest.fixture
def daemon(tmp_path):
    with ScriptedDaemon(tmp_path / "control.sock", fixture("busy")) as d:
        yield d


def top(daemon, *flags):
    return [TOP, "--socket", daemon.path, *flags]


def snapshot(*flags, env=None):
    return subprocess.run([str(a) for a in (TOP, "--snapshot", *flags)], env=env or environment(), capture_output=True,
                          timeout=30)


def shows(rows, text):
    return any(text in row for row in rows)


# ---- --snapshot and options


@pytest.mark.parametrize("view, text", [("overview", "3 of 5 busy"), ("workers", "w2"), ("events", "overloaded twice"),
                                        ("help", "You have the right admin")])
def test_a_snapshot_is_one_screen_of_plain_text(daemon, view, text):
    out = snapshot("--socket", daemon.path, "--size", "100x30", "--view", view)
    assert out.returncode == 0 and out.stderr == b""
    rows = out.stdout.decode().split("\n")
    assert len(rows) == 31 and rows[-1] == ""
    assert all(len(row) <= 100 for row in rows)
    assert shows(rows, text) and shows(rows, "ccapid 0.1.0")
    assert b"\x1b" not in out.stdout


def test_a_snapshot_waits_for_what_its_view_asks(daemon):
    out = snapshot("--socket", daemon.path, "--size", "120x40").stdout.decode()
    assert "9.40 M of 10.0 M tok" in out  # budgets.list
    assert "today 1.82 M tok" in out      # usage
    assert daemon.called("budgets.list")[0]["params"] == {"closest": 10}


def test_a_snapshot_comes_without_what_is_not_answered(daemon):
    daemon.answers["budgets.list"] = RpcError(-32601, "there is no method 'budgets.list'")
    out = snapshot("--socket", daemon.path)
    assert out.returncode == 0 and b"3 of 5 busy" in out.stdout


def test_a_snapshot_may_be_of_ascii(daemon):
    for flags, env in ([("--ascii",), environment()], [(), environment(LC_ALL="C")]):
        out = snapshot("--socket", daemon.path, *flags, env=env)
        assert out.returncode == 0 and out.stdout.isascii() and b"w1" in out.stdout


def test_without_a_daemon_there_is_no_snapshot(tmp_path):
    out = snapshot("--socket", tmp_path / "none.sock")
    assert out.returncode == 3 and out.stdout == b""
    assert b"cannot reach ccapid" in out.stderr and str(tmp_path).encode() in out.stderr


@pytest.mark.parametrize("args", [["--size", "100x30"], ["--snapshot", "--size", "39x10"], ["--snapshot", "--size", "x"],
                                  ["--view", "nothing"], ["--nothing"], ["word"]])
def test_what_cannot_be_understood_is_said(args):
    out = subprocess.run([str(TOP), *args], env=environment(), capture_output=True, timeout=30)
    assert out.returncode == 2 and out.stdout == b"" and b"--help" in out.stderr


def test_it_says_what_it_is():
    for flag, text in (("--help", b"--snapshot"), ("--version", b"ccapitop 0.")):
        out = subprocess.run([str(TOP), flag], capture_output=True, timeout=30)
        assert out.returncode == 0 and text in out.stdout and out.stderr == b""


def test_without_a_terminal_it_does_not_begin(daemon):
    out = subprocess.run([str(a) for a in top(daemon)], env=environment(), capture_output=True, timeout=30,
                         stdin=subprocess.DEVNULL)
    assert out.returncode == 1 and out.stdout == b"" and out.stderr.startswith(b"ccapitop: ")


# ---- views, filter, pause


def test_views_by_their_numbers_and_tab(daemon):
    with Tmux(top(daemon), 120, 40) as t:
        t.wait_for("3 of 5 busy")
        t.keys("2")
        t.wait_for("3 of 5 busy, 1 ready")
        t.keys("Tab")
        t.wait_for(lambda rows: not shows(rows, "busy, 1 ready"))
        t.keys("?")
        t.wait_for("Everywhere")
        t.keys("1")
        t.wait_for("Budgets closest to their limit")


def test_a_filter_counts_as_one_types(daemon):
    with Tmux(top(daemon, "--view", "workers"), 120, 40) as t:
        t.wait_for("sonnet-4-5")
        t.keys("/", "o", "p", "u")
        t.wait_for(lambda rows: shows(rows, "opus-5-5") and not shows(rows, "sonnet-4-5"))
        t.wait_for("1 of 5")
        t.keys("Escape")
        t.wait_for("sonnet-4-5")


def test_a_paused_display_stands_still(daemon):
    with Tmux(top(daemon, "--view", "workers"), 120, 40) as t:
        t.wait_for("opus-5-5")
        t.keys("Space")
        t.wait_for("PAUSED display")
        daemon.event("worker", dict(daemon.snapshot["workers"][1], project="moved-on"))
        daemon.event("log", {"at": now(), "level": "info", "area": "x", "message": "sent behind it", "fields": {}})
        t.keys("?")  # what came before this key was read is not shown either
        t.wait_for("Everywhere")
        t.keys("2")
        rows = t.wait_for("opus-5-5")
        assert shows(rows, "PAUSED display") and not shows(rows, "moved-on")
        t.keys("Space")
        t.wait_for("moved-on")
        assert not shows(t.screen(), "PAUSED display")


def test_lists_are_asked_for_while_their_view_is_shown(daemon):
    with Tmux(top(daemon), 120, 40) as t:
        t.wait_for("9.40 M of 10.0 M tok")
        times = len(daemon.called("budgets.list"))
        daemon.wait_called("budgets.list", times + 2)  # again and again
        t.keys("2")
        t.wait_for("busy, 1 ready")
        daemon.answers["budgets.list"] = {"budgets": []}
        t.keys("1")
        t.wait_for("there are no budgets")


# ---- actions


def test_an_action_is_asked_about_and_done(daemon):
    daemon.answers["workers.restart"] = lambda params: dict(daemon.snapshot["workers"][1], id=params["id"])
    with Tmux(top(daemon, "--view", "workers"), 120, 40) as t:
        t.wait_for("opus-5-5")
        t.keys("j", "R")
        rows = t.wait_for("Restart worker 2")
        assert shows(rows, "req_8f220")
        t.keys("Escape")
        t.wait_for(lambda rows: not shows(rows, "Restart worker 2"))
        assert not daemon.called("workers.restart")
        t.keys("R")
        t.wait_for("Restart worker 2")
        t.keys("y")
        assert daemon.wait_called("workers.restart")[0]["params"] == {"id": 2}
        t.wait_for("worker 2 was ended")


@pytest.mark.parametrize("key, title, wanted", [("+", "More workers", 6), ("-", "Fewer workers", 4)])
def test_the_pool_is_scaled_by_a_form(daemon, key, title, wanted):
    daemon.answers["workers.scale"] = lambda params: {"workers": params["workers"], "configured": 5}
    with Tmux(top(daemon, "--view", "workers"), 120, 40) as t:
        t.wait_for("opus-5-5")
        t.keys(key)
        t.wait_for(title)
        t.keys("Enter", "Enter")  # to the button, and press it
        assert daemon.wait_called("workers.scale")[0]["params"] == {"workers": wanted}
        t.wait_for(f"up to {wanted} workers until the settings are read again")


def test_a_worker_is_drained(daemon):
    daemon.answers["workers.drain"] = lambda params: daemon.snapshot["workers"][0]
    with Tmux(top(daemon, "--view", "workers"), 120, 40) as t:
        t.wait_for("opus-5-5")
        t.keys("d")
        t.wait_for("Drain worker 1")
        t.keys("y")
        assert daemon.wait_called("workers.drain")[0]["params"] == {"id": 1}
        t.wait_for("worker 1 takes no further request")


def test_the_queue_is_paused_and_resumed(daemon):
    def queue(paused):
        def answer(_):
            q = dict(daemon.snapshot["status"]["queue"], paused=paused)
            daemon.event("queue", q)
            return q
        return answer

    daemon.answers.update({"pause": queue(True), "resume": queue(False)})
    with Tmux(top(daemon), 120, 40) as t:
        t.wait_for("3 of 5 busy")
        t.keys("P")
        t.wait_for("Pause the queue")
        t.keys("y")
        t.wait_for("queue 2 (paused)")
        t.keys("P")
        daemon.wait_called("resume")
        t.wait_for("the queue is served again")


def test_an_error_stays_until_it_is_read(daemon):
    daemon.answers["drain"] = RpcError(-32004, "it drains already")
    with Tmux(top(daemon, "--view", "workers"), 120, 40) as t:
        t.wait_for("opus-5-5")
        t.keys("D")
        t.wait_for("Drain ccapid")
        t.keys("y")
        t.wait_for("it drains already")
        t.keys("1")
        t.wait_for("Budgets closest to their limit")
        assert shows(t.screen(), "it drains already")
        t.keys("Escape")
        t.wait_for(lambda rows: not shows(rows, "it drains already"))


def test_who_may_only_look_is_told_so(tmp_path):
    with ScriptedDaemon(tmp_path / "control.sock", fixture("busy"), right="read") as d:
        with Tmux(top(d, "--view", "workers"), 120, 40) as t:
            t.wait_for("opus-5-5")
            t.keys("R")
            t.wait_for("workers restart needs the right operate; you have the right read")
            assert not d.called("workers.restart")


# ---- a daemon that goes


def test_it_says_that_the_daemon_is_gone_and_comes_back(daemon):
    with Tmux(top(daemon), 120, 40) as t:
        t.wait_for("3 of 5 busy")
        daemon.stop()
        rows = t.wait_for("No daemon since")
        assert not shows(rows, "3 of 5 busy") and not shows(rows, "req_8f21a") and not shows(rows, "412 tok/s")
        t.wait_for("next try in")
        daemon.start()
        rows = t.wait_for("3 of 5 busy")
        assert not shows(rows, "No daemon")
        t.keys("7" if shows(rows, "7 Events") else "4")
        t.wait_for("the daemon is heard again")


def test_it_waits_for_a_daemon_that_is_not_there_yet(tmp_path):
    d = ScriptedDaemon(tmp_path / "control.sock", fixture("busy"))
    with Tmux(top(d), 80, 24) as t:
        t.wait_for("No daemon since")
        with d:
            t.wait_for("3 of 5 busy")


def test_a_daemon_of_another_protocol_is_named(daemon):
    daemon.hello = dict(daemon.hello, protocol=2, version="9.9.9")
    with Tmux(top(daemon), 80, 24) as t:
        rows = t.wait_for("no further try")
        assert "ccapid 9.9.9 speaks 2" in " ".join(rows)
        assert daemon.wait_called("hello")[0]["params"]["protocol"] == 1
        t.keys("q")
        wait_for(lambda: t.ask("pane_dead") == "1", "the end")


def test_a_resync_replaces_what_is_shown(daemon):
    with Tmux(top(daemon, "--view", "workers"), 120, 40) as t:
        t.wait_for("opus-5-5")
        daemon.tell("snapshot", dict(daemon.snapshot, at=now(), workers=daemon.snapshot["workers"][:1], lost=41))
        t.wait_for(lambda rows: shows(rows, "sonnet-4-5") and not shows(rows, "opus-5-5"))
        t.keys("7" if shows(t.screen(), "7 Events") else "4")
        t.wait_for("41 events were lost")


def test_nonsense_from_the_socket_is_survived(daemon):
    with Tmux(top(daemon), 120, 40) as t:
        t.wait_for("3 of 5 busy")
        daemon.raw(b'{"jsonrpc":"2.0","method":"event","params":{"seq":"x","topic":5,"data":[]}}\n')
        daemon.raw(b'{"jsonrpc":"2.0","method":"event","params":{"at":"x","topic":"stats","data":{"workers":{}}}}\n')
        daemon.raw(b"\x00\xff not JSON\n")
        t.wait_for(lambda rows: daemon.hellos >= 2, "it to connect again")
        t.wait_for("3 of 5 busy")


# ---- a terminal citizen


def test_a_storm_of_sizes_ends_in_a_sound_screen(daemon):
    with Tmux(top(daemon), 80, 24) as t:
        t.wait_for("3 of 5 busy")
        for i in range(60):
            t.resize(20 + i * 37 % 140, 5 + i * 17 % 50)
            if i % 7 == 0:
                t.keys(str(1 + i % 8))
        t.resize(30, 8)
        t.wait_for("small")
        t.keys("1")
        t.resize(120, 40)
        rows = t.wait_for(lambda rows: shows(rows, "3 of 5 busy") and len(rows) == 40 and rows[-1].endswith("quit"))
        assert rows[0].startswith(" ccapid 0.1.0") and rows[0].endswith("UTC")
        assert t.ask("alternate_on") == "1"


def test_what_others_wrote_on_the_screen_is_mended(daemon):
    with Tmux(top(daemon, "--view", "help"), 80, 24) as t:
        t.wait_for("Everywhere")
        tty = t.ask("pane_tty")
        with open(tty, "wb", buffering=0) as f:
            f.write(b"\x1b[5;5Hrubbish from elsewhere")
        t.wait_for("rubbish")
        t.keys("C-l")
        t.wait_for(lambda rows: not shows(rows, "rubbish"))


@pytest.mark.parametrize("how, status", [(b"q", 0), (b"\x03", -signal.SIGINT), (signal.SIGTERM, -signal.SIGTERM),
                                         (signal.SIGHUP, -signal.SIGHUP)])
def test_the_terminal_is_given_back(daemon, how, status):
    with Pty(top(daemon)) as p:
        p.wait_for(b"sonnet-4-5")
        assert not p.is_sane()
        start = len(p.output())
        if isinstance(how, bytes):
            p.send(how)
        else:
            os.kill(p.process.pid, how)
        assert p.exit_status() == status
        assert p.is_sane() and LEFT in p.output()[start:]


def test_it_stops_and_goes_on(daemon):
    with Pty(top(daemon)) as p:
        p.wait_for(b"sonnet-4-5")
        p.send(b"\x1a")
        p.wait_stopped()
        assert p.is_sane()
        start = len(p.output())
        os.kill(p.process.pid, signal.SIGCONT)
        p.wait_for(b"sonnet-4-5", start)
        p.send(b"q")
        assert p.exit_status() == 0 and p.is_sane()


def test_nothing_that_others_chose_controls_the_terminal(daemon):
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
    daemon.snapshot["workers"][0].update(project=evil, state=evil, model=evil, request=evil, version=evil)
    daemon.snapshot["status"].update(listen=[evil], version=evil)
    daemon.snapshot["status"]["pool"].update(login=evil, cli_version=evil, mode=evil)
    daemon.snapshot["logs"][2].update(message=evil + "end-of-log", area=evil)
    daemon.answers["budgets.list"]["budgets"][0].update(project=evil, window=evil)
    daemon.answers["usage"] = RpcError(-32603, evil + "end-of-error")
    with Pty(top(daemon), 160, 50) as p:
        p.wait_for(b"end-of-log")
        p.wait_for(b"end-of-error")
        for keys in (b"2", b"3", b"7", b"8", b"4"):
            p.send(keys)
        p.send(b"?")
        p.wait_for(b"Everywhere")
        out = p.output()
        for sequence in (b"\x1b]0;", b"\x1b[2J\x9b", b"\xc2\x9b", "\u202e".encode()):
            assert sequence not in out
        p.send(b"q")
        # The error wants to be read, but does not take the key.
        assert p.exit_status() == 0
