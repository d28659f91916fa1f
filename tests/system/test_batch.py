"""POST /v1/batch: order, failures of single items, streams, admission, memory, fairness, leaving early."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from typing import Any, Dict, List

import pytest
from harness import SLOWNESS, Daemon, bearer, sse_frames, wait_for
from system_support import HOLD, MEMORY_FACTOR, wait_settled


def batch(d: Daemon, requests: List[Any], headers: Any = None, **more: Any) -> Any:
    return d.request("POST", "/v1/batch", {"requests": requests, "model": "haiku", **more}, headers)


def prompts(*texts: str) -> List[Dict[str, Any]]:
    return [{"prompt": t} for t in texts]


def test_results_come_in_the_order_of_the_requests() -> None:
    with Daemon(options={"pool.workers": 4}) as d:
        items = [{"prompt": f"[[sim:delay={100 if i % 5 == 0 else 0}]] number {i}", "custom_id": f"id-{i}"} for i in range(20)]
        r = batch(d, items)
        assert r.status == 200 and r.headers["content-type"].startswith("application/json")
        body = r.json
        assert [x["index"] for x in body["results"]] == list(range(20))
        for i, x in enumerate(body["results"]):
            assert (x["status"], x["custom_id"], x["error"]) == ("ok", f"id-{i}", None)
            assert x["content"].endswith(f"number {i}") and x["model"].startswith("claude-haiku")
        assert (body["succeeded"], body["failed"]) == (20, 0)
        assert body["total_tokens"] == sum(x["usage"]["total_tokens"] for x in body["results"])
        assert body["total_cost"] == pytest.approx(sum(x["usage"]["cost_usd"] for x in body["results"]), abs=1e-9)


def test_null_is_the_same_as_absent_in_an_item() -> None:
    with Daemon() as d:
        message = [{"role": "user", "content": "a"}]
        items = [{"prompt": "a", "messages": None, "system": None, "custom_id": None}, {"prompt": None, "messages": message},
                 {"prompt": None, "messages": None}]  # fmt: skip
        assert [x["status"] for x in batch(d, items).json["results"]] == ["ok", "ok", "error"]


@pytest.mark.parametrize("name", ["requests", "parallel", "stream", "model", "project_id"])
def test_a_member_that_stands_there_twice_is_refused(name: str) -> None:
    value = {"requests": [{"prompt": "a"}], "parallel": True, "stream": False, "model": "haiku", "project_id": "default"}[name]
    twice = json.dumps({name: value})[1:-1]
    body = json.dumps({"requests": [{"prompt": "a"}]})[:-1] + f", {twice}" + ("" if name == "requests" else f", {twice}") + "}"
    with Daemon() as d:
        r = d.request("POST", "/v1/batch", body.encode(), {"Content-Type": "application/json"})
        assert (r.status, r.error["param"]) == (400, name), r.body


def test_one_items_failure_fails_that_item_alone() -> None:
    with Daemon() as d:
        items = [
            {"prompt": "good"}, {"prompt": 5}, {}, "no object", {"prompt": "a", "messages": []}, {"prompt": "a", "model": "gpt-9"},
            {"prompt": "[[sim:error=500]] a"}, {"prompt": "a", "max_tokens": -1}, {"prompt": "a", "custom_id": 7},
            {"messages": [{"role": "user", "content": "also good"}], "system": "terse"}, None,
        ]  # fmt: skip
        body = batch(d, items).json
        status = [x["status"] for x in body["results"]]
        assert [i for i, s in enumerate(status) if s == "ok"] == [0, 9]
        assert (body["succeeded"], body["failed"]) == (2, 9)
        for i, param in ((1, "prompt"), (2, "prompt"), (4, "prompt"), (5, "model"), (7, "max_tokens"), (8, "custom_id")):
            assert body["results"][i]["error"]["param"] == param, body["results"][i]
        assert body["results"][6]["error"]["code"] == "upstream_error"
        assert all(x["content"] is None and x["usage"] is None for x in body["results"] if x["status"] == "error")


@pytest.mark.parametrize(
    "body, param",
    [
        ({"requests": []}, "requests"), ({"requests": {}}, "requests"), ({}, "requests"), ({"requests": 3}, "requests"),
        ({"requests": [{"prompt": "a"}], "parallel": 1}, "parallel"), ({"requests": [{"prompt": "a"}], "stream": "x"}, "stream"),
        ({"requests": [{"prompt": "a"}], "model": 1}, "model"), ({"requests": [{"prompt": "a"}] * 6}, "requests"),
        ({"requests": [{"prompt": "a"}], "project_id": "../x"}, "project_id"), ([], None),
        ({"requests": [{"prompt": "a"}], "model": [[["haiku"]]]}, "model"), ({"requests": [1], "stream": "\0"}, "stream"),
    ],
)  # fmt: skip
def test_a_bad_batch_is_refused_as_a_whole(body: Any, param: Any) -> None:
    with Daemon(options={"http.max_batch": 5}) as d:
        r = d.request("POST", "/v1/batch", body)
        assert r.status == 400 and r.error["param"] == param, r.body


@pytest.mark.parametrize("text", [b"", b"{", b'{"requests":[{"prompt":"a"}', b'{"requests":[1,]}', b"\xff", b'{"requests":[}'])
def test_broken_bodies_are_400(text: bytes) -> None:
    with Daemon() as d:
        r = d.request("POST", "/v1/batch", text, {"Content-Type": "application/json"})
        assert r.status == 400, r.body


def test_a_streamed_batch_tells_each_result_when_it_is_ready() -> None:
    with Daemon(options={"pool.workers": 2}) as d:
        c = http.client.HTTPConnection("127.0.0.1", d.port, timeout=60 * SLOWNESS)
        items = [{"prompt": "[[sim:delay=1500]] slow"}] + prompts(*(f"quick {i}" for i in range(9)))
        c.request("POST", "/v1/batch", json.dumps({"requests": items, "stream": True, "model": "haiku"}),
                  {"Content-Type": "application/json"})  # fmt: skip
        r = c.getresponse()
        assert r.getheader("content-type").startswith("text/event-stream")  # type: ignore[union-attr]
        frames = [json.loads(data) for kind, data in sse_frames(r) if kind == "data"]
        c.close()
        order = [f["index"] for f in frames[:-1]]
        assert sorted(order) == list(range(10)) and order.index(0) > 0
        assert frames[-1]["succeeded"] == 10 and "results" not in frames[-1]


def test_not_parallel_means_one_after_another() -> None:
    with Daemon(options={"pool.workers": 3, "log.level": "debug"}) as d:
        assert batch(d, prompts(*"abcdef"), parallel=False).json["succeeded"] == 6
        busy = most = 0
        for line in d.log_lines(r"debug worker: \d+: \w+ -> \w+"):
            busy += (" -> busy" in line) - ("busy -> " in line)
            most = max(most, busy)
        assert most == 1


def test_every_item_passes_admission_by_itself() -> None:
    with Daemon(options={"auth.required": True}) as d:
        key = bearer(d.new_key("demo", "--requests-per-minute", "4"))
        body = batch(d, prompts(*"abcdefg"), key).json
        assert (body["succeeded"], body["failed"]) == (4, 3)
        assert {x["error"]["code"] for x in body["results"] if x["error"]} == {"rate_limit_exceeded"}
        tight = bearer(d.new_key("tight"))
        d.ctl("budgets", "set", "tight", "--tokens", "2500", "--window", "day")
        items = [{"prompt": "[[sim:usage=300,700]] x", "max_tokens": 700} for _ in range(6)]
        body = batch(d, items, tight, parallel=False).json
        assert body["succeeded"] == 2 and body["total_tokens"] == 2000
        assert {x["error"]["code"] for x in body["results"] if x["error"]} == {"insufficient_quota"}
        assert d.request("GET", "/v1/usage?period=day", headers=tight).json["total_tokens"] == 2000


def test_a_limit_of_running_requests_narrows_the_batch() -> None:
    with Daemon(options={"auth.required": True, "pool.workers": 4}) as d:
        key = bearer(d.new_key("demo", "--concurrent", "2"))
        assert batch(d, prompts(*"abcdefghij"), key).json["succeeded"] == 10


def test_a_client_that_leaves_cancels_what_is_left() -> None:
    with Daemon(options={"pool.workers": 2}) as d:
        data = json.dumps({"requests": [{"prompt": HOLD}] * 50, "model": "haiku"}).encode()
        head = (f"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(data)}\r\n\r\n").encode()  # fmt: skip
        s = d.send_raw(head + data)
        wait_for(lambda: d.ctl("status")["pool"]["workers"]["busy"] == 2, "two busy workers")
        s.close()
        wait_for(lambda: d.ctl("status")["pool"]["workers"]["busy"] == 0, "the parts to be cancelled")
        wait_settled(d)
        assert batch(d, prompts("still", "works")).json["succeeded"] == 2


def test_a_key_revoked_while_its_batch_runs_is_good_for_no_further_item() -> None:
    with Daemon(options={"auth.required": True, "pool.workers": 1, "pool.spares": 0}) as d:
        d.ctl("projects", "create", "demo")
        made = d.ctl("keys", "create", "--project", "demo")
        got: List[Any] = []
        items = prompts(*[f"[[sim:delay=100]] item {i}" for i in range(40)])
        asking = threading.Thread(target=lambda: got.append(batch(d, items, bearer(made["key"]))))
        asking.start()
        d.wait_log(r"access: request request_id=\S+\.1 ")
        d.ctl("keys", "revoke", made["id"])
        asking.join()
        body = got[0].json
        last = body["results"][-1]
        assert body["succeeded"] >= 2 and body["failed"] >= 1 and last["status"] == "error"
        assert last["error"]["code"] == "invalid_api_key" and "revoked" in last["error"]["message"]


def test_other_requests_go_first_while_a_batch_runs() -> None:
    with Daemon(options={"pool.workers": 2, "pool.reuse": "always"}) as d:
        done: List[Any] = []
        items = [{"prompt": "[[sim:delay=60]] x"} for _ in range(100)]
        t = threading.Thread(target=lambda: done.append(batch(d, items, project_id="bulk")))
        t.start()
        wait_for(lambda: d.ctl("status")["pool"]["workers"]["busy"] == 2, "the batch to run")
        for _ in range(5):
            r = d.chat("hello", project_id="other")
            assert r.status == 200
        assert not done, "five single requests wait for no batch"
        t.join()
        assert done[0].json["succeeded"] == 100


def test_memory_is_that_of_some_items_not_of_the_batch() -> None:
    with Daemon(options={"pool.workers": 2, "http.max_batch": 1000}) as d:
        batch(d, prompts("warm"))
        before = d.rss_kb()
        s = socket.create_connection(("127.0.0.1", d.port), timeout=120 * SLOWNESS)
        data = json.dumps({"requests": [{"prompt": "[[sim:bytes=400000]] x"}] * 200, "model": "haiku"}).encode()
        s.sendall((f"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
                   f"Content-Length: {len(data)}\r\n\r\n").encode() + data)  # fmt: skip
        most = total = 0
        while True:
            piece = s.recv(1 << 20)
            if not piece:
                break
            total += len(piece)
            most = max(most, d.rss_kb())
        s.close()
        assert total > 80_000_000
        assert most - before < 40_000 * MEMORY_FACTOR, f"{before} -> {most} kB for {total} bytes"


def test_an_idempotent_batch_is_answered_again_and_not_asked_again() -> None:
    with Daemon() as d:
        key = {"Idempotency-Key": "batch-1"}
        first = batch(d, prompts("one", "two"), key).json
        used = d.request("GET", "/v1/usage").json["total_tokens"]
        again = batch(d, prompts("one", "two"), key).json
        assert [x["content"] for x in again["results"]] == [x["content"] for x in first["results"]]
        assert d.request("GET", "/v1/usage").json["total_tokens"] == used
        r = batch(d, prompts("one", "three"), key)
        assert r.status == 409 and r.error["code"] == "conflict"


def test_a_batch_that_is_answered_again_says_so() -> None:
    with Daemon() as d:
        for stream in (False, True):
            key = {"Idempotency-Key": f"batch-{stream}"}
            assert "x-ccapi-idempotent-replay" not in batch(d, prompts("one", "two"), key, stream=stream).headers
            again = batch(d, prompts("one", "two"), key, stream=stream)
            assert again.headers["x-ccapi-idempotent-replay"] == "true"


@pytest.mark.parametrize("key", ["", "k" * 256], ids=["empty", "long"])
def test_an_idempotency_key_of_no_use_is_named(key: str) -> None:
    with Daemon() as d:
        r = batch(d, prompts("one"), {"Idempotency-Key": key})
        assert r.status == 400 and r.error["param"] == "Idempotency-Key"
        assert batch(d, prompts("one"), {"Idempotency-Key": "k" * 255}).status == 200


def test_headers_for_a_completion_count_for_every_item() -> None:
    with Daemon(options={"cache.enabled": True}) as d:
        r = batch(d, [{"prompt": "one", "seed": 1}, {"prompt": "two"}], {"x-ccapi-strict": "true"}).json
        assert r["results"][0]["error"]["param"] == "seed" and r["results"][1]["status"] == "ok"
        batch(d, prompts("secret"), {"Cache-Control": "no-store"})
        assert d.chat("secret", model="haiku").headers["x-ccapi-cache"] == "miss"
        batch(d, prompts("secret"), {"Cache-Control": "no-cache"})
        assert [x["outcome"] for x in d.ctl("ledger", "tail")["lines"]] == ["ok"] * 4
