"""ccapictl chat: text as it comes, the facts behind it, and cancelling."""
import json
import signal

import pytest

from ctl_support import HOSTILE, Running, clean, control, ctl, wait_for  # noqa: F401 - control is a fixture
from fake_control import NOTHING, REFUSED, Fault, request


def speaks(*parts, then=None, **result):
    def answer(conn, params):
        for part in parts:
            conn.push("chat.text", {"text": part})
        return then or {"text": "".join(parts), "finish_reason": "stop", "request": request(), **result}
    return answer


def test_text_goes_to_stdout_and_the_facts_to_stderr(control):
    control.answer("chat", speaks("Hel", "lo\n\tyou"))
    r = ctl(control, "chat", "say hello", "--model", "opus", "--project", "p", "--max-tokens", "1k")
    assert r.stdout == "Hello\n\tyou\n"
    assert r.stderr == ("claude-opus-5-5 (auto:design)   in 12,204, out 803 tokens   $0.071   queued 0.31 s, first token 1.92 s, "
                        "in all 21.50 s   req_1\n")
    assert control.asked("chat") == [{"text": "say hello", "model": "opus", "project": "p", "max_tokens": 1000}]


def test_quietly_there_is_only_the_text_and_as_json_only_the_result(control):
    control.answer("chat", speaks("Hello\n"))
    r = ctl(control, "chat", "x", "--quiet")
    assert (r.stdout, r.stderr) == ("Hello\n", "")
    r = ctl(control, "chat", "x", "--json")
    assert json.loads(r.stdout)["text"] == "Hello\n" and r.stderr == "" and r.stdout.count("\n") == 1


def test_an_answer_that_does_not_come_in_parts_is_printed_whole(control):
    control.answer("chat", {"text": "Hello", "finish_reason": "length", "request": request(model=None)})
    r = ctl(control, "chat", "x")
    assert r.stdout == "Hello\n" and "the answer ended early: length" in r.stderr


def test_text_is_printed_as_it_comes(control):
    control.answer("chat", NOTHING)
    with Running(control, "chat", "x") as s:
        control.wait_for_request("chat")
        control.push("chat.text", {"text": "one\n"})
        assert s.line() == "one"
        control.push("chat.text", {"text": f"two {HOSTILE}\n"})
        assert s.line().startswith("two ?[2J?]0;x?")


def test_an_error_after_a_part_of_the_text_begins_a_line(control):
    control.answer("chat", speaks("Hel", then=Fault(REFUSED, "the worker died", hint="try again")))
    r = ctl(control, "chat", "x", check=1)
    assert r.stdout == "Hel\n" and r.stderr == "ccapictl: the worker died\n  try again\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_connection_which_cancels(control, number):
    control.answer("chat", NOTHING)
    with Running(control, "chat", "x") as s:
        control.wait_for_request("chat")
        control.push("chat.text", {"text": "Hel\n"})
        assert s.line() == "Hel"
        s.interrupt(number)
        code, _, err = s.end()
        # A shell sees that it was interrupted, and ends its loop.
        assert code == -number and "cancelled" in err
    control.wait_until_alone()


def test_a_reader_that_goes_cancels(control):
    control.answer("chat", NOTHING)
    with Running(control, "chat", "x") as s:
        control.wait_for_request("chat")
        s.process.stdout.close()
        s.process.stdout = None
        assert s.end()[0] == 1
    control.wait_until_alone()


def test_a_daemon_that_dies_is_told(control):
    control.answer("chat", NOTHING)
    with Running(control, "chat", "x") as s:
        control.wait_for_request("chat")
        control.die()
        code, _, err = s.end()
        assert code == 3 and "closed the connection" in err


def test_hostile_text_does_no_harm(control):
    control.answer("chat", speaks(HOSTILE, HOSTILE))
    r = ctl(control, "chat", "x")
    assert clean(r.stdout.replace("\n", "")) and clean(r.stderr)
