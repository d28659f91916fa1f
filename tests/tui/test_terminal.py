"""The terminal layer in real terminals, by a small application on it (term_demo.c)."""

import base64
import os
import re
import shlex
import signal
import subprocess
import termios

import pytest

from terminal import BIN, SIGNALS_THAT_END, Pty, Tmux, environment, wait_for

DEMO = BIN / "term_demo"
ENTERED = b"\x1b[?1049h"  # the alternate screen
LEFT = b"\x1b[?1049l"
LEAVING = [LEFT, b"\x1b[?1000l", b"\x1b[?1006l", b"\x1b[?2004l", b"\x1b[8h"]  # all that was set is taken back
HINTS = b"filter"  # drawn last of all
SANITIZED = "asan" in str(BIN)  # a sanitizer turns faults into exits of its own


def snapshot(columns, rows, *flags):
    out = subprocess.run([DEMO, "--snapshot", f"{columns}x{rows}", *flags], env=environment(), check=True,
                         stdout=subprocess.PIPE).stdout.decode()
    return [row.rstrip() for row in out.split("\n")[:-1]]


def demo_with_pid(directory):
    """For a shell: runs it in the foreground, its number in the file pid."""
    return "sh -c " + shlex.quote(f"echo $$ >{directory}/pid; exec {shlex.quote(str(DEMO))}")


def without_event(rows):
    """The first row ends with the last event."""
    return rows[1:]


def started(*flags, columns=80, rows=24, **env):
    p = Pty([DEMO, *flags], columns, rows, environment(**env))
    p.wait_for(HINTS)
    return p


# ---- the terminal is given back


@pytest.mark.parametrize("key, status", [(b"q", 0), (b"E", 3), (b"X", -signal.SIGSEGV), (b"A", -signal.SIGABRT),
                                         (b"\x03", -signal.SIGINT), (b"\x1c", -signal.SIGQUIT)])
def test_every_way_out_by_key_restores_the_terminal(key, status):
    with started() as p:
        assert not p.is_sane()
        start = len(p.output())
        p.send(key)
        if SANITIZED and key == b"X":
            assert p.exit_status() != 0
        else:
            assert p.exit_status() == status
        assert p.is_sane()
        for sequence in LEAVING:
            assert sequence in p.output()[start:]


@pytest.mark.parametrize("signo", SIGNALS_THAT_END)
def test_every_signal_that_ends_it_restores_the_terminal(signo):
    with started() as p:
        start = len(p.output())
        os.kill(p.process.pid, signo)
        assert p.exit_status() == -signo or (SANITIZED and p.process.returncode != 0)
        assert p.is_sane()
        out = p.output()[start:]
        for sequence in LEAVING:
            assert sequence in out
        assert b"\x1b[?25h" in out


@pytest.mark.parametrize("how", ["q", signal.SIGTERM, signal.SIGSEGV, "stop"])
def test_a_shell_finds_its_terminal_as_it_was(how, tmp_path):
    """Told by stty and by tmux's own view of the screen, cursor, mouse and paste modes."""
    script = (f"echo before; stty -a >{tmp_path}/before; {demo_with_pid(tmp_path)}; "
              f"echo ended; stty -a >{tmp_path}/after; exec cat")
    with Tmux(["bash", "--norc", "-c", "set -m; " + script]) as t:
        t.wait_for("filter")
        assert t.ask("alternate_on") == "1" and t.ask("mouse_standard_flag") == "1" and t.ask("cursor_flag") == "0"
        pid = int((tmp_path / "pid").read_text())
        if how == "q":
            t.keys("q")
        elif how == "stop":
            t.keys("C-z")
        else:
            os.kill(pid, how)
        t.wait_for("ended")
        wait_for(lambda: t.ask("pane_current_command") == "cat", "the script to be over")
        assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()
        assert t.ask("alternate_on") == "0"
        assert t.ask("cursor_flag") == "1"
        assert t.ask("mouse_any_flag") == "0" and t.ask("mouse_sgr_flag") == "0"
        assert t.screen()[0] == "before"
        if how == "stop":
            os.kill(pid, signal.SIGKILL)


