"""Who speaks which protocol, as ccapictl and a scripted server tell each other."""
import re

import pytest

from ctl_support import FakeControl, control, ctl, environment  # noqa: F401 - control is a fixture
from fake_control import METHOD_NOT_FOUND, NOTHING, VERSION, Fault, as_line, queue

PAUSED = {"pause": queue(paused=True)}


def own_version():
    return ctl(None, "--version").stdout.split()[1]


def test_ccapictl_says_who_it_is(control):
    control.answer("pause", queue())
    ctl(control, "pause")
    assert control.asked("hello") == [{"protocol": 1, "name": "ccapictl", "version": own_version()}]
    assert [method for method, _ in control.requests] == ["hello", "pause"]


@pytest.mark.parametrize("protocol,cure", [(2, "upgrade ccapictl: the daemon is newer"), (0, "older than ccapictl: systemctl restart ccapid")])
@pytest.mark.parametrize("words", ["pause", "events", "requests tail", "logs -f", "chat x", "login"])
def test_another_number_is_told_with_both_versions_and_the_cure(protocol, cure, words):
    with FakeControl(hello={"protocol": protocol, "version": "7.8.9"}, answers=PAUSED) as control:
        r = ctl(control, *words.split(), check=1)
        assert r.stdout == ""
        assert f"ccapid 7.8.9 (pid 4711) speaks protocol {protocol} of the control socket" in r.stderr
        assert f"ccapictl {own_version()} speaks 1" in r.stderr and cure in r.stderr
        # So that the daemon's log has it too; nothing else is asked.
        control.wait_for_request("hello")
        assert [method for method, _ in control.requests] == ["hello"]


def test_a_daemon_that_refuses_the_number_is_believed(control):
    control.answer("hello", Fault(VERSION, "ccapictl 9 speaks protocol 2 of the control socket, ccapid 1 speaks 1",
                                  hint="restart ccapid: it has been upgraded"))
    r = ctl(control, "pause", check=1)
    assert r.stderr == ("ccapictl: ccapictl 9 speaks protocol 2 of the control socket, ccapid 1 speaks 1\n"
                        "  restart ccapid: it has been upgraded\n")
    assert not control.asked("pause")


def test_a_daemon_from_before_the_method_is_well(control):
    control.answer("hello", Fault(METHOD_NOT_FOUND, "there is no method 'hello'"))
    control.answer("pause", queue())
    ctl(control, "pause")


def test_a_daemon_that_hangs_up_at_the_hello_is_unreachable():
    with FakeControl(answers={"hello": lambda conn, params: (conn.close(), NOTHING)[1]}) as control:
        assert "closed the connection" in ctl(control, "pause", check=3).stderr


def test_a_full_house_is_told():
    first = as_line({"jsonrpc": "2.0", "id": None, "error": {"code": -32006, "message": "too many connections"}})
    with FakeControl(first=first) as control:
        assert "too many connections" in ctl(control, "events", check=3).stderr
        assert not control.asked("hello")


@pytest.mark.parametrize("words", ["status", "events", "requests tail", "logs", "logs -f", "chat x", "login", "workers list"])
def test_no_daemon_is_3_and_says_what_to_look_at(words):
    r = ctl(None, *words.split(), "--socket", "/nonexistent/c.sock", check=3)
    assert r.stdout == "" and "/nonexistent/c.sock" in r.stderr
    assert "ccapictl doctor" in r.stderr and re.search("systemctl status ccapid", r.stderr)
