"""The pool of workers over claude-sim: who is served by whom, how many work, how they are replaced."""

from __future__ import annotations

import os
import re
import select
import shutil
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from harness import BIN_DIR, Daemon, chat_body, chat_request, in_parallel, processes, wait_for
from system_support import (
    Footprint,
    access_field,
    answer_of,
    gone,
    held,
    new_id,
    wait_busy,
    wait_footprint,
    wait_settled,
    worker_of,
    worker_pids,
    worker_states,
)

ONE = {"pool.workers": 1, "pool.spares": 0}


@pytest.fixture(scope="module", autouse=True)
def aged() -> Iterator[Daemon]:
    """Started first, looked at last: max_age takes ten seconds at least."""
    with Daemon(options={**ONE, "pool.max_age": "10s"}) as daemon:
        yield daemon


# -- population


@pytest.mark.parametrize("workers, spares", [(1, 0), (3, 2)])
def test_workers_and_spares_are_started(workers: int, spares: int) -> None:
    with Daemon(options={"pool.workers": workers, "pool.spares": spares}) as d:
        wait_settled(d, workers + spares)
        assert len(d.workers()) == workers + spares


def test_a_killed_idle_worker_is_replaced() -> None:
    with Daemon() as d:
        wait_settled(d, 3)
        before, pids = Footprint(d), d.workers()
        os.kill(pids[0], 9)
        wait_for(lambda: gone([pids[0]]) and len(d.workers()) == 3, "a new worker")
        wait_settled(d, 3)
        wait_footprint(d, before)


def test_what_a_worker_started_goes_with_it(tmp_path: Path) -> None:
    cli = tmp_path / "claude"
    cli.write_text(f'#!/bin/sh\n[ "$1" = -p ] && sleep 3600 &\nexec "{BIN_DIR / "claude-sim"}" "$@"\n')
    cli.chmod(0o755)
    with Daemon(cli_path=str(cli), options=ONE) as d:
        wait_settled(d, 1)
        group = d.workers()[0]
        sleeper = wait_for(lambda: [pid for pid, parent, _, cmd in processes() if parent == group and "sleep" in cmd], "it")
        os.kill(group, 9)
        wait_for(lambda: gone(sleeper), "what it started to go")


def test_a_removed_temporary_directory_is_made_again() -> None:
    with Daemon(options=ONE) as d:
        wait_settled(d, 1)
        shutil.rmtree(os.path.join(d.state, "tmp"))
        os.kill(d.workers()[0], 9)
        wait_for(lambda: d.log_lines("no process could be made"), "a failed start")
        wait_for(lambda: d.chat("x").status == 200, "the next start")


def test_projects_never_share_a_process() -> None:
    with Daemon(options={"pool.workers": 2, "pool.spares": 1, "pool.reuse": "project"}) as d:
        users: Dict[int, set] = {}

        def ask(i: int) -> None:
            project = f"p{i % 4}"
            users.setdefault(worker_of(d, f"x {i}", project_id=project), set()).add(project)

        for i in range(16):
            ask(i)
        in_parallel(12, ask)
        assert all(len(projects) == 1 for projects in users.values()), users
        wait_settled(d, 3)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_busy_project_does_not_keep_another_from_its_turn(workers: int) -> None:
    with Daemon(options={**ONE, "pool.workers": workers, "pool.queue_timeout": "3s"}) as d:
        over = threading.Event()

        def flood(_: int) -> None:
            while not over.is_set():
                assert d.chat("[[sim:delay=20]]", project_id="many").status == 200

        def ask() -> None:
            try:
                wait_for(lambda: len(d.log_lines("access: request .*project=many")) > 10, "a flood")
                for _ in range(3):
                    assert d.chat("x", project_id="few").status == 200
            finally:
                over.set()

        in_parallel(5 * workers + 1, lambda i: flood(i) if i else ask())


def test_a_project_keeps_its_warm_worker() -> None:
    with Daemon(options={"pool.workers": 2, "pool.spares": 1}) as d:
        wait_settled(d, 3)
        a = worker_of(d, project_id="a")
        wait_settled(d, 3)
        b = worker_of(d, project_id="b")
        for _ in range(3):
            wait_settled(d, 3)
            assert worker_of(d, project_id="a") == a
            wait_settled(d, 3)
            assert worker_of(d, project_id="b") == b
        assert a != b


