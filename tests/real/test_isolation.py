"""No request sees a byte of another one, on the real CLI: mixed requests of several projects, with errors, cancelled and
crashed ones in between, each marked by a word of its own.  Every body that upstream saw and every answer is looked at.

CCAPI_LONG=1 runs 500 requests instead of 120."""

from __future__ import annotations

import os
import queue
import random
import re
import signal
import threading
import uuid
from collections import Counter
from typing import Any, Callable, Dict, List, Optional

import pytest
from expect import assert_serves, assistant, dump, only_body, system_prompt, turns, user
from harness import LONG, Daemon, Stub, chat_body, wait_for

PROJECTS = ("red", "green", "blue")
LANES = 6
MARKER = re.compile(r"MARK[0-9a-f]{32}")
DEFAULT_PROMPT = "You are a helpful assistant."

# kind of request: (how often, directives for upstream)
KINDS: Dict[str, tuple[int, str]] = {
    "plain": (8, ""),
    "stream": (8, ""),
    "slow_stream": (3, "[[up:pace_ms=20]]"),
    "max_tokens": (3, "[[up:words=40]]"),
    "bad_request": (2, "[[up:status=400]]"),
    "throttled": (2, "[[up:status=429]]"),
    "failing": (2, "[[up:status=500]]"),
    "reset": (2, "[[up:reset=before_headers]]"),
    "dropped": (3, "[[up:reset=mid_stream]]"),
    "error_event": (2, "[[up:sse_error=overloaded_error]]"),
    "empty": (1, "[[up:empty]]"),
    "leaves_at_once": (3, "[[up:delay_ms=100]]"),
    "leaves_before_first_byte": (3, "[[up:stall=before_headers]]"),
    "leaves_mid_stream": (4, "[[up:pace_ms=2000]]"),
    "kills_a_worker": (2, "[[up:delay_ms=20]]"),
}

# Kinds whose answer may be anything but another one's: the worker that was killed may have been theirs.
ANSWERED = {"plain", "stream", "slow_stream", "max_tokens", "empty"}


class Request:
    """One marked conversation: what is asked, and what upstream must see of it."""

    def __init__(self, kind: str, dice: random.Random) -> None:
        self.kind = kind
        self.marker = f"MARK{uuid.UUID(int=dice.getrandbits(128)).hex}"
        self.project = dice.choice(PROJECTS)
        self.question = f"question of {self.marker} {KINDS[kind][1]}"
        self.system: Optional[str] = f"You serve {self.marker}." if dice.random() < 0.5 else None
        earlier = dice.choice((0, 0, 1, 3))
        self.messages: List[Dict[str, Any]] = [{"role": "system", "content": self.system}] if self.system else []
        self.expected: List[Dict[str, Any]] = []
        for n in range(earlier):
            asked, answered = f"earlier {n} of {self.marker}", f"answer {n} to {self.marker}"
            self.messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
            self.expected += [user(asked), assistant(answered)]
        self.messages.append({"role": "user", "content": self.question})
        self.expected.append(user(self.question))
        self.params: Dict[str, Any] = {"project_id": self.project, "model": dice.choice(("haiku", "sonnet"))}
        if kind == "max_tokens":
            self.params["max_tokens"] = 7
        if dice.random() < 0.2:
            self.params["stop"] = [f"stop at {self.marker[::-1]}"]
        self.answer = ""
        self.status = 0


class Run:
    """Sends the requests, a few at a time."""

    def __init__(self, daemon: Daemon, upstream: Stub, requests: List[Request]) -> None:
        self.daemon, self.upstream = daemon, upstream
        self.left: "queue.SimpleQueue[Request]" = queue.SimpleQueue()
        self.dice = random.Random(len(requests))
        for r in requests:
            self.left.put(r)
        self.errors: List[BaseException] = []

    def go(self) -> None:
        lanes = [threading.Thread(target=self._lane) for _ in range(LANES)]
        for t in lanes:
            t.start()
        for t in lanes:
            t.join()
        if self.errors:
            raise self.errors[0]

    def _lane(self) -> None:
        while True:
            try:
                self._send(self.left.get_nowait())
            except queue.Empty:
                return
            except BaseException as e:  # noqa: BLE001 - raised by go()
                self.errors.append(e)
                return

    def _send(self, r: Request) -> None:
        if r.kind.startswith("leaves"):
            self._leave(r)
        elif r.kind in ("stream", "slow_stream", "dropped", "error_event", "kills_a_worker"):
            if r.kind == "kills_a_worker":
                self._kill()
            s = self.daemon.stream(r.messages, **r.params)
            r.status, r.answer = s.status, dump([s.frames, s.text, s.headers]) + s.body.decode()
            self._assert_answer(r, s.text if s.done else None)
        else:
            p = self.daemon.chat(r.messages, **r.params)
            r.status, r.answer = p.status, p.body.decode() + dump(p.headers)
            self._assert_answer(r, p.text if p.status == 200 else None)

    def _assert_answer(self, r: Request, answer: Optional[str]) -> None:
        if answer is None:
            return
        if r.kind == "max_tokens":
            assert answer.split() == [f"w{n}" for n in range(7)]
        elif r.kind == "empty":
            assert answer == ""
        else:
            assert answer == f"echo: {r.question}"

    def _leave(self, r: Request) -> None:
        with self.daemon.open_stream(r.messages, **r.params) as s:
            if r.kind == "leaves_before_first_byte":
                wait_for(lambda: self._reached_upstream(r) or self._ended(s), f"{r.marker} upstream", 60)
            elif r.kind == "leaves_mid_stream":
                while b'"content":"' not in (got := s.recv(65536)) and got:
                    r.answer += got.decode()

    def _reached_upstream(self, r: Request) -> bool:
        return any(r.marker in dump(b) for b in self.upstream.bodies())

    @staticmethod
    def _ended(s: Any) -> bool:
        s.setblocking(False)
        try:
            return bool(s.recv(1)) or True  # its worker was killed twice: the error came
        except BlockingIOError:
            return False

    def _kill(self) -> None:
        workers = self.daemon.workers()
        if workers:
            try:
                os.kill(self.dice.choice(workers), signal.SIGKILL)
            except ProcessLookupError:
                pass


