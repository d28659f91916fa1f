"""Commands that go on until they are interrupted: events, requests tail, logs -f."""
import fcntl
import json
import os
import signal
import struct
import termios

import pytest

from ctl_support import HOSTILE, Running, clean, control, ctl, environment, wait_for  # noqa: F401 - control is a fixture
from fake_control import INVALID_PARAMS, NOT_PERMITTED, Fault, log_line, request

STREAMS = ["events", "requests tail", "logs -f"]


def start(control, words, *more, **kw):
    """A stream that has subscribed and answered all it had to."""
    control.answer("logs", {"logs": []})
    running = Running(control, *words.split(), *more, **kw)
    control.wait_for_subscriber()
    if words.startswith("logs"):
        control.wait_for_request("logs")
    return running


def ended(control, identity="req_1", **changes):
    control.event("request", {"change": "ended", "request": request(identity, **changes)})


# ---- events


def test_events_are_lines_of_json(control):
    with start(control, "events") as s:
        sent = [control.event("queue", {"waiting": 1}), control.event("worker", {"id": 2, "why": HOSTILE})]
        lines = [s.line(), s.line()]
        assert [json.loads(line) for line in lines] == sent
        assert all(clean(line) for line in lines)
        s.interrupt()
        assert s.end() == (0, "", "")
    assert control.asked("subscribe") == [{}]


def test_events_of_topics(control):
    with start(control, "events", "--topic", "queue,plan", "--topic", "key") as s:
        assert control.asked("subscribe") == [{"topics": ["queue", "plan", "key"]}]
        control.event("worker", {})
        sent = control.event("plan", {"status": "allowed"})
        assert json.loads(s.line()) == sent
    assert "did you mean" in ctl(None, "events", "--topics", "x", check=2).stderr
    assert "--topic must be" in ctl(None, "events", "--topic", "nonsense", check=2).stderr


def test_an_event_that_is_longer_than_any_buffer_comes_whole(control):
    with start(control, "events") as s:
        sent = [control.event("log", {"message": "x" * 200000}), control.event("queue", {})]
        assert [json.loads(s.line()), json.loads(s.line())] == sent


def test_a_snapshot_in_place_of_lost_events_is_one_line(control):
    with start(control, "events") as s:
        params = control.resync(lost=41)
        assert json.loads(s.line()) == {"snapshot": params}
        sent = control.event("queue", {})
        assert json.loads(s.line()) == sent and sent["seq"] == 42


def test_what_is_no_event_is_passed_over(control):
    with start(control, "events") as s:
        control.push("chat.text", {"text": "x"})
        control.push("event", 7)
        sent = control.event("queue", {})
        assert json.loads(s.line()) == sent


# ---- ends


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("words", STREAMS)
def test_a_signal_ends_a_stream_well(control, words, number):
    with start(control, words, "--quiet" if "tail" in words else "--json") as s:
        s.interrupt(number)
        assert s.end() == (0, "", "")
    control.wait_until_alone()


@pytest.mark.parametrize("words", STREAMS)
def test_the_end_of_the_daemon_is_told(control, words):
    with start(control, words) as s:
        control.die()
        code, _, err = s.end()
        assert code == 3 and "the daemon closed the connection" in err


@pytest.mark.parametrize("words", STREAMS)
def test_a_reader_that_goes_ends_a_stream_without_an_event(control, words):
    read_end, write_end = os.pipe()
    with start(control, words, stdout=write_end) as s:
        os.close(write_end)
        os.close(read_end)
        code, _, err = s.end()
        assert (code, err) == (0, "")
    control.wait_until_alone()


def test_a_reader_that_takes_nothing_does_not_keep_the_stream_from_ending(control):
    read_end, write_end = os.pipe()
    with start(control, "events", stdout=write_end) as s:
        os.close(write_end)
        fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, 4096)
        for _ in range(4):
            control.event("queue", {"padding": "x" * 3000})

        def waiting():
            return struct.unpack("i", fcntl.ioctl(read_end, termios.FIONREAD, bytes(4)))[0]

        wait_for(lambda: waiting() > 3000 or s.process.poll() is not None, "the pipe to be full")
        s.interrupt()
        assert s.end()[0] == 0
        os.close(read_end)


def test_output_that_cannot_be_written_is_a_failure(control):
    with open("/dev/full", "wb") as full, start(control, "events", stdout=full) as s:
        control.event("queue", {})
        code, _, err = s.end()
        assert code == 1 and "No space left" in err


def test_a_refusal_is_told(control):
    control.answer("subscribe", Fault(INVALID_PARAMS, "topics must be known", field="topics"))
    assert "must be known" in ctl(control, "events", check=2).stderr
    control.answer("subscribe", Fault(NOT_PERMITTED, "not you"))
    assert "not you" in ctl(control, "requests", "tail", check=4).stderr


# ---- requests tail