def test_a_stop_gives_the_terminal_away_and_continuing_takes_it_again():
    with started() as p:
        for key in (b"\x1a", b"z"):  # by the terminal, by itself
            start = len(p.output())
            p.send(key)
            p.wait_stopped()
            assert p.is_sane()
            for sequence in LEAVING:
                assert sequence in p.output()[start:]
            start = len(p.output())
            os.kill(p.process.pid, signal.SIGCONT)
            for sequence in (ENTERED, b"\x1b[?1006h", HINTS):  # the mouse may come after the screen
                p.wait_for(sequence, start)
            assert not p.is_sane()
        p.send(b"q")
        assert p.exit_status() == 0 and p.is_sane()


def test_a_stop_without_warning_is_repaired_when_it_continues():
    with started() as p:
        os.kill(p.process.pid, signal.SIGSTOP)
        p.wait_stopped()
        termios.tcsetattr(p.slave, termios.TCSANOW, p.modes)  # as a shell would
        start = len(p.output())
        os.kill(p.process.pid, signal.SIGCONT)
        assert ENTERED in p.wait_for(HINTS, start)[start:]
        p.send(b"q")  # is read at once: the modes are ours again
        assert p.exit_status() == 0 and p.is_sane()


def test_the_size_is_right_after_a_stop_during_which_it_changed():
    with started() as p:
        p.send(b"\x1a")
        p.wait_stopped()
        p.resize(60, 15)
        start = len(p.output())
        os.kill(p.process.pid, signal.SIGCONT)
        p.wait_for(b"size 60x15", start)


@pytest.mark.parametrize("controlling", [True, False])
def test_a_hang_up_ends_it(controlling):
    """By its signal, or where there is none because the terminal is nobody's, by what reading says."""
    with Pty([DEMO], controlling=controlling) as p:
        p.wait_for(HINTS)
        p.close()
        assert p.exit_status() == -signal.SIGHUP


@pytest.mark.parametrize("signo", [signal.SIGTSTP, signal.SIGSTOP])
def test_in_the_background_it_leaves_the_terminal_alone(signo, tmp_path):
    script = f"{demo_with_pid(tmp_path)}; echo stopped; sleep 1000"
    with Pty(["bash", "--norc", "-c", "set -m; " + script]) as p:
        p.wait_for(HINTS)
        pid = int((tmp_path / "pid").read_text())
        os.kill(pid, signo)
        p.wait_for(b"stopped")
        start, stat = len(p.output()), f"/proc/{pid}/stat"
        ran = cpu_of(stat)
        os.kill(pid, signal.SIGCONT)
        wait_for(lambda: cpu_of(stat) != ran and state_of(stat) == "T", "it to be stopped again")
        assert p.output()[start:] == b""
        assert p.is_sane() == (signo == signal.SIGTSTP)  # nobody put it back before a SIGSTOP
        os.kill(pid, signal.SIGKILL)


def state_of(stat):
    return open(stat).read().rsplit(")", 1)[1].split()[0]


def cpu_of(stat):
    """How often it was given the processor: grows when it runs at all."""
    return open(stat.replace("stat", "schedstat")).read().split()[2]


@pytest.mark.parametrize("flags, words", [({"stdout": subprocess.PIPE}, "standard output is not a terminal"),
                                          ({"stdin": subprocess.DEVNULL}, "standard input is not a terminal")])
def test_what_is_no_terminal_is_an_error(flags, words):
    with Pty(["sleep", "1000"]) as p:
        streams = {"stdin": p.slave, "stdout": p.slave, **flags}
        r = subprocess.run([DEMO], env=environment(), stderr=subprocess.PIPE, **streams)
        assert r.returncode == 1
        assert words in r.stderr.decode()
        assert p.output() == b"" and p.is_sane()


