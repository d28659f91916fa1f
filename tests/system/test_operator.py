"""What an operator does to the running service: workers, requests, the queue, the end."""

from __future__ import annotations

import json
import os
import stat
import threading
from typing import Any, Dict, List

import pytest

from control_feed import ControlFeed, RpcError
from harness import Daemon, chat_body, chat_request, wait_for
from system_support import HOLD, answer_of, gone, held, new_id, wait_busy, wait_settled, worker_pids

NOT_FOUND, REFUSED = -32002, -32004


def rows(d: Daemon, **query: Any) -> List[Dict[str, Any]]:
    with ControlFeed(d.socket) as f:
        found: List[Dict[str, Any]] = f.ask("requests.list", lines=1000, **query)["requests"]
    return found


def wait_live(d: Daemon, count: int, state: str = "running") -> List[Dict[str, Any]]:
    def now() -> Any:
        found = [r for r in rows(d, state="live") if r["state"] == state]
        return found if len(found) == count else None

    found: List[Dict[str, Any]] = wait_for(now, lambda: f"{count} {state} requests, not {rows(d)}")
    return found


def workers(d: Daemon) -> Dict[int, Dict[str, Any]]:
    return {w["id"]: w for w in d.ctl("workers", "list")["workers"]}


def refusal(d: Daemon, method: str, **params: Any) -> RpcError:
    with ControlFeed(d.socket) as f, pytest.raises(RpcError) as e:
        f.ask(method, **params)
    return e.value


# ---- workers


def test_a_restarted_worker_is_replaced_by_another_process() -> None:
    with Daemon() as d:
        wait_settled(d)
        victim = min(workers(d))
        pid = workers(d)[victim]["pid"]
        with ControlFeed(d.socket) as f:
            f.ask("subscribe", topics=["worker"])
            assert f.ask("workers.restart", id=victim)["state"] == "draining"
            seen: set[str] = set()
            while seen != {"gone", "ready"}:  # in either order
                w = f.event("worker", lambda w: (w["id"] == victim) == (w["state"] == "gone"))
                seen |= {w["state"]} & {"gone", "ready"}
        assert gone([pid]) and victim not in workers(d)
        assert d.chat().status == 200


def test_the_request_of_a_restarted_worker_is_tried_once_more() -> None:
    with Daemon() as d:
        wait_settled(d)
        with ControlFeed(d.socket) as f:
            f.ask("subscribe", topics=["request"])
            s = d.send_raw(chat_request(chat_body("[[sim:delay=1500]] once more")))
            first = f.event("request", lambda e: e["change"] == "dispatched")["request"]
            f.ask("workers.restart", id=first["worker"])
            again = f.event("request", lambda e: e["change"] == "dispatched")["request"]
            assert again["worker"] != first["worker"] and again["attempts"] == 2
            assert answer_of(s)[0] == 200
            assert f.event("request", lambda e: e["change"] == "ended")["request"]["attempts"] == 2


def test_a_drained_worker_finishes_its_request_and_takes_no_other() -> None:
    with Daemon() as d:
        wait_settled(d)
        s = d.send_raw(chat_request(chat_body("[[sim:delay=700]] last one")))
        worker = wait_live(d, 1)[0]["worker"]
        drained = d.ctl("workers", "drain", str(worker))
        assert drained["state"] == "busy" and drained["retiring"]
        assert answer_of(s)[0] == 200
        wait_for(lambda: worker not in workers(d), "the drained worker to be gone")
        assert d.chat().status == 200


def test_a_worker_that_is_not_there_or_is_leaving_is_refused_by_its_number() -> None:
    with Daemon() as d:
        wait_settled(d)
        for method in ("workers.restart", "workers.drain"):
            e = refusal(d, method, id=4711)
            assert e.code == NOT_FOUND and e.field == "id" and "4711" in str(e)
        with held(d):
            worker = wait_live(d, 1)[0]["worker"]
            with ControlFeed(d.socket) as f:
                f.ask("workers.restart", id=worker)
                try:
                    f.ask("workers.restart", id=worker)
                except RpcError as e:  # it may be gone by now
                    assert e.code in (REFUSED, NOT_FOUND)


