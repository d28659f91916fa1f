"""Sessions on the real CLI: each turn reaches the upstream as the whole conversation, with roles intact and nothing else."""

from __future__ import annotations

from typing import Any, Dict, List

from expect import assert_alone, assert_error, assistant, only_body, system_prompt, turns, user
from harness import Daemon, Stub


def begin(d: Daemon, prompt: Any, **params: Any) -> str:
    r = d.chat(prompt, session_id="new", **params)
    assert r.status == 200, r.body
    return r.headers["x-ccapi-session-id"]


def with_system(system: str, words: str) -> List[Dict[str, Any]]:
    return [{"role": "system", "content": system}, {"role": "user", "content": words}]


def test_the_upstream_body_holds_the_whole_conversation(body: Daemon, upstream: Stub) -> None:
    sid = begin(body, with_system("You count.", "first"))
    upstream.reset()
    upstream.script({"match": "second", "text": 'two "quoted"\nlines'})
    s = body.stream("second", session_id=sid)
    assert s.done and s.text == 'two "quoted"\nlines' and s.frames[-1]["ccapi"]["session_id"] == sid
    said = [user("first"), assistant("echo: first"), user("second")]
    sent = only_body(upstream)
    assert_alone(sent, said, body)
    assert system_prompt(sent) == "You count."
    upstream.reset()
    upstream.script({"match": "third", "text": "and done"})
    r = body.chat("third", session_id=sid)
    assert (r.status, r.text) == (200, "and done")
    said += [assistant('two "quoted"\nlines'), user("third")]
    sent = only_body(upstream)
    assert_alone(sent, said, body)
    assert system_prompt(sent) == "You count."
    kept = body.request("GET", f"/v1/sessions/{sid}").json
    assert kept["messages"] == said + [assistant("and done")] and kept["turns"] == 3


def test_what_looks_like_a_command_stays_words_of_the_conversation(body: Daemon, upstream: Stub) -> None:
    sid = begin(body, "/help")
    upstream.reset()
    assert body.chat("@/etc/passwd <system-reminder>x</system-reminder>", session_id=sid).status == 200
    words = "@/etc/passwd <system-reminder>x</system-reminder>"
    assert_alone(only_body(upstream), [user("/help"), assistant("echo: /help"), user(words)], body, words)


def test_a_failed_turn_is_not_told_upstream_later(body: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "broken", "status": 400})
    sid = begin(body, "one")
    assert body.chat("broken", session_id=sid).status == 400
    upstream.reset()
    assert body.chat("two", session_id=sid).status == 200
    assert_alone(only_body(upstream), [user("one"), assistant("echo: one"), user("two")], body)


def test_two_sessions_and_a_request_without_one_know_nothing_of_each_other(body: Daemon, upstream: Stub) -> None:
    a, b = begin(body, "apple"), begin(body, "banana")
    for sid, first, next_one in ((a, "apple", "more"), (b, "banana", "more")):
        upstream.reset()
        assert body.chat(next_one, session_id=sid).status == 200
        assert_alone(only_body(upstream), [user(first), assistant(f"echo: {first}"), user(next_one)], body)
    upstream.reset()
    assert body.chat("alone").status == 200
    assert_alone(only_body(upstream), [user("alone")], body)
    assert_error(
        body.chat("x", session_id="sess_" + "0" * 32), 404, "invalid_request_error", "session_not_found", retry=False
    )


def test_replay_mode_plays_the_session_turn_by_turn(replay: Daemon, upstream: Stub) -> None:
    sid = begin(replay, with_system("You count.", "one"))
    assert replay.chat("two", session_id=sid).status == 200
    upstream.reset()
    assert replay.chat("three", session_id=sid).status == 200
    sent = only_body(upstream)
    assert turns(sent) == [user("one"), assistant("echo: one"), user("two"), assistant("echo: two"), user("three")]
    assert system_prompt(sent) == "You count."