@pytest.mark.parametrize("term, words", [("nonesuch", "TERM=nonesuch: unknown terminal"), (None, "TERM is not set"),
                                         ("dumb", "TERM=dumb: cannot place the cursor")])
def test_a_terminal_that_is_unknown_or_cannot_do_it_is_an_error(term, words):
    with Pty([DEMO], env=environment(TERM=term)) as p:
        assert p.exit_status() == 1
        assert words in p.output().decode()
        assert p.is_sane()


# ---- what is shown


def test_the_screen_is_the_snapshot():
    with Tmux([DEMO]) as t:
        rows = t.wait_for("filter")
        assert without_event(rows) == without_event(snapshot(80, 24))
        assert any("日本語 テキスト" in row for row in rows)
        assert any("cafe\u0301 na\u00efve" in row for row in rows)
        assert t.ask("pane_title") != "title"  # a row wanted to set it


def test_a_storm_of_sizes_ends_in_the_right_screen():
    with Tmux([DEMO]) as t:
        t.wait_for("filter")
        for i in range(40):
            t.resize(20 + i * 37 % 150, 5 + i * 11 % 50)
        for columns, rows in [(120, 40), (40, 10), (80, 24)]:
            t.resize(columns, rows)
            want = without_event(snapshot(columns, rows))
            t.wait_for(lambda screen: without_event(screen) == want, f"the screen of {columns}x{rows}")
        t.resize(39, 9)
        t.wait_for("39x9, needs 40x10")
        t.resize(80, 24)
        t.wait_for("filter")


def test_ascii_alone_is_written_when_asked_for_and_where_the_locale_has_no_more():
    for flags, env in [(["--ascii"], {}), ([], {"LC_ALL": "C"}), ([], {"LC_ALL": "POSIX"})]:
        with started(*flags, **env) as p:
            p.send(b"3")
            out = p.wait_for(b"####")
            assert all(byte < 0x80 for byte in out)
    with started() as p:
        assert any(byte >= 0x80 for byte in p.output())


COLOUR = re.compile(rb"\x1b\[[0-9;]*\b(3[0-7]|38;5;\d+|9[0-7])m")


@pytest.mark.parametrize("env, want", [({"TERM": "xterm-256color"}, rb"\x1b\[38;5;35m"),
                                       ({"TERM": "xterm-256color", "NO_COLOR": ""}, rb"\x1b\[38;5;35m"),
                                       ({"TERM": "linux"}, rb"\x1b\[32m"), ({"TERM": "screen"}, rb"\x1b\[32m")])
def test_colours_are_those_of_the_terminal(env, want):
    with started(**env) as p:
        assert re.search(want, p.output()), p.output()


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "vt100"}, {"TERM": "xterm-mono"}])
def test_without_colours_bold_and_reverse_tell_it(env):
    with started(**env) as p:
        out = p.output()
        assert not COLOUR.search(out), COLOUR.search(out)
        assert re.search(rb"\x1b\[([0-9;]*;)?7m", out)
        assert b"\x1b[1m" in out or b";1m" in out
        p.send(b"q")
        assert p.exit_status() == 0 and p.is_sane()


def test_a_vt100_gets_nothing_that_it_does_not_know():
    with started(TERM="vt100") as p:
        p.send(b"q")
        assert p.exit_status() == 0
        assert not re.search(rb"\x1b\[\?(1000|1006|2004|1049)|\x1b\]|\x1b\[8[hl]", p.output())
        assert p.is_sane()


def test_no_byte_is_written_while_nothing_changes():
    with started("--ticks", "5") as p:
        p.send(b"j")
        p.wait_for(b"key 6a.0")
        before = p.loops()
        wait_for(lambda: p.loops() > before + 20, "the last frame to be over")
        seen, before = len(p.output()), p.loops()
        wait_for(lambda: p.loops() > before + 300, "more ticks")
        assert p.output()[seen:] == b""