@pytest.mark.parametrize("count", [1, 4])
def test_scaling_changes_how_many_requests_run_until_the_next_reload(count: int) -> None:
    with Daemon() as d:
        wait_settled(d)
        assert d.ctl("workers", "scale", str(count)) == {"workers": count, "configured": 2}
        sockets = [d.send_raw(chat_request(chat_body(HOLD, project_id=f"p{n}"))) for n in range(5)]
        wait_live(d, count)
        wait_live(d, 5 - count, "queued")
        d.ctl("config", "reload")
        assert d.ctl("status")["pool"]["workers"]["most"] == 2
        if count < 2:
            wait_live(d, 2)
        for s in sockets:
            s.close()


# ---- requests


def test_a_request_is_shown_through_its_life() -> None:
    with Daemon() as d:
        secret = d.new_key("analyzer", "--label", "ci")
        key = d.ctl("keys", "list")["keys"][0]["id"]
        d.ctl("budgets", "set", "analyzer", "--tokens", "1M")
        wait_settled(d)
        with ControlFeed(d.socket) as f:
            f.ask("subscribe", topics=["request"])
            rid = new_id("life")
            r = d.chat("tell me", headers={"x-request-id": rid, "Authorization": f"Bearer {secret}"}, model="auto", max_tokens=50)
            assert r.status == 200
            seen = []
            while not seen or seen[-1]["change"] != "ended":
                seen.append(f.event("request", lambda e: e["request"]["id"] == rid))
        changes = [e["change"] for e in seen]
        assert changes == ["accepted", "dispatched", "first_token", "ended"]
        begun, ended = seen[1]["request"], seen[-1]["request"]
        assert begun["state"] == "running" and begun["held_tokens"] >= 50
        assert ended == d.ctl("requests", "show", rid) == rows(d)[-1]
        assert (ended["state"], ended["outcome"], ended["status"]) == ("ended", "ok", 200)
        assert (ended["project"], ended["key_id"], ended["key_label"]) == ("analyzer", key, "ci")
        assert ended["model_asked"] == "auto" and ended["model"].startswith("claude-") and ended["route"].startswith("auto")
        assert ended["route_reason"] and ended["held_tokens"] is None and not ended["output_estimated"]
        usage = r.json["usage"]
        assert (ended["input_tokens"], ended["output_tokens"]) == (usage["prompt_tokens"], usage["completion_tokens"])
        times = [ended[k] for k in ("accepted_at", "queued_at", "dispatched_at", "first_token_at", "ended_at")]
        assert times == sorted(times)


def test_a_waiting_request_is_told_as_queued() -> None:
    with Daemon() as d:
        wait_settled(d)
        with held(d, 2), ControlFeed(d.socket) as f:
            f.ask("subscribe", topics=["request", "queue"])
            s = d.send_raw(chat_request(chat_body("wait", timeout=60)))
            row = f.event("request", lambda e: e["change"] == "queued")["request"]
            assert row["state"] == "queued" and row["dispatched_at"] is None
            f.event("queue", lambda q: q["waiting"] == 1 and q["running"] == 2)
            s.close()
            f.event("queue", lambda q: q["waiting"] == 0)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_cancelled_request_tells_its_client_and_frees_its_place(state: str) -> None:
    with Daemon() as d:
        wait_settled(d)
        s = d.send_raw(chat_request(chat_body(HOLD)))
        wait_busy(d, 1)
        others = [d.send_raw(chat_request(chat_body(HOLD))) for _ in range(2)] if state == "queued" else []
        row = wait_live(d, 1, state)[0]
        cancelled = d.ctl("requests", "cancel", row["id"])
        assert cancelled["id"] == row["id"]
        victim = others.pop() if state == "queued" else s
        status, answer = answer_of(victim)
        assert status == 499 and answer["error"]["code"] == "cancelled" and "operator" in answer["error"]["message"]
        wait_for(lambda: d.ctl("requests", "show", row["id"])["state"] == "ended", "its end")
        assert d.ctl("requests", "show", row["id"])["outcome"] == "cancelled"
        for o in others + ([s] if state == "queued" else []):
            o.close()
        wait_settled(d)
        assert d.chat().status == 200