def test_a_spare_taken_by_another_project_is_replaced() -> None:
    with Daemon(options={"pool.workers": 1, "pool.spares": 1}) as d:
        wait_settled(d, 2)
        first = worker_of(d, project_id="a")
        wait_settled(d, 2)
        second = worker_of(d, project_id="b")
        assert second != first
        wait_settled(d, 2)
        third = worker_of(d, project_id="c")
        assert third not in (first, second), "a fresh worker for a third project"
        wait_settled(d, 2)


def test_reuse_always_gives_one_process_to_everybody() -> None:
    with Daemon(options={**ONE, "pool.reuse": "always"}) as d:
        assert len({worker_of(d, project_id=f"p{i}") for i in range(5)}) == 1


def test_reuse_never_takes_a_process_for_every_request() -> None:
    with Daemon(options={"pool.workers": 2, "pool.spares": 1, "pool.reuse": "never"}) as d:
        assert len({worker_of(d) for _ in range(6)}) == 6
        wait_settled(d, 3)
        wait_for(lambda: len(d.workers()) == 3, "the used ones to be gone")


def test_workers_are_recycled_after_max_requests() -> None:
    with Daemon(options={**ONE, "pool.max_requests": 3}) as d:
        served: List[int] = []
        for _ in range(9):
            served.append(worker_of(d))
            wait_settled(d, 1)
        assert [served.count(w) for w in dict.fromkeys(served)] == [3, 3, 3]
        pids = worker_pids(d)
        wait_for(lambda: gone([pids[w] for w in dict.fromkeys(served)]), "the recycled workers to be gone")


# -- queue


def test_a_full_queue_is_503_with_retry_after() -> None:
    with Daemon(options={**ONE, "pool.queue": 2}) as d:
        with held(d):
            sockets = [d.send_raw(chat_request(chat_body(f"q {i}"))) for i in range(6)]
            refused = wait_for(lambda: answered(sockets, 4), "four refusals")
            assert all(answer_of(s)[0] == 503 for s in refused)
            r = d.chat("one more")
            assert r.error["code"] == "overloaded" and r.error["type"] == "server_error"
            assert int(r.headers["retry-after"]) >= 1 and int(r.headers["retry-after-ms"]) >= 1
            assert "x-should-retry" not in r.headers
        for s in sockets:
            if s not in refused:
                assert answer_of(s)[0] == 200


def answered(sockets: List[Any], count: int) -> List[Any]:
    """The raw requests that have an answer, once there are as many."""
    ready = select.select(sockets, [], [], 0)[0]
    return ready if len(ready) >= count else []


def test_no_queue_at_all_refuses_what_cannot_run_at_once() -> None:
    with Daemon(options={**ONE, "pool.queue": 0}) as d:
        assert d.chat("x").status == 200
        wait_settled(d, 1)
        with held(d):
            assert d.chat("x").status == 503


def test_waiting_longer_than_queue_timeout_is_504() -> None:
    with Daemon(options={**ONE, "pool.queue_timeout": "200ms"}) as d, held(d):
        r = d.chat("x")
        assert (r.status, r.error["code"], r.error["type"]) == (504, "timeout", "server_error")


def test_lanes_are_served_by_priority_and_in_order_of_arrival() -> None:
    order = ["low-1", "normal-1", "high-1", "low-2", "normal-2", "high-2"]
    with Daemon(options={**ONE, "pool.queue": 6}) as d:
        with held(d):
            sockets = []
            for i, name in enumerate(order):
                body = chat_body(name, priority=name.split("-")[0])
                data = chat_request(body).replace(b"\r\n\r\n", f"\r\nx-request-id: {name}\r\n\r\n".encode(), 1)
                sockets.append(d.send_raw(data))
                wait_for(lambda: queue_length_is(d, i + 1), f"{i + 1} requests in the queue")
        for s in sockets:
            assert answer_of(s)[0] == 200
        served = [x["request_id"] for x in d.ctl("ledger", "tail")["lines"] if x["request_id"] in order]
        assert served == ["high-1", "high-2", "normal-1", "normal-2", "low-1", "low-2"]


def queue_length_is(d: Daemon, count: int) -> bool:
    return bool(d.ctl("status")["queue"]["waiting"] == count)


