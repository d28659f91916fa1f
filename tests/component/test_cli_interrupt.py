"""Stopping a turn, and the requests the CLI adds by itself when nobody stops it.

Same parametrisation as test_cli_protocol.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import clidriver as cli  # noqa: E402
from clibackend import Backend, any_backend, assert_aborted, backend, clean, stub  # noqa: E402, F401


# --- interrupt ---


def test_interrupt_while_streaming(any_backend: Backend) -> None:
    worker = any_backend.ready()
    user = worker.user(any_backend.slow_answer())
    worker.write(user)
    worker.until(lambda line: cli.is_event(line, "content_block_delta"))
    assert worker.ask("interrupt", cancel_queued=True)["response"] == {"still_queued": [], "cancelled": []}
    lines = worker.until(cli.turn_ended)
    result = assert_aborted(lines)
    partial = next(line for line in lines if line["type"] == "assistant")
    assert partial["aborted"] is True and partial["message"]["content"][0]["text"]
    assert result["usage"]["output_tokens"] == 0
    assert result["model_usage_since_last_result"]["claude-haiku-5-5"]["inputTokens"] > 0
    assert clean(worker.rewind(user["uuid"]))


def test_interrupt_before_the_first_byte(any_backend: Backend) -> None:
    worker = any_backend.ready()
    user = worker.user(any_backend.late_answer())
    worker.write(user)
    worker.until(cli.is_status)
    worker.ask("interrupt", cancel_queued=True)
    assert_aborted(worker.until(cli.turn_ended))
    assert clean(worker.rewind(user["uuid"]))
    any_backend.stub.script()
    assert cli.result_of(worker.turn("next")[1])["result"] == any_backend.answer_of("next")


def test_interrupt_right_behind_the_user_line_cancels_it(any_backend: Backend) -> None:
    worker = any_backend.ready()
    user = worker.user("never")
    interrupt = worker.control("interrupt", cancel_queued=True)
    worker.write(user, interrupt)
    lines = worker.until(lambda line: cli.replies_to(line, interrupt))
    assert lines[-1]["response"]["response"]["cancelled"] == [user["uuid"]]
    user2, lines = worker.turn("after")
    assert cli.result_of(lines)["user_message_uuid"] == user2
    assert any_backend.stub.messages() == (0 if any_backend.kind == "canned" else 1)


def test_plain_interrupt_leaves_the_queued_line(any_backend: Backend) -> None:
    """The turn begins all the same; on the real CLI the interrupt may still reach it."""
    worker = any_backend.ready()
    user = worker.user("still")
    interrupt = worker.control("interrupt")
    worker.write(user, interrupt)
    assert worker.reply(interrupt)["response"] == {"still_queued": [user["uuid"]]}
    assert cli.result_of(worker.until(cli.turn_ended))["user_message_uuid"] == user["uuid"]


def test_interrupt_when_idle_is_harmless(any_backend: Backend) -> None:
    worker = any_backend.ready()
    assert worker.ask("interrupt", cancel_queued=True)["subtype"] == "success"
    assert cli.result_of(worker.turn("hello")[1])["is_error"] is False


def test_interrupted_output_is_estimated_from_its_length(backend: Backend) -> None:
    backend.stub.script({"words": 400, "chunks": 2, "pace_ms": 60000})
    worker = backend.ready()
    worker.write(worker.user("hello"))
    lines = worker.until(lambda line: cli.is_event(line, "content_block_delta"))
    streamed = len(cli.text_of(lines))
    worker.ask("interrupt", cancel_queued=True)
    result = assert_aborted(worker.until(cli.turn_ended))
    row = result["model_usage_since_last_result"]["claude-haiku-5-5"]
    assert (row["inputTokens"], row["outputTokens"]) == (10, streamed // 3)


# --- continuations ---


LONG_PROMPT = " ".join(["word"] * 50)


def test_max_tokens_goes_on_by_itself_and_then_fails(any_backend: Backend) -> None:
    worker = any_backend.ready()
    worker.set_env(CLAUDE_CODE_MAX_OUTPUT_TOKENS="3")
    user, lines = worker.turn(LONG_PROMPT)
    result = cli.result_of(lines)
    stops = [line["event"]["delta"]["stop_reason"] for line in lines if cli.is_event(line, "message_delta")]
    assert stops == ["max_tokens"] * 4 and result["num_turns"] == 4
    assert (result["api_error"], result["terminal_reason"]) == ("max_output_tokens", "api_error")
    assert result["model_usage_since_last_result"]["claude-haiku-5-5"]["outputTokens"] == 12
    injected = [line for line in lines if line["type"] == "user"]
    assert len(injected) == 3 and all(line["isSynthetic"] for line in injected)
    assert clean(worker.rewind(user))


def test_interrupt_on_max_tokens_ends_the_turn_with_exact_figures(any_backend: Backend) -> None:
    """The interrupt races with the continuation, which is therefore slow here: what it would use is not the matter."""
    worker = any_backend.ready()
    worker.set_env(CLAUDE_CODE_MAX_OUTPUT_TOKENS="3")
    any_backend.stub.script({"match": "Output token limit hit", "delay_ms": 60000})
    user = worker.user(LONG_PROMPT)
    worker.write(user)
    worker.until(lambda line: cli.is_event(line, "message_delta"))
    worker.ask("interrupt", cancel_queued=True)
    result = assert_aborted(worker.until(cli.turn_ended))
    assert (result["stop_reason"], result["usage"]["output_tokens"]) == ("max_tokens", 3)
    assert result["model_usage_since_last_result"]["claude-haiku-5-5"]["outputTokens"] == 3
    assert clean(worker.rewind(user["uuid"]))


def test_empty_answer_is_asked_for_once_more(any_backend: Backend) -> None:
    any_backend.stub.script({"empty": True})
    _, lines = any_backend.ready().turn("[[sim:empty]]" if any_backend.kind == "canned" else "hello")
    result = cli.result_of(lines)
    assert (result["is_error"], result["result"], result["num_turns"]) == (False, "", 2)