def test_a_cancelled_stream_ends_with_the_error() -> None:
    with Daemon() as d:
        wait_settled(d)
        with ControlFeed(d.socket) as f:
            f.ask("subscribe", topics=["request"])
            s = d.send_raw(chat_request(chat_body("[[sim:tokens=5000]] [[sim:pace=20]] long", stream=True)))
            row = f.event("request", lambda e: e["change"] == "first_token")["request"]
            f.ask("requests.cancel", id=row["id"])
            text = b""
            while b"cancelled by the server's operator" not in text:
                piece = s.recv(65536)
                assert piece, text
                text += piece
            s.close()
            ended = f.event("request", lambda e: e["change"] == "ended")["request"]
        assert ended["outcome"] == "cancelled" and ended["cost_usd"] > 0  # what was spent is charged


def test_a_cancelled_chat_of_a_websocket_leaves_the_others() -> None:
    with Daemon() as d:
        wait_settled(d)
        with d.websocket() as ws:
            ws.chat("a", HOLD)
            ws.chat("b", "[[sim:delay=500]] fine")
            row = wait_live(d, 2)[0]
            d.ctl("requests", "cancel", row["id"])
            ends = {}
            while len(ends) < 2:
                m = ws.next()
                if m["type"] in ("done", "error"):
                    ends[m["id"]] = m
            assert ends["a"]["type"] == "error" and "operator" in json.dumps(ends["a"])
            assert ends["b"]["type"] == "done"


def test_requests_of_one_id_are_told_apart_by_their_number() -> None:
    with Daemon() as d:
        wait_settled(d)
        sockets = [d.send_raw(chat_request(chat_body(HOLD), headers={"x-request-id": "same"})) for _ in range(2)]
        older, newer = wait_live(d, 2)
        assert older["id"] == newer["id"] == "same" and older["number"] < newer["number"]
        d.ctl("requests", "cancel", "same", "--number", str(older["number"]))
        wait_for(lambda: [r["number"] for r in rows(d, state="live")] == [newer["number"]], "the older one's end")
        assert d.ctl("requests", "show", "same")["number"] == newer["number"]
        assert d.ctl("requests", "show", "same", "--number", str(older["number"]))["outcome"] == "cancelled"
        for s in sockets:
            s.close()


def test_what_has_ended_or_never_was_cannot_be_cancelled() -> None:
    with Daemon() as d:
        d.chat(headers={"x-request-id": "over"})
        assert refusal(d, "requests.cancel", id="over").code == REFUSED
        e = refusal(d, "requests.cancel", id="never")
        assert e.code == NOT_FOUND and "ledger" in e.hint
        assert refusal(d, "requests.show", id="never").code == NOT_FOUND


def test_the_last_thousand_requests_are_kept() -> None:
    with Daemon(options={"cache.enabled": True, "log.level": "warn"}) as d:
        d.chat("same", temperature=0)
        for n in range(1010):
            assert d.chat("same", headers={"x-request-id": f"n{n}"}, temperature=0).status == 200
        found = rows(d, state="ended")
        assert len(found) == 1000 and found[-1]["id"] == "n1009" and found[0]["id"] == "n10"
        assert [r["number"] for r in found] == sorted(r["number"] for r in found)
        assert found[-1]["cache"] == "hit" and found[-1]["output_tokens"] == 0
        assert [r["id"] for r in rows(d, project="nobody")] == []
        with ControlFeed(d.socket) as f:
            assert len(f.ask("subscribe", recent=1000)["requests"]["recent"]) == 1000


def test_refused_requests_are_shown_with_their_reason() -> None:
    with Daemon() as d:
        d.ctl("projects", "create", "poor")
        d.ctl("budgets", "set", "poor", "--tokens", "1")
        assert d.chat(headers={"x-request-id": "broke"}, project_id="poor").status == 429
        row = d.ctl("requests", "show", "broke")
        assert row["outcome"] == "budget" and row["status"] == 429 and "budget" in row["error"].lower()


# ---- pause, resume, drain


def test_a_paused_queue_holds_and_refuses_nothing_until_it_is_full() -> None:
    with Daemon(options={"pool.queue": 3, "pool.queue_timeout": "1s", "pool.request_timeout": "1s"}) as d:
        wait_settled(d)
        assert d.ctl("pause")["paused"] and d.ctl("status")["state"] == "paused"
        sockets = [d.send_raw(chat_request(chat_body(f"wait {n}"))) for n in range(3)]
        wait_live(d, 3, "queued")
        assert d.chat("one too many").status == 503
        with ControlFeed(d.socket) as f:
            f.ask("subscribe", topics=["stats"])
            began = f.event("stats")["uptime_s"]
            f.event("stats", lambda s: s["uptime_s"] >= began + 3 and s["waiting"] == 3 and s["paused"])
        d.ctl("resume")
        assert [answer_of(s)[0] for s in sockets] == [200] * 3
        assert d.ctl("status")["state"] == "serving"