def deal(count: int, seed: int) -> List[Request]:
    dice = random.Random(seed)
    kinds, weights = list(KINDS), [often for often, _ in KINDS.values()]
    first = kinds if count >= len(kinds) else []  # each kind at least once
    dealt = first + dice.choices(kinds, weights, k=count - len(first))
    dice.shuffle(dealt)
    return [Request(kind, dice) for kind in dealt]


def assert_bodies_are_alone(bodies: List[Dict[str, Any]], requests: List[Request], replayed: bool = False) -> None:
    by_marker = {r.marker: r for r in requests}
    for body in bodies:
        found = set(MARKER.findall(dump(body)))
        assert len(found) == 1, f"{len(found)} requests in one body: {found}"
        r = by_marker[found.pop()]
        sent = turns(body)
        if replayed and r.kind == "max_tokens":  # the CLI goes on by itself until it is interrupted
            sent = sent[: len(r.expected)]
        assert sent == r.expected
        assert system_prompt(body) == (r.system or DEFAULT_PROMPT)
        assert body.get("stop_sequences") == r.params.get("stop")
        assert (body["max_tokens"] == 7) == (r.kind == "max_tokens")
        assert body["model"] == f"claude-{r.params['model']}-5-5"
        assert body["tools"] == []


def assert_workers_served_one_project(upstream: Stub, requests: List[Request]) -> None:
    """A process tells its session in every request."""
    project_of = {r.marker: r.project for r in requests}
    served: Dict[str, set[str]] = {}
    for row in upstream.requests():
        marker = MARKER.findall(dump(row["body"]))[0]
        served.setdefault(row["headers"]["x-claude-code-session-id"], set()).add(project_of[marker])
    assert all(len(projects) == 1 for projects in served.values()), served


def assert_workers_served_once(upstream: Stub) -> None:
    served: Dict[str, set[str]] = {}
    for row in upstream.requests():
        served.setdefault(row["headers"]["x-claude-code-session-id"], set()).update(MARKER.findall(dump(row["body"])))
    assert all(len(markers) == 1 for markers in served.values()), served


COUNTS = {"project": 200, "always": 200, "never": 100} if LONG else {"project": 50, "always": 50, "never": 20}


@pytest.mark.parametrize("reuse", COUNTS)
def test_requests_are_alone_under_every_reuse_policy(start: Callable[..., Daemon], upstream: Stub, reuse: str) -> None:
    daemon = start({"pool.reuse": reuse, "pool.workers": 3, "pool.spares": 1, "pool.queue": 1000})
    requests = deal(COUNTS[reuse], seed=len(reuse))
    Run(daemon, upstream, requests).go()

    for r in requests:
        foreign = set(MARKER.findall(r.answer)) - {r.marker}
        assert not foreign, f"the answer to {r.marker} ({r.kind}) holds {foreign}"
    assert_bodies_are_alone(upstream.bodies(), requests)
    if reuse == "project":
        assert_workers_served_one_project(upstream, requests)
    if reuse == "never":
        assert_workers_served_once(upstream)
    answered = Counter(r.status for r in requests if r.kind in ANSWERED)
    assert answered[200] >= 0.8 * sum(answered.values()), answered
    assert_serves(daemon, upstream)
    daemon.stop()


def test_replayed_conversations_are_alone_too(start: Callable[..., Daemon], upstream: Stub) -> None:
    daemon = start({"claude.history": "replay", "pool.reuse": "always", "pool.workers": 3, "pool.queue": 1000})
    requests = [r for r in deal(60 if LONG else 25, seed=99) if r.kind != "empty"]  # there the CLI asks on in its own words
    for r in requests:
        r.params.pop("stop", None)
    Run(daemon, upstream, requests).go()
    for r in requests:
        assert set(MARKER.findall(r.answer)) <= {r.marker}
    assert_bodies_are_alone(upstream.bodies(), requests, replayed=True)
    assert_serves(daemon, upstream)
    daemon.stop()


def test_what_a_client_sends_after_another_left_holds_nothing_of_it(start: Callable[..., Daemon], upstream: Stub) -> None:
    """The narrowest gap: one worker, and the next request is there before the one that left is wound up."""
    daemon = start({"pool.reuse": "always", "pool.workers": 1, "pool.spares": 0})
    for n in range(20 if LONG else 8):
        upstream.reset()
        upstream.script({"match": f"secret {n}", "stall": "mid_stream" if n % 2 else "before_headers"})
        with daemon.open_stream(f"secret {n}"):
            wait_for(lambda: upstream.count() == 1, "the request to reach upstream")
        upstream.script()
        r = daemon.request("POST", "/v1/chat/completions", chat_body(f"public {n}"))
        assert (r.status, r.text) == (200, f"echo: public {n}")
        after = upstream.bodies()[-1]
        assert turns(after) == [user(f"public {n}")] and "secret" not in dump(after)
    assert_serves(daemon, upstream)
    assert only_body(upstream)
    daemon.stop()
