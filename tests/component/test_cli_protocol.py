"""What the daemon relies on when it drives a worker, proved on the real CLI and on claude-sim alike.

Parametrised over `real` (CCAPI_REAL_CLI, against the stub of the Messages API), `sim` (claude-sim in upstream mode,
against the same stub) and, where no upstream body is looked at, `canned` (claude-sim alone).
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import clidriver as cli  # noqa: E402
from clibackend import Backend, any_backend, assert_aborted, backend, clean, stub  # noqa: E402, F401


def roles(body: dict[str, Any]) -> list[str]:
    """Roles of a conversation without the environment block."""
    return [m["role"] for m in body["messages"] if m["role"] != "system"]


def texts(body: dict[str, Any]) -> list[str]:
    found = []
    for message in body["messages"]:
        content = message["content"]
        blocks = [{"text": content}] if isinstance(content, str) else content
        if message["role"] != "system":
            found.append("|".join(block["text"] for block in blocks))
    return found


def system_text(body: dict[str, Any]) -> str:
    return "\n".join(block["text"] for block in body["system"])


# --- start ---


def test_initialize_tells_version_models_and_account(any_backend: Backend) -> None:
    reply = any_backend.spawn().initialize()["response"]
    assert reply["claude_code_version"] == "2.1.330"
    assert reply["pid"] == any_backend.workers[0].process.pid
    assert reply["account"]["apiKeySource"] == "ANTHROPIC_API_KEY"
    rows = {row["value"]: row for row in reply["models"]}
    assert {"default", "opus", "sonnet", "haiku"} <= rows.keys()
    assert rows["haiku"]["resolvedModel"] == "claude-haiku-5-5"
    assert "$2/$10 per Mtok" in rows["sonnet"]["description"]
    assert rows["sonnet"]["supportedEffortLevels"][0] == "low"


def test_second_initialize_succeeds_and_changes_nothing(backend: Backend) -> None:
    worker = backend.ready()
    assert worker.ask("initialize", systemPrompt=["Another."], systemPromptSnapshot=False)["subtype"] == "success"
    worker.turn("hello")
    assert "You are a helpful assistant." in system_text(backend.stub.bodies()[-1])


def test_subscription_token_is_reported_as_such(any_backend: Backend) -> None:
    reply = any_backend.spawn(env=cli.SUBSCRIPTION).initialize()["response"]
    assert reply["account"]["tokenSource"] == "CLAUDE_CODE_OAUTH_TOKEN"
    assert "apiKeySource" not in reply["account"]


@pytest.mark.parametrize("env, code, method", [
    (cli.API_KEY, 0, "api_key"), (cli.SUBSCRIPTION, 0, "oauth_token"), ({"CLAUDE_SIM_LOGIN": "none"}, 1, "none")])
def test_auth_status_tells_the_login(any_backend: Backend, env: dict[str, str], code: int, method: str) -> None:
    worker = any_backend.spawn(env=env, argv=["auth", "status"])
    status = json.loads(worker.output())
    assert worker.process.wait(cli.DEADLINE) == code
    assert status["loggedIn"] is (code == 0)
    assert status["authMethod"] == method
    assert "email" not in status


def test_stream_json_output_needs_verbose(any_backend: Backend) -> None:
    argv = ["-p", "--input-format", "stream-json", "--output-format", "stream-json"]
    worker = any_backend.spawn(argv=argv)
    status, errors = worker.close()
    assert status == 1
    assert "requires --verbose" in errors


# --- a turn ---


def test_golden_sequence_in_one_write(any_backend: Backend) -> None:
    worker = any_backend.ready()
    flags = worker.control("apply_flag_settings", settings={"env": {
        "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "1024", "CLAUDE_CODE_EXTRA_BODY": None, "CLAUDE_CODE_EFFORT_LEVEL": None}})
    model = worker.control("set_model", model="sonnet", system_prompt="You are terse.")
    user = worker.user("Hello there, all of you")
    worker.write(flags, model, user)
    assert worker.reply(flags)["subtype"] == "success"
    assert worker.reply(model)["response"]["model"] == "claude-sonnet-5-5"
    lines = worker.until(cli.turn_ended)
    result = cli.result_of(lines)
    assert cli.text_of(lines) == result["result"] == any_backend.answer_of("Hello there, all of you")
    assert result["user_message_uuid"] == user["uuid"] and result["user_message_uuids"] == [user["uuid"]]
    assert list(result["model_usage_since_last_result"]) == ["claude-sonnet-5-5"]
    assert clean(worker.rewind(user["uuid"]))


def test_order_of_the_lines_of_a_plain_turn(any_backend: Backend) -> None:
    _, lines = any_backend.ready().turn("hello world")
    order = [name for name in cli.names(lines) if name not in ("content_block_delta", "rate_limit_event")]
    assert order == ["queued", "started", "init", "status", "message_start", "content_block_start", "assistant",
                     "content_block_stop", "message_delta", "message_stop", "result", "completed"]
    init = next(line for line in lines if cli.name_of(line) == "init")
    assert init["tools"] == [] and init["claude_code_version"] == "2.1.330"


def test_result_fields(any_backend: Backend) -> None:
    user, lines = any_backend.ready().turn("hello world")
    result = cli.result_of(lines)
    start = next(line for line in lines if cli.is_event(line, "message_start"))
    assert (result["subtype"], result["is_error"], result["num_turns"]) == ("success", False, 1)
    assert (result["terminal_reason"], result["stop_reason"]) == ("completed", "end_turn")
    assert result["api_error_status"] is None and result["permission_denials"] == []
    assert result["begun_message_ids"] == [start["event"]["message"]["id"]]
    assert isinstance(result["ttft_ms"], int) and isinstance(result["duration_api_ms"], int)
    row = result["model_usage_since_last_result"]["claude-haiku-5-5"]
    assert result["modelUsage"]["claude-haiku-5-5"] == row
    assert row["inputTokens"] == result["usage"]["input_tokens"] > 0
    assert row["outputTokens"] == result["usage"]["output_tokens"] > 0
    expected = row["inputTokens"] * 0.1e-6 + row["outputTokens"] * 0.5e-6
    assert row["costUSD"] == pytest.approx(expected) == pytest.approx(result["total_cost_usd"])


def test_result_does_not_begin_with_its_type(any_backend: Backend) -> None:
    _, lines = any_backend.ready().turn("hello")
    assert next(iter(cli.result_of(lines))) != "type"


def test_cached_tokens_are_priced_by_lifetime(backend: Backend) -> None:
    backend.stub.script({"usage": {
        "input_tokens": 100, "output_tokens": 500, "cache_read_input_tokens": 30000,
        "cache_creation_input_tokens": 2000,
        "cache_creation": {"ephemeral_1h_input_tokens": 2000, "ephemeral_5m_input_tokens": 0}}})
    _, lines = backend.ready().turn("hello")
    row = cli.result_of(lines)["model_usage_since_last_result"]["claude-haiku-5-5"]
    assert (row["inputTokens"], row["outputTokens"]) == (100, 500)
    assert (row["cacheReadInputTokens"], row["cacheCreationInputTokens"]) == (30000, 2000)
    assert row["cacheCreationEphemeral1hInputTokens"] == 2000
    assert row["costUSD"] == pytest.approx(0.00096)


def test_totals_go_on_counting_across_a_rewind(any_backend: Backend) -> None:
    worker = any_backend.ready()
    first, lines = worker.turn("hello")
    before = cli.result_of(lines)
    worker.rewind(first)
    result = cli.result_of(worker.turn("hello")[1])
    assert result["total_cost_usd"] == pytest.approx(2 * before["total_cost_usd"])
    assert result["session_id"] == before["session_id"]
    assert result["result_index"] == before["result_index"] + 1


def test_thinking_is_no_part_of_the_answer(backend: Backend) -> None:
    backend.stub.script({"thinking": "let me see"})
    _, lines = backend.ready().turn("hello")
    kinds = [line["event"]["delta"]["type"] for line in lines if cli.is_event(line, "content_block_delta")]
    assert "thinking_delta" in kinds and "signature_delta" in kinds
    assert cli.result_of(lines)["result"] == cli.text_of(lines) == "echo: hello"


# --- settings ---


def test_request_body_of_a_plain_turn(backend: Backend) -> None:
    worker = backend.ready()
    worker.set_env(CLAUDE_CODE_MAX_OUTPUT_TOKENS="777", CLAUDE_CODE_EFFORT_LEVEL="low")
    worker.turn("hello")
    body = backend.stub.bodies()[-1]
    assert roles(body) == ["user"] and texts(body) == ["hello"]
    assert (body["max_tokens"], body["output_config"]["effort"]) == (777, "low")
    assert body["tools"] == [] and body["stream"] is True and body["model"] == "claude-haiku-5-5"
    assert "# Environment" in json.dumps(body["messages"])
    assert body["system"][0]["text"].startswith("x-anthropic-billing-header:")
    assert "userEmail" not in json.dumps(body)


def test_null_unsets_a_setting(backend: Backend) -> None:
    worker = backend.ready()
    worker.set_env(CLAUDE_CODE_MAX_OUTPUT_TOKENS="777", CLAUDE_CODE_EXTRA_BODY='{"temperature":0.5}')
    worker.turn("one")
    worker.set_env(CLAUDE_CODE_MAX_OUTPUT_TOKENS=None, CLAUDE_CODE_EXTRA_BODY=None)
    worker.turn("two")
    one, two = backend.stub.bodies()
    assert (one["max_tokens"], one["temperature"]) == (777, 0.5)
    assert two["max_tokens"] == 128000 and "temperature" not in two


def test_body_mode_replaces_the_conversation(backend: Backend) -> None:
    worker = backend.ready()
    messages = [
        {"role": "user", "content": "what is the weather?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "weather", "input": {"at": "here"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "rain"}]}]
    tools = [{"name": "weather", "description": "d", "input_schema": {"type": "object"}}]
    extra = {"messages": messages, "tools": tools, "temperature": 0.25, "stop_sequences": ["END"]}
    worker.set_env(CLAUDE_CODE_MAX_OUTPUT_TOKENS="100", CLAUDE_CODE_EXTRA_BODY=json.dumps(extra))
    worker.ask("set_model", model="haiku", system_prompt="You are X")
    worker.turn(".")
    body = backend.stub.bodies()[-1]
    assert body["messages"] == messages and body["tools"] == tools
    assert (body["temperature"], body["stop_sequences"], body["max_tokens"]) == (0.25, ["END"], 100)
    assert [block["text"] for block in body["system"]][-1] == "You are X"


def test_body_mode_answers_the_last_message_of_the_body(any_backend: Backend) -> None:
    worker = any_backend.ready()
    extra = {"messages": [{"role": "user", "content": "from the body"}]}
    worker.set_env(CLAUDE_CODE_EXTRA_BODY=json.dumps(extra))
    user, lines = worker.turn(".")
    assert cli.text_of(lines) == any_backend.answer_of("from the body")
    assert clean(worker.rewind(user))


def test_stop_sequence_ends_the_answer(any_backend: Backend) -> None:
    worker = any_backend.ready()
    extra = {"messages": [{"role": "user", "content": "before STOP after"}], "stop_sequences": ["STOP"]}
    worker.set_env(CLAUDE_CODE_EXTRA_BODY=json.dumps(extra))
    _, lines = worker.turn(".")
    assert cli.text_of(lines) == any_backend.answer_of("before ")
    delta = next(line["event"]["delta"] for line in lines if cli.is_event(line, "message_delta"))
    assert (delta["stop_reason"], delta["stop_sequence"]) == ("stop_sequence", "STOP")
    assert cli.result_of(lines)["stop_reason"] == "stop_sequence"


def test_json_schema_gives_a_document(any_backend: Backend) -> None:
    worker = any_backend.ready()
    schema = {"type": "object", "required": ["name", "age", "tags", "ok"], "properties": {
        "name": {"type": "string"}, "age": {"type": "integer"}, "ok": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}}}
    extra = {"messages": [{"role": "user", "content": "x"}],
             "output_config": {"format": {"type": "json_schema", "schema": schema}}}
    worker.set_env(CLAUDE_CODE_EXTRA_BODY=json.dumps(extra))
    document = json.loads(cli.text_of(worker.turn(".")[1]))
    assert isinstance(document["name"], str) and isinstance(document["age"], int) and document["ok"] is True
    assert document["tags"][0] in ("a", "b")


def test_client_tool_call_ends_the_turn(any_backend: Backend) -> None:
    worker = any_backend.ready()
    tools = [{"name": "weather", "description": "d", "input_schema": {"type": "object"}}]
    extra = {"messages": [{"role": "user", "content": "weather?"}], "tools": tools, "tool_choice": {"type": "any"}}
    any_backend.stub.script({"tool_use": {"name": "weather", "input": {}}, "text": ""})
    worker.set_env(CLAUDE_CODE_EXTRA_BODY=json.dumps(extra))
    user, lines = worker.turn(".")
    result = cli.result_of(lines)
    assert (result["subtype"], result["terminal_reason"]) == ("error_max_turns", "max_turns")
    assert (result["is_error"], result["stop_reason"]) == (True, "tool_use")
    block = next(line["message"]["content"][0] for line in lines if line["type"] == "assistant")
    assert (block["type"], block["name"], block["input"]) == ("tool_use", "weather", {})
    assert result["model_usage_since_last_result"]["claude-haiku-5-5"]["outputTokens"] > 0
    assert any_backend.stub.messages() <= 1
    assert clean(worker.rewind(user))


def test_set_model_changes_the_system_prompt_of_a_live_worker(backend: Backend) -> None:
    worker = backend.ready()
    user, _ = worker.turn("one")
    worker.rewind(user)
    worker.ask("set_model", model="sonnet", system_prompt="You are Y")
    worker.turn("two")
    body = backend.stub.bodies()[-1]
    assert body["model"] == "claude-sonnet-5-5"
    assert "You are Y" in system_text(body) and "helpful assistant" not in system_text(body)


def test_set_model_resolves_and_refuses(any_backend: Backend) -> None:
    worker = any_backend.ready()
    assert worker.ask("set_model", model=" Sonnet ")["response"]["model"] == "claude-sonnet-5-5"
    assert worker.ask("set_model", model="x/../y")["response"]["model"] == "x/../y"
    assert worker.ask("set_model", model=None)["response"]["model"] == "claude-opus-5-5"
    refused = worker.ask("set_model", model="")
    assert (refused["subtype"], refused["error_code"]) == ("error", "catalog_unknown")
    refused = worker.ask("set_model", model="haiku", system_prompt="")
    assert (refused["error_code"], refused["model"]) == ("invalid_request", "claude-opus-5-5")


def test_unknown_control_is_refused(any_backend: Backend) -> None:
    worker = any_backend.ready()
    reply = worker.ask("no_such_thing")
    assert (reply["subtype"], reply["error_code"]) == ("error", "unsupported_request")
    assert worker.ask("list_models")["response"]["models"][0]["value"] == "default"


# --- rewind ---


def test_rewind_leaves_nothing_behind(backend: Backend) -> None:
    worker = backend.ready()
    first, _ = worker.turn("secret one")
    last, _ = worker.turn("secret two")
    reply = worker.rewind(first, last)
    assert clean(reply) and reply["targetMessageUuid"] == first and reply["prefillText"] == "secret one"
    worker.turn("public")
    assert texts(backend.stub.bodies()[-1]) == ["public"]
    assert "secret" not in json.dumps(backend.stub.bodies()[-1])


def test_rewind_refusals(any_backend: Backend) -> None:
    worker = any_backend.ready()
    first, _ = worker.turn("one")
    middle, _ = worker.turn("two")
    last, _ = worker.turn("three")
    refused = worker.rewind("00000000-0000-4000-8000-000000000000", last)
    assert (refused["rewound"], refused["reason"]) == (False, "target_not_found")
    assert worker.rewind(first, middle)["reason"] == "unseen_later_turn"
    stale = worker.ask("rewind_conversation", target_message_uuid=first)["response"]
    assert (stale["rewound"], stale["reason"]) == (False, "stale_target")
    assert worker.ask("rewind_conversation")["subtype"] == "error"
    assert clean(worker.rewind(first, last))


def test_rewind_to_a_later_turn_names_what_precedes_it(any_backend: Backend) -> None:
    worker = any_backend.ready()
    worker.turn("one")
    second, _ = worker.turn("two")
    reply = worker.rewind(second)
    assert reply["rewound"] is True and reply["precedingAssistantUuid"] is not None


def test_rewind_is_refused_while_a_turn_runs(any_backend: Backend) -> None:
    worker = any_backend.ready()
    user = worker.user(any_backend.late_answer())
    worker.write(user)
    worker.until(cli.is_status)
    assert worker.rewind(user["uuid"])["reason"] == "turn_running"
    worker.ask("interrupt", cancel_queued=True)
    worker.until(cli.turn_ended)
    assert clean(worker.rewind(user["uuid"]))


def test_history_comes_out_in_order(backend: Backend) -> None:
    worker = backend.ready()
    first, lines = worker.turn("my name is Bob", shouldQuery=False)
    acknowledgement = cli.result_of(lines)
    assert (acknowledgement["num_turns"], acknowledgement["user_message_uuid"]) == (0, first)
    assert acknowledgement["model_usage_since_last_result"] == {}
    worker.write(worker.assistant("Hi Bob"))
    last, _ = worker.turn("who am I?")
    body = backend.stub.bodies()[-1]
    assert backend.stub.messages() == 1
    assert roles(body) == ["user", "assistant", "user"]
    assert texts(body) == ["my name is Bob", "Hi Bob", "who am I?"]
    assert clean(worker.rewind(first, last))
    worker.turn("hello")
    assert texts(backend.stub.bodies()[-1]) == ["hello"]


# --- lines that are ignored, dropped or deadly ---


def test_used_uuid_is_dropped_silently(any_backend: Backend) -> None:
    worker = any_backend.ready()
    user, _ = worker.turn("one")
    worker.rewind(user)
    again = worker.user("again", message_uuid=user)
    after = worker.user("after")
    worker.write(again)
    assert worker.ask("get_settings")["subtype"] == "success"
    worker.write(after)
    result = cli.result_of(worker.until(cli.turn_ended))
    assert result["user_message_uuids"] == [after["uuid"]]


def test_blank_prompt_asks_nobody(any_backend: Backend) -> None:
    _, lines = any_backend.ready().turn("  \n ")
    result = cli.result_of(lines)
    assert (result["num_turns"], result["is_error"]) == (0, False)
    assert result["result"].startswith("Blank prompt")
    assert any_backend.stub.messages() == 0


def test_unknown_lines_are_ignored(any_backend: Backend) -> None:
    worker = any_backend.ready()
    worker.write({"type": "whatever"}, "[1,2]", "5", '"text"', "", "\ufeff", {"type": "control_response"})
    assert cli.result_of(worker.turn("hello")[1])["is_error"] is False


@pytest.mark.parametrize("line, error", [
    ("{bad", "Error parsing streaming input line (type=unknown, 4 chars): SyntaxError"),
    ("null", "Error parsing streaming input line (type=unknown, 4 chars): TypeError"),
    ('{"type":"control_request","request_id":"x"}', "Error: Missing request on control_request"),
    ('{"type":"user"}', "Error: Expected message role 'user', got 'undefined'"),
    ('{"type":"user","message":{"role":"assistant"}}', "Error: Expected message role 'user', got 'assistant'")])
def test_deadly_lines(any_backend: Backend, line: str, error: str) -> None:
    worker = any_backend.ready()
    worker.write(line)
    status, errors = worker.wait()
    assert (status, errors.strip()) == (1, error)


# --- end of a worker ---


def test_closing_stdin_ends_an_idle_worker(any_backend: Backend) -> None:
    worker = any_backend.ready()
    worker.turn("hello")
    assert worker.close() == (0, "")


def test_closing_stdin_lets_the_turn_end(any_backend: Backend) -> None:
    worker = any_backend.ready()
    worker.write(worker.user("hello"))
    worker.process.stdin.close()  # type: ignore[union-attr]
    assert cli.result_of(worker.rest())["result"] == any_backend.answer_of("hello")
    assert worker.process.wait(cli.DEADLINE) == 0


@pytest.mark.parametrize("number, status, aborted", [(signal.SIGTERM, 143, False), (signal.SIGINT, 0, True)])
def test_signals_during_a_turn(any_backend: Backend, number: int, status: int, aborted: bool) -> None:
    worker = any_backend.ready()
    worker.write(worker.user(any_backend.late_answer()))
    worker.until(cli.is_status)
    worker.process.send_signal(number)
    lines = worker.rest()
    assert worker.process.wait(cli.DEADLINE) == status
    assert any(line["type"] == "result" for line in lines) is aborted


def test_end_session_during_a_turn(any_backend: Backend) -> None:
    worker = any_backend.ready()
    worker.write(worker.user(any_backend.late_answer()))
    worker.until(cli.is_status)
    assert worker.ask("end_session")["subtype"] == "success"
    assert_aborted(worker.rest())
    assert worker.process.wait(cli.DEADLINE) == 1
