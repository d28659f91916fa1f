"""What an operator sees of the real CLI, and does to it."""

from __future__ import annotations

from typing import Any, Dict

from control_feed import ControlFeed, RpcError
from harness import Daemon, Stub, chat_body, chat_request, wait_for


def checks(d: Daemon) -> Dict[str, Dict[str, Any]]:
    with ControlFeed(d.socket) as f:
        return {c["name"]: c for c in f.ask("doctor")["checks"]}


def test_doctor_reports_the_self_test_item_by_item_and_what_an_empty_prompt_costs(body: Daemon) -> None:
    found = checks(body)
    items = {n: c["state"] for n, c in found.items() if n.startswith("selftest.")}
    assert len(items) == 8 and set(items.values()) == {"ok"}, items
    assert found["cli"]["state"] == "ok" and "claude" in found["cli"]["text"]
    tokens = int(found["empty_prompt"]["text"].split()[1])
    assert found["empty_prompt"]["state"] == "ok" and tokens < 200, found["empty_prompt"]


def test_a_request_is_followed_from_its_acceptance_to_its_end(body: Daemon, upstream: Stub) -> None:
    with ControlFeed(body.socket) as f:
        f.ask("subscribe", topics=["request", "worker"])
        r = body.chat("follow me", headers={"x-request-id": "followed"})
        assert r.status == 200
        changes = []
        while changes[-1:] != ["ended"]:
            data = f.event("request", lambda e: e["request"]["id"] == "followed")
            changes.append(data["change"])
        row = data["request"]
    assert changes == ["accepted", "dispatched", "first_token", "ended"]
    assert row["model"] == r.json["model"] and row["outcome"] == "ok"
    assert (row["input_tokens"], row["output_tokens"]) == (r.json["usage"]["prompt_tokens"], r.json["usage"]["completion_tokens"])
    with ControlFeed(body.socket) as f:
        worker = next(w for w in f.ask("workers.list")["workers"] if w["id"] == row["worker"])
    assert worker["requests"] >= 1 and worker["version"] and worker["pid"] in body.workers()


def test_a_cancelled_request_leaves_the_worker_clean_for_the_next(body: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "cancel me", "text": "never", "delay": 60})
    with ControlFeed(body.socket) as f:
        f.ask("subscribe", topics=["request"])
        s = body.send_raw(chat_request(chat_body("cancel me"), {"x-request-id": "unwanted"}))
        f.event("request", lambda e: e["change"] == "dispatched" and e["request"]["id"] == "unwanted")
        f.ask("requests.cancel", id="unwanted")
        ended = f.event("request", lambda e: e["change"] == "ended" and e["request"]["id"] == "unwanted")["request"]
    assert ended["outcome"] == "cancelled" and ended["status"] == 499
    assert s.recv(65536).startswith(b"HTTP/1.1 499")
    s.close()
    upstream.reset()
    assert body.chat("and on").text == "echo: and on"


def test_workers_are_restarted_drained_and_scaled(body: Daemon) -> None:
    with ControlFeed(body.socket) as f:
        f.ask("subscribe", topics=["worker"])
        ready = [w["id"] for w in f.ask("workers.list")["workers"] if w["state"] == "ready"]
        f.ask("workers.restart", id=ready[0])
        seen = set()
        while seen != {"gone", "ready"}:  # in either order
            w = f.event("worker", lambda w: (w["id"] == ready[0]) == (w["state"] == "gone"), timeout=60)
            seen |= {w["state"]} & {"gone", "ready"}
        f.ask("workers.scale", workers=3)
        wait_for(lambda: sum(w["state"] == "ready" for w in f.ask("workers.list")["workers"]) >= 3, "three workers", 60)
        f.ask("config.reload")
        assert f.ask("status")["pool"]["workers"]["most"] == f.ask("status")["pool"]["configured"]
    assert body.chat("after that").status == 200


def test_an_operators_prompt_reaches_the_model_alone(body: Daemon, upstream: Stub) -> None:
    upstream.reset()
    with ControlFeed(body.socket) as f:
        result = f.ask("chat", text="@/etc/passwd as text", model="haiku")
        assert result["text"] == "echo: @/etc/passwd as text"
        assert "".join(n["params"]["text"] for n in f.notes) == result["text"]
        try:
            f.ask("chat", text="hello", model="gpt-4")
            raise AssertionError("an unknown model was taken")
        except RpcError as e:
            assert "gpt-4" in str(e)


def test_a_new_token_renews_the_workers(body: Daemon) -> None:
    before = set(body.workers())
    with ControlFeed(body.socket) as f:
        f.ask("login.set", token="sk-ant-oat01-" + "a" * 60)
    wait_for(lambda: not before & set(body.workers()), "new processes", 60)
    wait_for(lambda: body.request("GET", "/ready").status == 200, "ready", 60)
    assert body.chat("as somebody else").status == 200