def test_little_is_written_when_little_changes():
    with started() as p:
        before = p.loops()
        wait_for(lambda: p.loops() > before or p.output().endswith(b"sort"), "the first screen")
        whole = len(p.output())
        p.send(b"j")
        p.wait_for(b"key 6a.0", whole)
        assert len(p.output()) - whole < whole // 2


# ---- what is typed


def test_a_pasted_text_is_no_keys():
    with started() as p:
        p.send(b"\x1b[200~q\rqE\x1b[201~")
        p.wait_for(b"paste 4")
        p.send(b"q")
        assert p.exit_status() == 0
    with Tmux([DEMO]) as t:
        t.wait_for("filter")
        t.keys("/")
        t.wait_for("9 of 9")
        t.paste("qEanal\nyzer")
        t.wait_for("/qEanal yzer")
        t.wait_for("0 of 9")


def test_keys_arrive_in_every_form(tmp_path):
    forms = [(b"\x1b[A", "110004.0"), (b"\x1bOB", "110005.0"), (b"\x1b[1;5C", "110007.4"), (b"\x1b[H", "110008.0"),
             (b"\x1b[4~", "110009.0"), (b"\x1b[5~", "11000a.0"), (b"\x1bOP", "11000e.0"), (b"\x1b[24~", "110019.0"),
             (b"\x1b[Z", "110001.1"), (b"\x1bx", "78.2"), (b"\x12", "72.4"), ("é".encode(), "e9.0"),
             ("日".encode(), "65e5.0"), (b"\x7f", "110003.0"), (b"\x13", "73.4")]
    with started("--events", tmp_path / "events") as p:
        p.send(b"".join(data for data, _ in forms))
        want = "".join(f"key {name}\n" for _, name in forms)
        wait_for(lambda: (tmp_path / "events").read_text() == want, lambda: (tmp_path / "events").read_text())
        assert p.process.poll() is None


def test_escape_alone_is_a_key():
    with Tmux([DEMO]) as t:
        t.wait_for("filter")
        t.keys("/", "chat")
        t.wait_for("1 of 9")
        t.keys("Escape")
        t.wait_for(lambda rows: not any("of 9" in row for row in rows), "the filter to be gone")


def test_the_mouse_selects_sorts_and_scrolls():
    with started(rows=12) as p:
        p.send(b"\x1b[<0;10;6M\x1b[<0;10;6m")
        p.wait_for(b"mouse 0 at 9,5")
        p.send(b"\r")
        p.wait_for(b"detail of w3")
        p.send(b"\x1b[<65;10;6M")
        p.wait_for(b"mouse 4 at 9,5")


def test_copying_writes_one_bounded_sequence_and_fails_where_there_is_none():
    with started() as p:
        p.send(b"jy")
        p.wait_for(b"\x1b]52;c;" + base64.b64encode(b"w2") + b"\x07")
        p.wait_for(b"copied w2")
    with started(TERM="vt100") as p:
        p.send(b"y")
        p.wait_for(b"no clipboard")
        assert b"\x1b]52" not in p.output()


def test_forms_and_questions_work_in_a_terminal():
    with Tmux([DEMO], columns=60, rows=16) as t:
        t.wait_for("filter")
        t.keys("n")
        t.wait_for("of the project")
        assert t.ask("cursor_flag") == "1"
        t.keys("Enter")
        t.wait_for("Name: is needed")
        t.keys("-l", "日本")
        t.keys("BSpace")
        t.keys("Enter")
        t.wait_for("created 日")
        assert t.ask("cursor_flag") == "0"
        t.keys("d")
        t.wait_for("This cannot be")
        t.keys("y")
        t.wait_for("deleted")


def test_an_error_stays_until_it_is_read_and_cannot_reach_the_terminal():
    with Tmux([DEMO]) as t:
        t.wait_for("filter")
        t.keys("e")
        t.wait_for("it failed: \u241b[31mred\u2407")
        t.keys("j")
        t.keys("y")
        t.wait_for("it failed")
        t.keys("Escape")
        t.wait_for(lambda rows: not any("it failed" in row for row in rows), "the error to be gone")
