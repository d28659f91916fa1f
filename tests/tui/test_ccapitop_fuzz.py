"""A daemon that has lost its mind: what it says is mutated at random (types, members, numbers beyond all bounds, texts that
try to speak to the terminal) while keys are hit and the size changes.  ccapitop must live and write nothing but what it
means to.  Best run with the asan programs.  CCAPI_FUZZ_SEED repeats a run; CCAPI_LONG=1 makes it a minute."""

import copy
import os
import random
import re
import signal
import threading
import time

import pytest

from harness import LONG
from scripted_daemon import RpcError, ScriptedDaemon, fixture, now
from terminal import BIN, Pty, environment, wait_for

ROUNDS = 12 if LONG else 2
SECONDS = 5.0

HOSTILE = ["\x1b]0;owned\x07", "\x1b[2J\x1b[H", "\x9b31m", "\u202eabc\u2066", "\u200f\u200b\ufeff", "\x7f\x08\x08",
           "line\nbreak\r\ttab", "e\u0301\u0302\u0303" * 50, "\U0001f469\u200d\U0001f469\u200d\U0001f466\U0001f3f3\ufe0f",
           "漢字" * 3000, "A" * 10240, "%s%n%d%999999d", "", "\U0010ffff\ue000"]
NUMBERS = [0, -1, 2**31, 2**53, 2**63 - 1, -(2**63), 1e308, -1e308, 1e-300, 0.5, -0.0, 1e18]
WORDS = ["2026-11-24T14:01:58.120Z", "9999-99-99T99:99:99.999Z", "0000-00-00T00:00:00Z", "rolling:24h", "rolling:", "ended",
         "queued", "running", "busy", "gone", "ok", "rejected", "warning", "paused", "not_ready", "error"]
OTHERS = [None, True, False, [], {}, [[]], [None], {"x": 1}]
# What reaches the terminal only if it was let through.
MARKS = [b"\x1b]0;", b"\x07", b"\x7f", b"\xc2\x9b"] + [c.encode() for c in "\u202e\u2066\u200f\u200b\ufeff"]
CONTROL = re.compile(rb"[\x00-\x06\x0b\x0c\x10-\x1a\x1c-\x1f]")  # what terminfo's sequences are not made of

KEYS = [b"12345678"[i : i + 1] for i in range(8)] + [k.encode() for k in "jkGgsS/ ?cwybrxnXReod+-tfvPhl"] + [
    b"\t", b"\x1b[Z", b"\r", b"\x1b", b"\x0c", b"\x1b[A", b"\x1b[B", b"\x1b[5~", b"\x1b[6~", b"\x1b[<0;5;5M",
    b"\x1b[<65;10;10M", b"\x1b[200~pasted \x1b]0;x\x07\x1b[201~", "\U0001f600".encode(), b"\x7f", b"\x15", b"hello"]
SIZES = [(1, 1), (2, 200), (39, 9), (40, 10), (80, 24), (120, 40), (300, 60), (1000, 5)]


class Mind:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def text(self):
        return "".join(self.r.choice(HOSTILE) for _ in range(self.r.choice([1, 1, 3])))

    def value(self):
        kind = self.r.choice([self.text, self.text, lambda: self.r.choice(NUMBERS), lambda: self.r.choice(WORDS),
                              lambda: copy.deepcopy(self.r.choice(OTHERS))])
        return kind()

    def places(self, x):
        """Every (container, key) within."""
        found = []
        for key in list(x) if isinstance(x, dict) else range(len(x)) if isinstance(x, list) else []:
            found += [(x, key)] + self.places(x[key])
        return found

    def mutate(self, x, times):
        x = copy.deepcopy(x)
        for _ in range(times):
            places = self.places(x)
            if not places:
                break
            container, key = self.r.choice(places)
            if self.r.random() < 0.2:
                del container[key]
            elif self.r.random() < 0.1 and isinstance(container, list):
                container.extend(copy.deepcopy(container[:20]))
            else:
                container[key] = self.value()
        return x

    def hostile(self, x):
        """Other texts throughout, times excepted."""
        if isinstance(x, dict):
            return {k: self.hostile(v) for k, v in x.items()}
        if isinstance(x, list):
            return [self.hostile(v) for v in x]
        return self.text() if isinstance(x, str) and not re.match(r"\d{4}-\d\d-\d\dT", x) else x


