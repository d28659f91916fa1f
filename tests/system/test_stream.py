"""WebSocket /v1/stream: who may have one, what is said on it, and how chats and connections end.  test_stream_load.py has
many of them at once and readers that stand still."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
import websockets
from harness import Daemon, bearer, wait_for
from system_support import HOLD, read_all, wait_busy, wait_settled

KEYED: Dict[str, Any] = {"auth.required": True}
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
LONG_ANSWER = "[[sim:pace=20]][[sim:tokens=1000]] go"


@pytest.fixture(scope="module")
def d() -> Iterator[Daemon]:
    with Daemon(options={"pool.workers": 4}) as daemon:
        yield daemon


def refused(d: Daemon, headers: Dict[str, str]) -> int:
    with pytest.raises(websockets.InvalidStatusCode) as e:
        d.websocket(headers)
    return int(e.value.status_code)


def ledger(d: Daemon) -> List[sqlite3.Row]:
    db = sqlite3.connect(f"file:{d.state}/ledger.db?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    try:
        return db.execute("SELECT * FROM ledger ORDER BY seq").fetchall()
    finally:
        db.close()


# -- chats


def test_a_chat_is_start_tokens_and_done_with_its_figures(d: Daemon) -> None:
    with d.websocket({"x-request-id": "plain"}) as ws:
        ws.chat("a", "[[sim:usage=100,20]] one two")
        done = ws.end_of("a")
        start, tokens = ws.got[0], ws.got[1:-1]
        assert start == {"type": "start", "id": "a", "model": "claude-haiku-5-5", "route": "requested", "request_id": "plain.0"}
        assert len(tokens) > 2 and all(m["type"] == "token" and m["id"] == "a" for m in tokens)
        assert ws.text("a").startswith("You said: ") and ws.text("a").endswith("one two")
        assert (done["finish_reason"], done["model"], done["cached"]) == ("stop", "claude-haiku-5-5", False)
        assert done["usage"]["total_tokens"] == 120 and done["cost_usd"] == done["usage"]["cost_usd"] > 0
        assert "session_id" not in done
        row = ledger(d)[-1]
        assert (row["input_tokens"], row["output_tokens"]) == (100, 20)
        assert row["cost_micro_usd"] == round(done["cost_usd"] * 1e6)
    d.wait_log(r"request_id=plain\.0 peer=\S+ method=WS path=/v1/stream status=200 .*model=claude-haiku-5-5")
    d.wait_log(r"request_id=plain peer=\S+ method=GET path=/v1/stream status=101 ")


def test_chats_do_not_wait_for_each_other_and_one_is_cancelled_alone(d: Daemon) -> None:
    with d.websocket({"x-request-id": "cancels"}) as ws:
        ws.chat("long", LONG_ANSWER)
        ws.until(lambda m: m["type"] == "token")
        assert ws.ask("short", "hello")["type"] == "done"
        assert not any(m["type"] == "done" and m["id"] == "long" for m in ws.got)
        ws.send({"type": "cancel", "id": "long"})
        end = ws.end_of("long")
        assert (end["type"], end["finish_reason"]) == ("done", "cancelled")
        assert "ccapi" in end and end["usage"]["total_tokens"] > 0
        ws.send({"type": "cancel", "id": "long"})
        m = ws.next()
        assert (m["type"], m["id"], m["error"]["code"], m["error"]["param"]) == ("error", "long", "not_found", "id")
        assert ws.ask("long", "the id is free again")["type"] == "done"
    d.wait_log(r"request_id=cancels\.0 .*status=499 .*fault=cancelled")
    wait_busy(d, 0)


@pytest.mark.parametrize("how", ["close", "break_off"])
def test_leaving_cancels_all_chats(d: Daemon, how: str) -> None:
    ws = d.websocket({"x-request-id": how})
    for i in range(3):
        ws.chat(str(i), HOLD)
    wait_busy(d, 3)
    getattr(ws, how)()
    wait_busy(d, 0)
    for i in range(3):
        d.wait_log(rf"request_id={how}\.{i} .*status=499")


def test_who_has_no_key_yet_cannot_fill_memory() -> None:
    with Daemon(options=KEYED) as d:
        ws = d.websocket()
        ws.send('"' + "x" * (65 << 10) + '"')
        assert ws.wait_closed() == 1009
        with d.websocket() as good:
            good.send({"type": "auth", "api_key": d.new_key("demo")})
            good.send({"type": "ping", "filler": "x" * (65 << 10)})
            assert [good.next()["type"], good.next()["type"]] == ["auth_ok", "pong"]


def test_a_failure_is_one_error_and_the_connection_lives(d: Daemon) -> None:
    with d.websocket() as ws:
        early = ws.ask("early", "[[sim:error=400]] x")
        assert early["type"] == "error" and [m["type"] for m in ws.got] == ["error"]
        late = ws.ask("late", "[[sim:crash=after]] x y z")
        assert late["error"]["code"] == "worker_failed" and ws.text("late")
        unknown = ws.ask("model", "x", model="gpt-4")
        assert (unknown["error"]["code"], unknown["error"]["param"]) == ("model_not_found", "model")
        assert ws.ask("after", "hello")["type"] == "done"


def test_bad_messages_are_answered_and_the_connection_lives(d: Daemon) -> None:
    with d.websocket() as ws:
        for bad, id_, param in (
            ('{"type":', None, None),
            ("[]", None, None),
            ("{}", None, "type"),
            ('{"type":"fly","id":"x"}', "x", "type"),
            ('{"type":"chat","id":7,"messages":[]}', None, "id"),
            ('{"type":"chat","id":"a","id":"b"}', None, "id"),
            ('{"type":"chat","id":"x","messages":"none"}', "x", "messages"),
            ('{"type":"chat","id":"x","messages":[],"messages":[]}', "x", None),
            ('{"type":"cancel"}', None, "id"),
        ):
            ws.send(bad)
            m = ws.next()
            assert m["type"] == "error" and m["error"]["message"] and m["error"]["type"] == "invalid_request_error", m
            assert (m.get("id"), m["error"]["param"]) == (id_, param), bad
        assert ws.alive()


@pytest.mark.parametrize("code,message", [(1003, b"\1\2"), (1009, '"' + "x" * (5 << 20) + '"')], ids=["binary", "large"])
def test_what_breaks_the_rules_is_closed_with_a_code_that_says_so(d: Daemon, code: int, message: Any) -> None:
    ws = d.websocket()
    ws.send(message)
    assert ws.wait_closed() == code and ws.close_reason


def test_parameters_that_are_not_honoured_are_told(d: Daemon) -> None:
    with d.websocket() as ws:
        assert ws.ask("a", "x", seed=1, n=2, stream=False, strict=False)["type"] == "done"
        assert ws.got[0]["ignored_params"] == ["n", "seed"]
        m = ws.ask("b", "x", seed=1, strict=True)
        assert (m["type"], m["error"]["param"]) == ("error", "seed")
        assert ws.ask("c", "x", strict=True, stream=True)["type"] == "done"


def test_structured_answers_are_checked_before_they_are_sent(d: Daemon) -> None:
    json_object = {"type": "json_object"}
    with d.websocket() as ws:
        assert ws.ask("good", '[[sim:text={"a":1}]]', response_format=json_object)["type"] == "done"
        assert ws.text("good") == '{"a":1}'
        bad = ws.ask("bad", "[[sim:text=words]]", response_format=json_object)
        assert (bad["type"], bad["error"]["code"]) == ("error", "upstream_error")


def test_chats_at_one_time_are_bounded_per_connection() -> None:
    with Daemon(options={"websocket.max_chats": 2}) as d, d.websocket() as ws:
        ws.chat("a", HOLD)
        ws.chat("b", HOLD)
        ws.chat("a", "the same id")
        m = ws.next()
        assert m["error"]["code"] == "conflict" and "id" not in m  # with an id it would be the end of that chat
        ws.chat("c", "hello")
        m = ws.next()
        assert (m["id"], m["error"]["type"], m["error"]["code"]) == ("c", "requests", "rate_limit_exceeded")
        assert m["error"]["retry_after"] > 0
        ws.send({"type": "cancel", "id": "a"})
        assert ws.end_of("a")["finish_reason"] == "cancelled"
        assert ws.ask("d", "hello")["type"] == "done"


def test_the_cache_serves_both_ways_at_no_cost() -> None:
    with Daemon(options={"cache.enabled": True}) as d, d.websocket() as ws:
        first = ws.ask("a", "what is it")
        second = ws.ask("b", "what is it")
        assert (first["cached"], second["cached"], second["cost_usd"]) == (False, True, 0)
        assert ws.text("a") == ws.text("b")
        assert d.chat("what is it").headers["x-ccapi-cache"] == "hit"
        assert d.chat("and this").status == 200
        assert ws.ask("c", "and this")["cached"] is True
        assert ws.ask("d", "and this", cache={"no_cache": True})["cached"] is False


# -- who may


def test_an_upgrade_that_is_refused_is_an_ordinary_error(d: Daemon) -> None:
    def ask(**changed: Any) -> Any:
        headers = {**UPGRADE, **{k.replace("_", "-"): v for k, v in changed.items()}}
        return d.request("GET", "/v1/stream", headers={k: v for k, v in headers.items() if v is not None})

    for changed, status in (
        ({"Upgrade": None}, 426),
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Key": "short"}, 400),
        ({"Sec_WebSocket_Protocol": "chat"}, 400),
        ({"Sec_WebSocket_Protocol": "CCAPI.V1"}, 400),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Host": "elsewhere.example"}, 403),
        ({"x_api_key": "ccapi_nonsense"}, 401),
    ):
        r = ask(x_request_id=f"refused-{status}", **changed)
        assert r.status == status and r.error["message"], changed
        assert r.headers["x-request-id"] == f"refused-{status}"
        d.wait_log(rf"request_id=refused-{status} .*method=GET path=/v1/stream status={status}")
    r = ask(Upgrade=None)
    assert (r.headers["upgrade"], r.headers["connection"].lower()) == ("websocket", "upgrade")


def test_an_upgrade_on_a_connection_that_served_before_is_dropped_without_a_byte(d: Daemon) -> None:
    """A proxy that reuses its connections tries again on a fresh one."""
    head = "".join(f"{k}: {v}\r\n" for k, v in UPGRADE.items())
    got = read_all(d.send_raw(f"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
                              f"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode()))  # fmt: skip
    assert got.count(b"HTTP/1.1 ") == 1 and got.startswith(b"HTTP/1.1 200 ")


def test_a_head_that_is_too_large_to_be_looked_at_is_431(d: Daemon) -> None:
    r = d.request("GET", "/v1/stream", headers={**UPGRADE, "x-filler": "x" * 9000})
    assert r.status == 431 and "8192" in r.error["message"]


def test_origins(d: Daemon) -> None:
    with Daemon(options={"http.cors_origins": "https://app.example"}) as other:
        for origin, status in (
            (f"http://127.0.0.1:{other.port}", 101),
            (f"https://127.0.0.1:{other.port}", 101),
            ("https://app.example", 101),
            ("https://app.example:8443", 403),
            ("http://127.0.0.1:1", 403),
            ("null", 403),
        ):
            if status == 101:
                with other.websocket(origin=origin) as ws:
                    assert ws.alive()
            else:
                assert refused(other, {"Origin": origin}) == status, origin


def test_subprotocols(d: Daemon) -> None:
    with d.websocket(subprotocols=["other", "ccapi.v1"]) as ws:
        assert ws.subprotocol == "ccapi.v1" and ws.alive()
    with d.websocket() as ws:
        assert ws.subprotocol is None and ws.alive()


def test_room_is_bounded() -> None:
    with Daemon(options={"websocket.max_connections": 1}) as d:
        first = d.websocket()
        r = d.request("GET", "/v1/stream", headers=UPGRADE)
        assert (r.status, r.error["code"]) == (503, "overloaded") and r.headers["retry-after"]
        first.close()
        wait_for(lambda: len(d.log_lines(r"method=GET path=/v1/stream status=101")) == 1, "the place to be free")
        with d.websocket() as ws:
            assert ws.alive()


def test_keys_in_the_header_and_in_the_first_message() -> None:
    with Daemon(options=KEYED) as d:
        key = d.new_key("demo")
        for headers in (bearer(key), {"x-api-key": key}):
            with d.websocket(headers) as ws:
                assert ws.ask("a", "hello")["type"] == "done"
                ws.send({"type": "auth", "api_key": key})
                assert ws.next()["error"]["param"] == "type"
                assert ws.alive()
        with d.websocket() as ws:
            ws.send({"type": "auth", "api_key": key})
            assert ws.next() == {"type": "auth_ok"}
            assert ws.ask("a", "hello", project_id="demo")["type"] == "done"
            assert ws.ask("b", "hello", project_id="other")["error"]["code"] == "permission_denied"
        assert {row["project"] for row in ledger(d)} == {"demo"}
        assert refused(d, bearer("ccapi_nonsense")) == 401
        assert refused(d, bearer(d.new_key("demo", "--scopes", "usage"))) == 403
        assert not d.log_lines(key[6:40])


@pytest.mark.parametrize("first", [{"type": "auth", "api_key": "ccapi_nonsense"}, {"type": "ping"},
                                   {"type": "chat", "id": "a", "messages": [{"role": "user", "content": "x"}]}])  # fmt: skip
def test_who_brings_no_good_key_first_is_told_and_closed(first: Any) -> None:
    with Daemon(options=KEYED) as d:
        key = d.new_key("demo")
        ws = d.websocket(path=f"/v1/stream?api_key={key}")  # a key in the URL is not looked at
        ws.send(first)
        assert ws.wait_closed() == 1008 and ws.close_reason
        assert ws.got[-1]["error"]["code"] == "invalid_api_key"
        assert not ledger(d)


def test_a_key_has_to_come_in_time_where_one_is_needed() -> None:
    with Daemon(options={**KEYED, "websocket.auth_timeout": "200ms"}) as d:
        ws = d.websocket()
        assert ws.wait_closed() == 1008 and "key" in ws.close_reason


def test_a_revoked_key_ends_the_connection_at_its_next_chat() -> None:
    with Daemon(options=KEYED) as d:
        d.ctl("projects", "create", "demo")
        made = d.ctl("keys", "create", "--project", "demo")
        ws = d.websocket(bearer(made["key"]))
        assert ws.ask("a", "hello")["type"] == "done"
        d.ctl("keys", "revoke", made["id"])
        m = ws.ask("b", "hello")
        assert m["error"]["code"] == "invalid_api_key" and "revoked" in m["error"]["message"]
        assert ws.wait_closed() == 1008


def test_limits_and_budgets_are_those_of_every_request() -> None:
    with Daemon(options=KEYED) as d:
        limited = d.new_key("one", "--requests-per-minute", "2")
        d.new_key("two")
        d.ctl("budgets", "set", "two", "--tokens", "3000", "--window", "month")
        with d.websocket(bearer(limited)) as ws:
            assert ws.ask("a", "x")["type"] == "done"
            assert d.chat("x", headers=bearer(limited)).status == 200
            m = ws.ask("b", "x")
            assert (m["error"]["type"], m["error"]["code"]) == ("requests", "rate_limit_exceeded")
            assert 0 < m["error"]["retry_after"] <= 30
        with d.websocket(bearer(d.new_key("two"))) as ws:
            assert ws.ask("a", "[[sim:usage=1000,1000]] x", max_tokens=1000)["type"] == "done"
            m = ws.ask("b", "[[sim:usage=1000,1000]] x", max_tokens=1000)
            assert m["error"]["code"] == "insufficient_quota" and "retry_after" not in m["error"]


# -- the daemon's end, and its settings


def test_a_drain_closes_idle_ones_at_once_and_others_after_their_last_chat() -> None:
    with Daemon() as d:
        idle, busy = d.websocket(), d.websocket()
        busy.chat("last", "[[sim:pace=20]][[sim:tokens=50]] go")
        busy.until(lambda m: m["type"] == "token")
        d.signal(signal.SIGTERM)
        assert idle.wait_closed() == 1001 and idle.close_reason == "The server is shutting down."
        assert busy.ask("late", "hello")["error"]["code"] == "overloaded"
        assert busy.end_of("last")["type"] == "done"
        assert busy.wait_closed() == 1001
        assert d.wait_exit() == 0


def test_what_outlasts_the_drain_is_told_so() -> None:
    with Daemon(options={"drain_timeout": "500ms"}) as d:
        ws = d.websocket()
        ws.chat("endless", HOLD)
        wait_busy(d)
        d.signal(signal.SIGTERM)
        assert ws.wait_closed() == 1001
        assert ws.got[-1]["type"] == "error" and ws.got[-1]["id"] == "endless"
        assert d.wait_exit() == 0


def test_a_reload_counts_for_open_connections_too(tmp_path: Path) -> None:
    path = tmp_path / "ccapid.conf"
    path.write_text("websocket: { max_chats = 1; max_message = \"4M\"; };\n")
    with Daemon(args=["--config", str(path)]) as d, d.websocket() as ws:
        ws.chat("a", HOLD)
        ws.chat("b", "hello")
        assert ws.next()["error"]["code"] == "rate_limit_exceeded"
        path.write_text("websocket: { max_chats = 2; max_message = \"1K\"; };\n")
        d.signal(signal.SIGHUP)
        d.wait_log("reload")
        wait_for(lambda: ws.ask("b" + str(len(ws.got)), "hello")["type"] == "done", "the new limit")
        ws.send({"type": "ping", "filler": "x" * 1024})
        assert ws.wait_closed() == 1009
        wait_settled(d)
