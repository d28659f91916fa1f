"""Conversations that the server keeps: by REST, by stream, by WebSocket, what they cost, and who may have them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from harness import BIN_DIR, Daemon, Stub, bearer, in_parallel, wait_for
from system_support import HOLD, wait_busy, wait_settled


@pytest.fixture(scope="module")
def d() -> Iterator[Daemon]:
    with Daemon(options={"pool.workers": 2, "pool.spares": 0, "cache.enabled": True, "sessions.max_size": "4K"}) as daemon:
        yield daemon


def begin(d: Daemon, text: str = "one", **params: Any) -> str:
    r = d.chat(text, session_id="new", **params)
    assert r.status == 200, r.body
    return r.headers["x-ccapi-session-id"]


def kept(d: Daemon, sid: str, query: str = "") -> Dict[str, Any]:
    r = d.request("GET", f"/v1/sessions/{sid}{query}")
    assert r.status == 200, r.body
    return r.json


def said(session: Dict[str, Any]) -> List[str]:
    return [f"{m['role']}: {m['content'][0]['text']}" for m in session["messages"]]


def test_a_conversation_goes_on_with_its_past(d: Daemon) -> None:
    with Stub() as up, Daemon(upstream=up, options={"pool.workers": 1, "pool.spares": 0}) as one:
        sid = begin(one, "first", **{})
        assert one.chat("second", session_id=sid).status == 200
        up.reset()
        assert one.chat("third", session_id=sid).status == 200
        body = up.bodies()[-1]
        assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user", "assistant", "user"]
        texts = [m["content"] if isinstance(m["content"], str) else m["content"][0]["text"] for m in body["messages"]]
        assert texts[0] == "first" and texts[2] == "second" and texts[4] == "third"
        s = kept(one, sid)
        assert (s["object"], s["turns"], s["project_id"]) == ("session", 3, "default")
        assert said(s)[::2] == ["user: first", "user: second", "user: third"]
        assert s["expires_at"] - s["created"] >= 24 * 3600 - 60


def test_the_answer_is_part_of_it_whole_and_streamed(d: Daemon) -> None:
    sid = begin(d, "a")
    s = d.stream("b", session_id=sid)
    assert s.headers["x-ccapi-session-id"] == sid and s.frames[-1]["ccapi"]["session_id"] == sid
    assert said(kept(d, sid)) == ["user: a", "assistant: You said: a", "user: b", "assistant: You said: b"]


def test_the_answer_is_part_of_it_where_nothing_else_keeps_it() -> None:
    """Without a cache, whole, streamed and with a temperature: each was lost once."""
    with Daemon(options={"cache.enabled": False}) as d:
        sid = begin(d, "a")
        s = d.stream("b", session_id=sid)
        assert s.done and "session" not in s.frames[-1]["ccapi"]
        assert d.chat("c", session_id=sid, temperature=1).status == 200
        assert [line.split(": ", 1)[1] for line in said(kept(d, sid))] == [
            "a", "You said: a", "b", "You said: b", "c", "You said: c"]  # fmt: skip


def test_the_system_prompt_of_the_first_turn_serves_until_another_comes(d: Daemon) -> None:
    sid = begin(d, [{"role": "system", "content": "be brief"}, {"role": "user", "content": "x"}])
    assert d.chat("y", session_id=sid).status == 200
    assert kept(d, sid)["system"] == "be brief"
    assert d.chat([{"role": "system", "content": "be long"}, {"role": "user", "content": "z"}], session_id=sid).status == 200
    assert kept(d, sid)["system"] == "be long"


@pytest.mark.parametrize("sid", ["sess_" + "0" * 32, "nonsense", "", "sess_" + "0" * 31 + "G", "../etc"])
def test_an_unknown_id_is_a_404_that_names_the_field(d: Daemon, sid: str) -> None:
    r = d.chat("x", session_id=sid)
    assert (r.status, r.error["code"], r.error["param"]) == (404, "session_not_found", "session_id")
    s = d.stream("x", session_id=sid)
    assert s.status == 404
    if sid and "/" not in sid:
        assert d.request("GET", f"/v1/sessions/{sid}").status == 404
        assert d.request("DELETE", f"/v1/sessions/{sid}").status == 404


def test_the_id_must_be_a_string(d: Daemon) -> None:
    r = d.chat("x", session_id=7)
    assert (r.status, r.error["param"]) == (400, "session_id")


def test_another_projects_id_is_a_404(d: Daemon) -> None:
    sid = begin(d, "mine", project_id="alpha")
    assert d.chat("theirs", session_id=sid, project_id="beta").status == 404
    assert d.request("GET", f"/v1/sessions/{sid}?project_id=beta").status == 404
    assert d.request("DELETE", f"/v1/sessions/{sid}?project_id=beta").status == 404
    assert kept(d, sid, "?project_id=alpha")["turns"] == 1


def test_a_key_sees_its_own_projects_sessions() -> None:
    with Daemon(options={"auth.required": True}) as k:
        one, two = k.new_key("one"), k.new_key("two")
        sid = k.chat("x", headers=bearer(one), session_id="new").headers["x-ccapi-session-id"]
        assert k.chat("x", headers=bearer(two), session_id=sid).status == 404
        assert k.request("GET", f"/v1/sessions/{sid}", headers=bearer(two)).status == 404
        assert k.request("GET", f"/v1/sessions/{sid}").status == 401
        assert k.request("DELETE", f"/v1/sessions/{sid}", headers=bearer(one)).json == {
            "id": sid, "object": "session", "deleted": True}  # fmt: skip


def test_a_deleted_session_is_gone(d: Daemon) -> None:
    sid = begin(d)
    assert d.request("DELETE", f"/v1/sessions/{sid}").status == 200
    assert d.request("DELETE", f"/v1/sessions/{sid}").status == 404
    assert d.chat("x", session_id=sid).status == 404


def test_one_request_at_a_time(d: Daemon) -> None:
    sid = begin(d)
    held = d.open_stream(HOLD, session_id=sid)
    wait_busy(d)
    r = d.chat("x", session_id=sid)
    assert (r.status, r.error["code"], r.error["param"]) == (409, "conflict", "session_id")
    assert d.request("DELETE", f"/v1/sessions/{sid}").status == 409
    assert kept(d, sid)["turns"] == 1
    held.close()
    wait_for(lambda: d.chat("x", session_id=sid).status == 200, "the session to be free")
    wait_settled(d)


def test_what_is_not_answered_leaves_it_as_it_was(d: Daemon) -> None:
    sid = begin(d)
    assert d.chat("[[sim:error=overloaded]]", session_id=sid).status >= 400
    gone = d.open_stream("[[sim:pace=3600000]] one two", session_id=sid)
    wait_busy(d)
    gone.close()
    wait_settled(d)
    wait_for(lambda: d.chat("after", session_id=sid).status == 200, "the session to be free")
    assert said(kept(d, sid))[2:] == ["user: after", "assistant: You said: after"]


def test_a_turn_that_does_not_fit_is_refused_before_it_costs_anything(d: Daemon) -> None:
    sid = begin(d, "x" * 1500)
    spent = d.request("GET", "/v1/usage").json["requests"]
    r = d.chat("y" * 3000, session_id=sid)
    assert (r.status, r.error["param"]) == (400, "session_id")
    assert d.chat("z" * 5000, session_id="new").status == 400
    assert d.request("GET", "/v1/usage").json["requests"] == spent
    assert d.chat("short", session_id=sid).status in (200, 400)


def test_hits_add_a_turn_and_the_same_bytes_mean_another_conversation(d: Daemon) -> None:
    first = d.chat("same", session_id="new")
    sid = first.headers["x-ccapi-session-id"]
    again = d.chat("same", session_id="new")
    assert again.headers["x-ccapi-cache"] == "hit" and again.headers["x-ccapi-session-id"] != sid
    one, two = d.chat("more", session_id=sid), d.chat("more", session_id=sid)
    assert one.headers["x-ccapi-cache"] == two.headers["x-ccapi-cache"] == "miss"
    assert kept(d, sid)["turns"] == 3


def test_a_replayed_answer_adds_nothing_and_names_its_session(d: Daemon) -> None:
    first = d.chat("x", headers={"Idempotency-Key": "s1"}, session_id="new")
    again = d.chat("x", headers={"Idempotency-Key": "s1"}, session_id="new")
    sid = first.headers["x-ccapi-session-id"]
    assert again.headers["x-ccapi-idempotent-replay"] == "true" and again.headers["x-ccapi-session-id"] == sid
    for _ in range(2):
        r = d.chat("y", headers={"Idempotency-Key": "s2"}, session_id=sid)
        assert r.status == 200 and r.headers["x-ccapi-session-id"] == sid
    assert kept(d, sid)["turns"] == 2


def test_not_in_a_batch(d: Daemon) -> None:
    r = d.request("POST", "/v1/batch", {"requests": [{"prompt": "x", "session_id": "new", "model": "haiku"}]})
    assert r.json["results"][0]["error"]["param"] == "session_id"


def test_many_sessions_at_once_each_get_their_own_past(d: Daemon) -> None:
    def talk(i: int) -> List[str]:
        sid = begin(d, f"s{i} 0", project_id=f"p{i % 3}")
        for k in range(1, 5):
            assert d.chat(f"s{i} {k}", session_id=sid, project_id=f"p{i % 3}").status == 200
        return said(kept(d, sid, f"?project_id=p{i % 3}"))

    for i, lines in enumerate(in_parallel(12, talk)):
        assert lines == [x for k in range(5) for x in (f"user: s{i} {k}", f"assistant: You said: s{i} {k}")]
    assert d.ctl("status")["sessions"]["entries"] >= 12


def test_a_cut_answer_counts_and_an_unwanted_one_does_not(d: Daemon) -> None:
    sid = begin(d, "a")
    r = d.chat("one two three four five six", session_id=sid, max_tokens=3)
    assert r.json["choices"][0]["finish_reason"] == "length"
    assert said(kept(d, sid))[2:] == ["user: one two three four five six", f"assistant: {r.text}"]


def test_the_last_answer_may_go_beyond_the_bound_and_the_next_turn_may_not() -> None:
    with Daemon(options={"sessions.max_size": "4K"}) as d:
        first = d.chat("x" * 3900, session_id="new")  # the answer says it again
        sid = first.headers["x-ccapi-session-id"]
        assert first.status == 200 and "x-ccapi-session" not in first.headers
        session = kept(d, sid)
        assert session["turns"] == 1 and session["bytes"] > 4096
        r = d.chat("y", session_id=sid)
        assert (r.status, r.error["param"]) == (400, "session_id")


def test_memory_has_its_bound_and_the_oldest_goes() -> None:
    with Daemon(options={"sessions.max_size": "4K", "sessions.max_bytes": "64K"}) as d:
        ids = [begin(d, f"{i} " + "x" * 1000) for i in range(30)]
        status = d.ctl("status")["sessions"]
        assert status["bytes"] <= 64 * 1024 and status["evictions"] > 0
        assert d.chat("y", session_id=ids[0]).error["code"] == "session_not_found"
        assert d.chat("y", session_id=ids[-1]).status == 200


def test_a_reload_changes_how_long_they_are_kept(tmp_path: Path) -> None:
    conf = tmp_path / "ccapid.conf"
    conf.write_text('sessions: { ttl = "10m"; };\n')
    with Daemon(args=["--config", str(conf)]) as one:
        sid = begin(one)
        first = kept(one, sid)
        conf.write_text('sessions: { ttl = "20m"; };\n')
        assert one.ctl_run("config", "reload").returncode == 0
        second = kept(one, sid)
        assert (second["expires_at"] - first["expires_at"], first["expires_at"] - first["created"]) == (600, 600)


def test_bounds_that_do_not_fit_each_other_are_refused() -> None:
    argv = [str(BIN_DIR / "ccapid"), "--check-config", "-o", "sessions.max_size=1M", "-o", "sessions.max_bytes=1M"]
    p = subprocess.run(argv, capture_output=True, text=True)
    assert p.returncode != 0 and "sessions.max_bytes" in p.stdout + p.stderr


def test_over_a_websocket(d: Daemon) -> None:
    import asyncio

    import websockets

    async def run() -> None:
        async with websockets.connect(f"ws://127.0.0.1:{d.port}/v1/stream") as ws:

            async def ask(text: str, sid: str) -> Dict[str, Any]:
                await ws.send(json.dumps({"type": "chat", "model": "haiku", "session_id": sid,
                                          "messages": [{"role": "user", "content": text}]}))  # fmt: skip
                while True:
                    m = json.loads(await ws.recv())
                    if m["type"] in ("done", "error"):
                        return m

            first = await ask("one", "new")
            sid = first["ccapi"]["session_id"]
            assert (await ask("two", sid))["ccapi"]["session_id"] == sid
            assert (await ask("x", "nonsense"))["error"]["code"] == "session_not_found"
            assert said(kept(d, sid))[::2] == ["user: one", "user: two"]

    asyncio.run(run())


def test_a_replay_needs_no_session_that_is_free_or_still_there(d: Daemon) -> None:
    sid = begin(d, "a", headers={"Idempotency-Key": "r0"})
    answer = d.chat("b", session_id=sid, headers={"Idempotency-Key": "r1"})
    assert answer.status == 200
    stream = d.open_stream(HOLD, session_id=sid)
    wait_busy(d)
    again = d.chat("b", session_id=sid, headers={"Idempotency-Key": "r1"})
    assert again.headers["x-ccapi-idempotent-replay"] == "true" and again.json == answer.json
    stream.close()
    wait_settled(d)
    wait_for(lambda: d.request("DELETE", f"/v1/sessions/{sid}").status == 200, "it to be deleted")
    assert d.chat("b", session_id=sid, headers={"Idempotency-Key": "r1"}).json == answer.json
    assert d.chat("c", session_id=sid, headers={"Idempotency-Key": "r2"}).status == 404