def test_never_more_run_than_workers_are_configured() -> None:
    with Daemon(options={"pool.workers": 2, "pool.spares": 2}) as d:
        wait_settled(d, 4)
        in_parallel(16, lambda i: d.chat(f"[[sim:delay=20]] {i}", project_id=f"p{i % 3}"))
        busy: set = set()
        peak = 0
        for line in d.log_lines(r"worker: \d+: "):
            m = re.search(r"worker: (\d+): (\w+) -> (\w+)", line)
            assert m
            busy.discard(m.group(1))
            if m.group(3) == "busy":
                busy.add(m.group(1))
            peak = max(peak, len(busy))
        assert peak == 2


# -- crashes


def test_a_crash_before_the_first_byte_is_retried_once_on_another_worker(tmp_path: Path) -> None:
    crash = tmp_path / "crash"
    with Daemon(faults=f"crash_file={crash}") as d:
        wait_settled(d, 3)
        before = Footprint(d)
        for ask in (d.chat, d.stream):
            crash.touch()
            rid = new_id("retried")
            r = ask("hello", headers={"x-request-id": rid})
            assert r.status == 200 and r.text == "You said: hello" and not crash.exists()
            lost = d.wait_log(rf"worker: (\d+): lost request {rid}").group(1)
            assert access_field(d, rid, "worker") != lost
        wait_settled(d, 3)
        wait_footprint(d, before)


def test_a_crash_of_both_tries_is_502_and_there_is_no_third() -> None:
    with Daemon() as d:
        rid = new_id("crash")
        r = d.chat("[[sim:crash=before]] x", headers={"x-request-id": rid})
        assert (r.status, r.error["type"], r.error["code"]) == (502, "server_error", "worker_failed")
        assert r.headers.get("x-should-retry") != "false"
        lost = rf"lost request {rid}"
        wait_for(lambda: len(d.log_lines(lost)) >= 2, "both losses in the log")
        wait_settled(d, 3)
        assert len(d.log_lines(lost)) == 2
        assert d.chat("after").text == "You said: after"


def test_a_crash_after_the_first_byte_is_not_retried() -> None:
    with Daemon() as d:
        rid = new_id("crash")
        s = d.stream("[[sim:crash=after]] one two three", headers={"x-request-id": rid})
        assert s.error is not None and s.error["code"] == "worker_failed" and not s.done
        lost = rf"lost request {rid}"
        d.wait_log(lost)
        wait_settled(d, 3)
        assert len(d.log_lines(lost)) == 1


def test_a_plain_answer_lost_half_way_is_asked_for_again_and_not_doubled() -> None:
    with Daemon(options=ONE) as d:
        got: List[Any] = []
        t = threading.Thread(target=lambda: got.append(d.chat("[[sim:pace=200]] one two three")))
        t.start()
        wait_busy(d)
        os.kill(d.workers()[0], 9)
        t.join(20)
        assert got and got[0].status == 200
        assert got[0].text.split() == ["You", "said:", "one", "two", "three"]
        wait_settled(d, 1)


# -- doubtful workers

DOUBTFUL = ["[[sim:garbage]]", "[[sim:refuse_rewind]]", "[[sim:bad_rewind]]", "[[sim:unknown_uuid]]"]


@pytest.fixture(scope="module")
def one() -> Iterator[Daemon]:
    options = {**ONE, "pool.first_byte_timeout": "1s", "pool.idle_timeout": "1s", "pool.interrupt_timeout": "200ms"}
    with Daemon(options=options) as daemon:
        wait_settled(daemon, 1)
        yield daemon


def replaced_after(d: Daemon, before: Footprint, pid: int) -> None:
    """The worker `pid` is gone, another serves, nothing is left."""
    wait_for(lambda: gone([pid]), "the doubtful worker to go")
    wait_settled(d, 1)
    assert d.chat("after").text == "You said: after"
    wait_settled(d, 1)
    wait_footprint(d, before)


@pytest.mark.parametrize("prompt", DOUBTFUL)
def test_doubtful_worker_is_replaced(one: Daemon, prompt: str) -> None:
    before, pid = Footprint(one), one.workers()[0]
    r = one.chat(prompt + " secret of the one before")
    assert r.status == (200 if "rewind" in prompt else 502), r.body
    replaced_after(one, before, pid)


