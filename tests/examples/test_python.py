"""The examples for the Python client: basic, streaming, batch, async_many."""

from __future__ import annotations

import re
from typing import Any, List

from conftest import run
from harness import Daemon, Stub, wait_for


def test_basic_prints_the_answer_and_its_facts(daemon: Daemon, upstream: Stub) -> None:
    out = run(daemon, "python/basic.py", "Explain", "a lock.").stdout
    assert out.startswith("echo: Explain a lock.\n")
    for fact in (r"model     claude-\S+, because: auto:\S+", r"tokens    \d+ in, \d+ out", r"cost      \$0\.\d{6}",
                 r"ended by  stop", r"request   \S+, the same"):  # fmt: skip
        assert re.search(fact, out), (fact, out)
    assert "Answer in one paragraph." in str(upstream.bodies()[0]["system"])


def test_basic_tells_of_a_budget_and_of_a_missing_key(keyed: Daemon) -> None:
    key = keyed.new_key("basic")
    keyed.ctl("budgets", "set", "basic", "--tokens", "100", "--window", "total")
    assert "The budget is used up" in run(keyed, "python/basic.py", key=key, status=1).stderr
    assert "AuthenticationError" in run(keyed, "python/basic.py", status=1).stderr


def test_streaming_goes_both_ways_and_leaves_early(daemon: Daemon, upstream: Stub) -> None:
    upstream.script({"words": 150, "chunks": 150, "pace_ms": 20})
    out = run(daemon, "python/streaming.py", "Write about a lighthouse.").stdout
    by_sse, by_websocket, early = re.split(r"^== .*\n", out, flags=re.M)[1:]
    for part in (by_sse, by_websocket):
        assert part.rstrip().endswith(", stop") and "w149\n-- claude-" in part, part
    assert "w149" not in early and "left after" in early
    wait_for(lambda: [r["aborted"] for r in upstream.requests()].count(True) == 1, "the answer to be cancelled upstream")


def test_batch_shows_progress_and_the_item_that_failed(daemon: Daemon, upstream: Stub) -> None:
    p = run(daemon, "python/batch.py")
    assert [line.split(":")[0] for line in p.stderr.splitlines()] == [f"{n} of 4" for n in range(1, 5)]
    lines = p.stdout.splitlines()
    assert lines[0] == "0: echo: What is 2+2?" and lines[1] == "1: echo: What is my name?"
    assert lines[2] == "greeting: echo: Say hello."
    assert lines[3].startswith("lost: FAILED:") and "no-such-model" in lines[3]
    assert lines[4].startswith("3 answered, 1 failed, ")


def test_async_asks_at_the_same_time_and_gives_up(daemon: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "long story", "delay_ms": 60000})
    out = run(daemon, "python/async_many.py", "What is A?", "What is B?").stdout
    assert "What is A?\n    echo: What is A?\n" in out and "What is B?\n    echo: What is B?\n" in out
    assert re.search(r"the stream came in [2-9]\d* pieces; the long story was given up", out), out

    def story() -> List[Any]:
        return [r["aborted"] for r in upstream.requests() if "long story" in str(r["body"])]

    # Where no worker was free yet it was still queued, and never asked.
    wait_for(lambda: all(story()), "the story to be cancelled upstream")