def test_a_clients_own_timeout_runs_while_the_queue_is_paused() -> None:
    with Daemon() as d:
        wait_settled(d)
        d.ctl("pause")
        assert d.chat("impatient", timeout=0.2).status == 504


def test_cached_answers_are_given_while_the_queue_is_paused() -> None:
    with Daemon(options={"cache.enabled": True}) as d:
        assert d.chat("same", temperature=0).status == 200
        d.ctl("pause")
        assert d.chat("same", temperature=0).headers["x-ccapi-cache"] == "hit"


def test_drain_finishes_what_is_under_way_and_ends_the_daemon() -> None:
    with Daemon() as d:
        wait_settled(d)
        s = d.send_raw(chat_request(chat_body("[[sim:delay=700]] last")))
        wait_live(d, 1)
        assert d.ctl("drain", "--yes") == {"draining": True, "open": 1}
        assert answer_of(s)[0] == 200
        assert d.wait_exit() == 0


def test_a_paused_queue_is_served_when_the_daemon_drains() -> None:
    with Daemon() as d:
        wait_settled(d)
        d.ctl("pause")
        s = d.send_raw(chat_request(chat_body("held")))
        wait_live(d, 1, "queued")
        d.ctl("drain", "--yes")
        assert answer_of(s)[0] == 200 and d.wait_exit() == 0


# ---- chat


def test_an_operators_prompt_takes_the_whole_way() -> None:
    with Daemon(options={"auth.required": True}) as d:
        d.ctl("projects", "create", "demo")
        with ControlFeed(d.socket) as f:
            result = f.ask("chat", text="hello there", model="haiku", project="demo")
            told = "".join(n["params"]["text"] for n in f.notes)
        row = result["request"]
        assert result["text"] == told and result["finish_reason"] == "stop"
        assert row["method"] == "CTL" and row["project"] == "demo" and row["outcome"] == "ok"
        line = d.ctl("ledger", "tail")["lines"][-1]
        assert line["project"] == "demo" and line["request_id"] == row["id"]
        assert "hello there" not in "\n".join(d.log_lines())


def test_an_operators_prompt_is_bound_by_budgets() -> None:
    with Daemon() as d:
        d.ctl("projects", "create", "poor")
        d.ctl("budgets", "set", "poor", "--tokens", "1")
        e = refusal(d, "chat", text="hello", project="poor")
        assert e.code == REFUSED and "budget" in str(e).lower()
        e = refusal(d, "chat", text="hello", model="no-such-model")
        assert e.code == REFUSED and "no-such-model" in str(e)


def test_an_operator_who_leaves_cancels_his_prompt() -> None:
    with Daemon() as d:
        wait_settled(d)
        f = ControlFeed(d.socket)
        f.send("chat", text=HOLD, model="haiku")
        wait_live(d, 1)
        f.close()
        wait_for(lambda: not rows(d, state="live"), "its end")
        assert rows(d)[-1]["outcome"] == "cancelled"
        wait_settled(d)


def test_a_prompt_may_take_longer_than_other_verbs_and_ends_with_the_daemon() -> None:
    with Daemon(options={"drain_timeout": "1s"}) as d:
        wait_settled(d)
        f = ControlFeed(d.socket)
        asked = f.send("chat", text=HOLD, model="haiku")
        wait_live(d, 1)
        assert d.stop() == 0
        with pytest.raises((RpcError, EOFError)):
            f.answer(asked)
        f.close()


# ---- login


def test_a_token_is_kept_for_the_daemon_only_and_renews_the_workers() -> None:
    with Daemon() as d:
        wait_settled(d)
        before = set(worker_pids(d).values())
        token = "sk-ant-oat01-" + "x" * 80
        with ControlFeed(d.socket) as f:
            path = f.ask("login.set", token=token)["path"]
        assert path == os.path.join(d.state, "claude-token")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and open(path).read() == token + "\n"
        wait_for(lambda: gone(list(before)), "the old workers to be gone")
        wait_settled(d)
        assert d.chat().status == 200
        assert token not in "\n".join(d.log_lines()) and "not logged" in d.wait_log("control: login.set").string


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "nön-ascii", "tab\t"])
def test_what_is_no_token_is_refused_and_nothing_is_kept(token: str) -> None:
    with Daemon() as d:
        e = refusal(d, "login.set", token=token)
        assert e.field == "token"
        assert not os.path.exists(os.path.join(d.state, "claude-token"))