def test_a_turn_without_result_times_out_and_the_worker_is_replaced(one: Daemon) -> None:
    before, pid = Footprint(one), one.workers()[0]
    s = one.stream("[[sim:no_result]] one two")
    assert s.error is not None and s.error["code"] == "timeout" and not s.done
    replaced_after(one, before, pid)


def test_a_worker_that_ignores_an_interrupt_is_replaced(one: Daemon) -> None:
    before, pid = Footprint(one), one.workers()[0]
    s = one.open_stream("[[sim:ignore_interrupt]][[sim:pace=3600000]] one two")
    data = b""
    while b'"You ' not in data:  # an interrupt that comes before the turn has begun is not ignored
        data += s.recv(65536)
    s.close()
    replaced_after(one, before, pid)


@pytest.mark.parametrize("prompt", ["[[sim:hang]] x", "[[sim:delay=3600000]] x", "[[sim:error=timeout]] x"])
def test_no_first_byte_in_time_is_504(one: Daemon, prompt: str) -> None:
    before, pid = Footprint(one), one.workers()[0]
    r = one.chat(prompt)
    assert (r.status, r.error["code"]) == (504, "timeout")
    replaced_after(one, before, pid)


@pytest.mark.parametrize("prompt", ["[[sim:error=stall]] one two three four", "[[sim:pace=3600000]] one two"])
def test_silence_in_the_middle_of_an_answer_is_504(one: Daemon, prompt: str) -> None:
    before, pid = Footprint(one), one.workers()[0]
    s = one.stream(prompt)
    assert s.text.startswith("You ") and s.error is not None and s.error["code"] == "timeout" and not s.done
    replaced_after(one, before, pid)


def test_a_slow_but_steady_answer_outlives_idle_and_first_byte_timeouts() -> None:
    options = {**ONE, "pool.first_byte_timeout": "2s", "pool.idle_timeout": "2s"}
    with Daemon(options=options) as d:
        assert d.stream("[[sim:tokens=12]][[sim:pace=200]]").text == "tok " * 12


def test_an_answer_that_starts_again_is_an_error(one: Daemon) -> None:
    s = one.stream("[[sim:second_start]] one two three four")
    assert s.error is not None and s.error["code"] == "upstream_error" and not s.done
    assert s.text.count("You said") == 1
    wait_settled(one, 1)
    r = one.chat("[[sim:second_start]] one two three four")
    assert (r.status, r.error["code"]) == (502, "upstream_error")
    wait_settled(one, 1)
    assert one.chat("after").text == "You said: after"


# -- errors of the upstream, as claude-sim tells them

ERRORS = [("400", 400, None, None), ("404", 404, "model_not_found", None), ("413", 413, "request_too_large", None),
          ("429", 429, "rate_limit_exceeded", "Retry-After"), ("500", 502, "upstream_error", "Retry-After"),
          ("529", 502, "upstream_error", "Retry-After"), ("reset", 502, "upstream_error", "Retry-After"),
          ("refused", 502, "upstream_error", "Retry-After"), ("context", 400, "context_length_exceeded", None)]  # fmt: skip


@pytest.mark.parametrize("kind, status, code, retry", ERRORS)
def test_upstream_errors_become_the_documented_ones(one: Daemon, kind: str, status: int, code: Any, retry: Any) -> None:
    wait_settled(one, 1)
    pid = one.workers()[0]
    r = one.chat(f"[[sim:error={kind}]] x")
    assert (r.status, r.error["code"]) == (status, code), r.body
    assert ("retry-after" in r.headers) == bool(retry)
    assert ("x-should-retry" in r.headers) == (retry is None)
    wait_settled(one, 1)
    assert one.workers() == [pid], "an upstream error is no reason to replace a worker"


def test_an_upstream_error_is_retried_once(tmp_path: Path) -> None:
    fail = tmp_path / "fail"
    with Daemon(faults=f"error_once_file={fail}:529") as d:
        fail.touch()
        assert d.chat("hello").text == "You said: hello" and not fail.exists()


def test_workers_are_recycled_at_max_age(aged: Daemon) -> None:
    first = min(worker_pids(aged))
    wait_for(lambda: max(worker_pids(aged)) > first, "a younger worker", 30)
    wait_settled(aged, 1)
    assert first not in worker_states(aged)
    assert aged.chat("x").status == 200