def scenario(mind):
    """A fixture that is odd, and yet one with which the link comes to stand."""
    good = fixture("busy")
    odd = mind.mutate(good, mind.r.choice([3, 20, 100]))
    odd = mind.hostile(odd) if mind.r.random() < 0.5 else odd
    for member in ("hello", "snapshot", "answers"):
        if not isinstance(odd.get(member), dict):
            odd[member] = good[member]
    odd["hello"] = dict(good["hello"], pid=mind.value())
    if not isinstance(odd["snapshot"].get("status"), dict):
        odd["snapshot"]["status"] = good["snapshot"]["status"]
    return odd


def happenings(good):
    row = good["snapshot"]["requests"]["live"][0]
    change = {"action": "set", "subject": "x", "scope": "project", "healthy": False, "detail": "d"}
    return {"request": {"change": "ended", "request": dict(row, state="ended", outcome="timeout", number=7)},
            "worker": good["snapshot"]["workers"][0], "stats": good["stats"]["data"],
            "queue": good["snapshot"]["status"]["queue"], "plan": good["snapshot"]["status"]["plan"],
            "log": {"at": now(), "level": "error", "area": "x", "message": "m", "fields": {"a": 1, "cost_usd": 1e-6}},
            "service": {"state": "not_ready", "health": "x", "detail": "d", "mend": "m"},
            **{t: change for t in ("budget", "key", "project", "limit", "override", "store", "redis", "reload")}}


def rave(mind, daemon, pty):
    good = happenings(fixture("busy"))
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and pty.process.poll() is None:
        for _ in range(mind.r.randrange(1, 10)):
            topic = mind.r.choice(list(good))
            data = mind.mutate(good[topic], mind.r.choice([0, 1, 2, 8]))
            daemon.event(topic, mind.hostile(data) if mind.r.random() < 0.3 else data)
        if mind.r.random() < 0.05:
            daemon.tell("snapshot", dict(mind.mutate(daemon.snapshot, 10), at=now(), lost=mind.value()))
        if mind.r.random() < 0.1:
            pty.resize(*mind.r.choice(SIZES))
        pty.send(mind.r.choice(KEYS))
        time.sleep(0.01)


def check(output):
    output = re.sub(rb"\x1b\]52;c;[A-Za-z0-9+/=]*\x07", b"", output)  # an id that was copied
    for what in MARKS:
        at = output.find(what)
        assert at < 0, output[max(0, at - 80) : at + 80]
    found = CONTROL.search(output)
    assert not found, output[max(0, found.start() - 80) : found.start() + 80]
    output.decode()  # nothing was cut in the middle of a character


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_daemon_without_its_mind_is_survived(tmp_path, number):
    seed = int(os.environ.get("CCAPI_FUZZ_SEED", random.randrange(1 << 32)))
    print(f"CCAPI_FUZZ_SEED={seed}")
    mind = Mind(seed)
    odd = scenario(mind)
    env = environment(**mind.r.choice([{}, {"LC_ALL": "C"}, {"TERM": "vt100"}, {"NO_COLOR": "1"}]))
    env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
    with ScriptedDaemon(tmp_path / "control.sock", odd, figures=False) as daemon:
        for method in ("requests.cancel", "workers.restart", "workers.scale", "pause", "keys.create", "budgets.set"):
            daemon.answers[method] = mind.r.choice([mind.value(), RpcError(-32602, mind.text(), mind.text(), mind.text())])
        with Pty([BIN / "ccapitop", "--socket", daemon.path], 120, 40, env) as pty:
            daemon.wait_called("subscribe")
            reading = threading.Event()
            reader = threading.Thread(target=lambda: [pty.output() or time.sleep(0.005) for _ in iter(reading.is_set, True)])
            reader.start()  # so that neither waits for the other
            try:
                rave(mind, daemon, pty)
                assert pty.process.poll() is None, bytes(pty.seen)[-3000:]
                pty.process.send_signal(signal.SIGTERM)
                wait_for(lambda: pty.process.poll() is not None, "it to end")
            finally:
                reading.set()
                reader.join()
            assert pty.exit_status() == -signal.SIGTERM and pty.is_sane(), bytes(pty.seen)[-3000:]
            check(pty.output())


def test_the_check_of_what_is_written_sees_what_it_should():
    for bad in (b"a\x1b]0;x", b"a\x07", "\u202e".encode(), b"\x00", b"\x0c"):
        with pytest.raises(AssertionError):
            check(b"sound " + bad)
    check("\x1b[1;1H\x1b[0m sound \r\n 漢".encode())