def test_a_token_that_would_not_be_used_is_not_taken() -> None:
    with Daemon(options={"claude.login": "user"}) as d:
        e = refusal(d, "login.set", token="sk-ant-oat01-" + "x" * 80)
        assert e.code == REFUSED and "claude.login" in str(e)
        assert not os.path.exists(os.path.join(d.state, "claude-token"))


# ---- plan, service


def test_plan_windows_are_told_when_they_change() -> None:
    with Daemon() as d:
        wait_settled(d)
        with ControlFeed(d.socket) as f:
            f.ask("subscribe", topics=["plan"])
            assert d.chat("[[sim:plan=allowed]] hello").status == 200
            plan = f.event("plan")
            assert plan == f.ask("plan") and plan["status"] != "unknown"


def test_the_services_state_is_told_when_it_changes() -> None:
    with Daemon() as d:
        with ControlFeed(d.socket) as f:
            f.ask("subscribe", topics=["service"])
            d.ctl("pause")
            f.event("service", lambda s: s["state"] == "paused")
            d.ctl("resume")
            f.event("service", lambda s: s["state"] == "serving")


# ---- budgets


def test_the_budgets_closest_to_their_limit_come_first() -> None:
    with Daemon() as d:
        for name, tokens in (("roomy", "1M"), ("tight", "1000"), ("wide", "10M")):
            d.ctl("projects", "create", name)
            d.ctl("budgets", "set", name, "--tokens", tokens)
            assert d.chat(project_id=name, max_tokens=20).status == 200
        for count in (1, 2, 3, 1000):
            found = [b["project"] for b in d.ctl("budgets", "list", "--closest", str(count))["budgets"]]
            assert found == ["tight", "roomy", "wide"][:count]
        assert {b["project"] for b in d.ctl("budgets", "list")["budgets"]} == {"roomy", "tight", "wide"}


# ---- figures


def test_figures_are_told_every_second_and_follow_the_work() -> None:
    with Daemon(options={"cache.enabled": True}) as d:
        wait_settled(d)
        for _ in range(4):
            assert d.chat("same", temperature=0).status == 200
        assert d.chat("[[sim:error=500]] no", temperature=0).status >= 500
        with ControlFeed(d.socket) as f:
            f.ask("subscribe", topics=["stats"])
            stats = f.event("stats", lambda s: s["counts"]["requests"] == 5)
            stats = f.event("stats", lambda s: s["errors_per_cent"] is not None)
        assert stats["errors_per_cent"] == pytest.approx(20) and stats["requests_per_minute"] > 0
        assert stats["cache_hits_per_cent"] == pytest.approx(60) and stats["first_token_ms"]["count"] >= 1


def test_no_event_is_lost_without_a_snapshot_under_load() -> None:
    """Five watchers of everything, one of them slow, while requests come as fast as they can."""
    with Daemon(options={"cache.enabled": True, "log.level": "info"}) as d:
        d.chat("same", temperature=0)
        stop = threading.Event()
        problems: List[str] = []

        def watch(slow: bool) -> None:
            f = ControlFeed(d.socket, receive_buffer=4096 if slow else None)
            seq = f.ask("subscribe", recent=100)["seq"]
            resyncs = 0
            ended = 0
            while not stop.is_set() or ended < 1:
                note = f.next()
                p = note["params"]
                if note["method"] == "snapshot":
                    if p["seq"] < seq or p["lost"] <= 0:
                        problems.append(f"snapshot {p['seq']} after {seq}, lost {p['lost']}")
                    resyncs += 1
                elif p["seq"] != seq + 1:
                    problems.append(f"{p['seq']} after {seq}")
                seq = p["seq"]
                ended += p.get("topic") == "request"
            f.close()

        watchers = [threading.Thread(target=watch, args=(n == 0,)) for n in range(5)]
        for w in watchers:
            w.start()
        for _ in range(400):
            assert d.chat("same", temperature=0).status == 200
        stop.set()
        d.chat("same", temperature=0)
        for w in watchers:
            w.join(60)
        assert not problems and not any(w.is_alive() for w in watchers)
