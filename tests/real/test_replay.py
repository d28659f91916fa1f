"""Replay mode on the real CLI: the conversation goes through the CLI's own prompt parser turn by turn, and must come out
as it went in."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path
from typing import Any, Dict, List

import pytest
from expect import assert_error, assert_serves, assistant, dump, only_body, system_prompt, text, turns, user
from harness import Daemon, Stub

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC")


def conversation(*words: str) -> List[Dict[str, Any]]:
    """Alternating turns, the user's first."""
    return [{"role": "assistant" if i % 2 else "user", "content": w} for i, w in enumerate(words)]


def expected(*words: str) -> List[Dict[str, Any]]:
    return [(assistant if i % 2 else user)(w) for i, w in enumerate(words)]


def test_history_arrives_in_order_and_without_tools(replay: Daemon, upstream: Stub) -> None:
    words = [f"turn {n}" for n in range(1, 10)]
    r = replay.chat([{"role": "system", "content": "You count."}] + conversation(*words))
    assert (r.status, r.text) == (200, "echo: turn 9")
    sent = only_body(upstream)
    assert turns(sent) == expected(*words)
    assert sent["tools"] == []
    assert system_prompt(sent) == "You count."


def test_next_request_knows_nothing_of_the_history_before(replay: Daemon, upstream: Stub) -> None:
    assert replay.chat([{"role": "system", "content": "You count."}] + conversation("one", "two", "three")).status == 200
    upstream.reset()
    assert replay.chat("four").status == 200
    sent = only_body(upstream)
    assert turns(sent) == expected("four")
    assert system_prompt(sent) == "You are a helpful assistant."
    assert not any(word in dump(sent) for word in ('"one"', '"two"', '"three"', "You count."))


def test_stream_and_usage_work_as_in_body_mode(replay: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "count", "text": "one two", "usage": {"input_tokens": 77, "output_tokens": 2}})
    s = replay.stream(conversation("hello", "hi", "count"), stream_options={"include_usage": True})
    assert s.done and (s.text, s.finish_reason) == ("one two", "stop")
    assert s.frames[-1]["usage"]["prompt_tokens"] == 77 and s.frames[-1]["usage"]["cost_usd"] > 0


def test_max_tokens_and_effort_are_honoured(replay: Daemon, upstream: Stub) -> None:
    once = {"match": "talk", "words": 50, "times": 1}
    upstream.script(once, {"match": "talk", "delay_ms": 60000})  # a continuation gets no answer
    r = replay.chat("talk", max_tokens=5, reasoning_effort="high")
    assert (r.status, r.json["choices"][0]["finish_reason"]) == (200, "length")
    assert r.text.split() == ["w0", "w1", "w2", "w3", "w4"]
    sent = upstream.bodies()
    assert len(sent) <= 2 and (sent[0]["max_tokens"], sent[0]["output_config"]["effort"]) == (5, "high")
    assert_serves(replay, upstream)


def test_image_in_an_earlier_turn_stays_where_it_was(replay: Daemon, upstream: Stub) -> None:
    data = base64.b64encode(PIXEL).decode()
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    messages = conversation("look", "I see.", "and?")
    messages[0]["content"] = [text("look"), picture]
    assert replay.chat(messages).status == 200
    sent = turns(only_body(upstream))
    assert [b["type"] for b in sent[0]["content"]] == ["text", "image"]
    assert sent[1:] == expected("look", "I see.", "and?")[1:]


def test_conversation_that_begins_with_the_assistant_gets_an_opening(replay: Daemon, upstream: Stub) -> None:
    messages = [{"role": "assistant", "content": "How can I help?"}, {"role": "user", "content": "Sing."}]
    assert replay.chat(messages).status == 200
    sent = turns(only_body(upstream))
    assert sent[1:] == [assistant("How can I help?"), user("Sing.")]
    assert sent[0]["role"] == "user"
    assert_serves(replay, upstream)


@pytest.fixture(scope="module")
def canary(replay: Daemon) -> str:
    """A secret in every file that the mentions below name."""
    secret = secrets.token_hex(12)
    for folder in ("empty", "home"):
        (Path(replay.state) / folder / "canary.txt").write_text(secret)
    return secret


def test_mentions_are_not_read_in_any_turn(replay: Daemon, upstream: Stub, canary: str) -> None:
    path = Path(replay.state) / "empty" / "canary.txt"
    mentions = [f"@{path}", "see @./canary.txt please", "@~/canary.txt", '@"canary.txt"', "@/etc/passwd", "@./", "@canary.txt#L1-2"]
    for at in range(0, 5):
        for mention in mentions if at in (0, 4) else mentions[:2]:
            words = ["one", "two", "three", "four", "five"]
            words[at] = mention
            upstream.reset()
            r = replay.chat([{"role": "system", "content": f"Mind {mention}"}] + conversation(*words))
            assert r.status == 200, (at, mention)
            sent = only_body(upstream)
            assert turns(sent) == expected(*words)
            assert canary not in dump(sent) and "root:x:0:0" not in dump(sent)


@pytest.mark.parametrize("command", ["/clear", "/help", "/compact", "/model opus", "/cost", "!id", "#remember this"])
def test_commands_are_text_in_every_turn(replay: Daemon, upstream: Stub, command: str) -> None:
    for words in ([command], [command, "yes?", "go on"], ["hello", command, "go on"], ["hello", "yes?", command]):
        upstream.reset()
        r = replay.chat(conversation(*words))
        assert (r.status, r.text) == (200, f"echo: {words[-1]}")
        sent = only_body(upstream)
        assert turns(sent) == expected(*words)
        assert "uid=0" not in dump(sent)


@pytest.mark.parametrize(
    "field, value",
    [
        ("temperature", 0.7),
        ("top_p", 0.9),
        ("stop", ["END"]),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}),
    ],
)
def test_what_only_the_body_can_carry_is_refused_by_name(replay: Daemon, upstream: Stub, field: str, value: Any) -> None:
    error = assert_error(replay.chat("hi", **{field: value}), 400, "invalid_request_error", "unsupported_by_cli", retry=False)
    assert error["param"] == field and field in error["message"]
    assert upstream.count() == 0


def test_trailing_assistant_turn_is_refused(replay: Daemon, upstream: Stub) -> None:
    r = replay.chat(conversation("hello", "I say"))
    error = assert_error(r, 400, "invalid_request_error", "unsupported_by_cli", retry=False)
    assert error["param"] == "messages[1].role"
    assert upstream.count() == 0


def test_failed_history_leaves_nothing_behind(replay: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "first life", "status": 400, "message": "no."})
    assert replay.chat(conversation("first life", "yes", "and on")).status == 400
    assert_serves(replay, upstream)