def test_a_line_for_each_request_that_has_ended(control):
    with start(control, "requests tail") as s:
        assert s.line().split() == ["ENDED", "OUTCOME", "PROJECT", "MODEL", "IN", "ALL", "IN", "OUT", "COST", "REQUEST", "ERROR"]
        control.event("request", {"change": "accepted", "request": request("req_0", state="queued", ended_at=None)})
        ended(control)
        ended(control, "req_2", outcome="timeout", error="too\nslow", project="x" * 30)
        assert s.line().split() == ["2026-11-24", "08:00:21.500", "ok", "analyzer", "claude-opus-5-5", "21.50", "s", "12,204",
                                    "803", "$0.071", "req_1"]
        second = s.line()
        assert "timeout" in second and "x" * 30 in second and second.endswith("req_2  too?slow")
    assert control.asked("subscribe") == [{"topics": ["request"]}]


def test_a_tail_of_one_project_as_json_and_quietly(control):
    with start(control, "requests tail --project p --json") as s:
        ended(control)
        ended(control, "req_2", project="p")
        ended(control, "req_3", project=None)
        ended(control, "req_4", project="p")
        assert [json.loads(s.line())["id"] for _ in range(2)] == ["req_2", "req_4"]
    with start(control, "requests tail -q") as s:
        control.wait_for_request("subscribe", 2)
        ended(control, "req_5")
        assert s.line() == "req_5"


def test_a_tail_says_what_it_has_missed(control):
    with start(control, "requests tail -q") as s:
        control.resync(lost=41)
        ended(control)
        assert s.line() == "req_1"
        s.interrupt()
        assert "41 events were lost" in s.end()[2]


# ---- logs


LINES = [log_line("ready", fields={"request_id": "req_1", "path": "/a b", "count": 7, "cost_usd": 3e-6, "ms": 2.5}),
         log_line("it \x1b[2Jfailed", level="error", area="control")]
TEXT = ['2026-11-24T08:00:00.000Z info  pool: ready request_id=req_1 path="/a b" count=7 cost_usd=0.000003 ms=2.5',
        "2026-11-24T08:00:00.000Z error control: it ?[2Jfailed"]


def test_logs_look_as_the_daemon_writes_them(control):
    control.answer("logs", {"logs": LINES})
    assert ctl(control, "logs").stdout.split("\n") == [*TEXT, ""]
    assert [json.loads(line) for line in ctl(control, "logs", "--json").stdout.splitlines()] == LINES
    ctl(control, "logs", "--lines", "7", "--level", "warn")
    assert control.asked("logs") == [{}, {}, {"lines": 7, "level": "warn"}]
    assert not control.asked("subscribe")


def test_lines_between_subscription_and_answer_are_shown_once_and_in_their_order(control):
    """Events wait for others: these come behind the answer.  It had no room for the first, and did not want the second."""
    older, detail, newer, after = (log_line(m, level=level) for m, level in
                                   (("older", "warn"), ("detail", "info"), ("newer", "warn"), ("after", "warn")))
    for n, line in enumerate((older, detail, newer, after)):
        line["at"] = f"2026-11-24T12:00:00.00{n}Z"
    control.answer("logs", {"logs": [newer]})
    with Running(control, "logs", "-f", "--json", "--level", "warn", "--lines", "1") as s:
        assert json.loads(s.line()) == newer
        for line in (older, detail, newer, after):
            control.event("log", line)
        assert json.loads(s.line()) == after
        s.interrupt()
        assert s.end() == (0, "", "")


def test_following_the_log_loses_and_doubles_nothing(control):
    first = log_line("first", level="error")

    def answer(conn, params):
        # The line comes as an event too, before and behind the answer.
        control.event("log", first)
        return {"logs": [first]}

    control.answer("logs", answer)
    with Running(control, "logs", "-f", "--level", "warn", "--lines", "1") as s:
        assert s.line() == "2026-11-24T08:00:00.000Z error pool: first"
        control.event("log", first)
        control.event("log", log_line("not wanted"))
        control.event("log", LINES[1])
        control.event("log", {"lost": 3})
        control.event("log", log_line("beware", level="warn"))
        assert s.line() == TEXT[1]
        assert s.line() == "2026-11-24T08:00:00.000Z warn  pool: beware"
        s.interrupt(signal.SIGTERM)
        assert s.end() == (0, "", "ccapictl: 3 lines of the log were lost\n")
    assert control.asked("subscribe") == [{"topics": ["log"]}]
    assert control.asked("logs") == [{"lines": 1, "level": "warn"}]


def test_a_line_that_repeats_itself_later_is_shown_again(control):
    control.answer("logs", {"logs": LINES[:1]})
    with Running(control, "logs", "--follow") as s:
        assert s.line() == TEXT[0]
        control.event("log", LINES[1])
        control.event("log", LINES[0])
        assert [s.line(), s.line()] == [TEXT[1], TEXT[0]]
