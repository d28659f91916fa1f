"""Chat completions on the real CLI: what the client asks for reaches the upstream exactly, and nothing else does."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any, Dict

import pytest
from expect import assert_alone, assert_error, assert_serves, assistant, only_body, system_prompt, text, user
from harness import Daemon, Stub

DEFAULT_PROMPT = "You are a helpful assistant."
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def json_schema(schema: Any = None) -> Dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": schema or PERSON}}


def png() -> bytes:
    """A picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = b"\0\0\0\1\0\0\0\1\x08\2\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(4))) + chunk(b"IEND", b"")


# ---- conversations


def test_plain_answer_comes_from_upstream_and_the_body_is_the_clients(body: Daemon, upstream: Stub) -> None:
    r = body.chat("hello")
    assert (r.status, r.text) == (200, "echo: hello")
    choice = r.json["choices"][0]
    assert r.json["object"] == "chat.completion" and r.json["id"].startswith("chatcmpl-")
    assert choice["finish_reason"] == "stop" and choice["message"]["role"] == "assistant"
    assert_alone(only_body(upstream), [user("hello")], body)


def test_stream_brings_the_deltas_of_upstream_one_by_one(body: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "count", "text": "one two three four", "chunks": 4})
    s = body.stream("count", stream_options={"include_usage": True})
    assert s.status == 200 and s.done and s.error is None
    assert (s.text, s.finish_reason) == ("one two three four", "stop")
    deltas = [f["choices"][0]["delta"] for f in s.frames if f["choices"]]
    assert deltas[0] == {"role": "assistant", "content": ""} and deltas[-1] == {}
    assert [d["content"] for d in deltas[1:-1]] == ["one t", "wo th", "ree f", "our"], "one frame per delta"
    assert len({f["id"] for f in s.frames}) == 1
    assert s.frames[-1]["choices"] == [] and s.frames[-1]["usage"]["completion_tokens"] == 4
    assert all(f["usage"] is None for f in s.frames[:-1])
    assert_alone(only_body(upstream), [user("count")], body)


def test_stream_without_usage_ends_with_the_finish_reason(body: Daemon, upstream: Stub) -> None:
    s = body.stream("hello")
    assert s.done and s.frames[-1]["choices"][0]["finish_reason"] == "stop"
    assert not any(f.get("usage") for f in s.frames)
    assert s.frames[-1]["ccapi"]["model"] == "claude-haiku-5-5" and s.frames[-1]["ccapi"]["cost_usd"] > 0


def test_five_turns_arrive_as_turns(body: Daemon, upstream: Stub) -> None:
    conversation = [{"role": "system", "content": "You count."}]
    expected = []
    for n in range(1, 5):
        conversation += [{"role": "user", "content": f"question {n}"}, {"role": "assistant", "content": f"answer {n}"}]
        expected += [user(f"question {n}"), assistant(f"answer {n}")]
    r = body.chat(conversation + [{"role": "user", "content": "question 5"}])
    assert (r.status, r.text) == (200, "echo: question 5")
    sent = only_body(upstream)
    assert_alone(sent, expected + [user("question 5")], body)
    assert system_prompt(sent) == "You count."


def test_parts_stay_blocks_and_developer_messages_are_system_prompt(body: Daemon, upstream: Stub) -> None:
    parts = [text("first"), text("second")]
    r = body.chat([{"role": "system", "content": "Be brief."}, {"role": "developer", "content": [text("Be kind.")]},
                   {"role": "user", "content": parts}])  # fmt: skip
    assert r.status == 200
    sent = only_body(upstream)
    assert_alone(sent, [user(*parts)], body)
    assert system_prompt(sent) == "Be brief.\n\nBe kind."


def test_system_prompt_serves_one_request_and_the_next_gets_the_default(body: Daemon, upstream: Stub) -> None:
    for prompt, expected in (("You are a pirate.", "You are a pirate."), (None, DEFAULT_PROMPT)):
        upstream.reset()
        front = [{"role": "system", "content": prompt}] if prompt else []
        assert body.chat(front + [{"role": "user", "content": "who?"}]).status == 200
        sent = only_body(upstream)
        assert_alone(sent, [user("who?")], body)
        assert system_prompt(sent) == expected


def test_image_as_data_url_arrives_as_base64_block(body: Daemon, upstream: Stub) -> None:
    data = base64.b64encode(png()).decode()
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    r = body.chat([{"role": "user", "content": [text("what is this?"), url]}])
    assert r.status == 200
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    assert_alone(only_body(upstream), [user("what is this?", block)], body)


def test_image_by_https_url_is_passed_on_and_not_fetched(body: Daemon, upstream: Stub) -> None:
    address = "https://pictures.example.com/cat.png"
    part = {"type": "image_url", "image_url": {"url": address, "detail": "low"}}
    r = body.chat([{"role": "user", "content": [part, text("and this?")]}])
    assert r.status == 200
    block = {"type": "image", "source": {"type": "url", "url": address}}
    assert_alone(only_body(upstream), [user(block, "and this?")], body)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://example.com/a.png", "data:text/html;base64,AAAA", "/etc/passwd"])
def test_other_image_urls_are_refused(body: Daemon, upstream: Stub, url: str) -> None:
    r = body.chat([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}])
    assert_error(r, 400, "invalid_request_error", None, retry=False)
    assert r.error["param"] == "messages[0].content[0].image_url.url"
    assert upstream.count() == 0


# ---- parameters


def test_json_schema_is_the_output_format_and_a_fitting_answer_passes(body: Daemon, upstream: Stub) -> None:
    r = body.chat("who are you?", response_format=json_schema())
    assert r.status == 200
    assert set(json.loads(r.text)) == {"name", "age"}
    sent = only_body(upstream)
    assert sent["output_config"]["format"] == {"type": "json_schema", "schema": PERSON}
    assert_alone(sent, [user("who are you?")], body)


def test_answer_without_a_required_member_is_an_upstream_error(body: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "incomplete", "text": '{"name":"Bob"}'})
    r = body.chat("incomplete", response_format=json_schema())
    error = assert_error(r, 502, "server_error", "upstream_error", retry=True)
    assert "age" in error["message"]
    s = body.stream("incomplete", response_format=json_schema())
    assert s.status == 200 and s.error and s.error["code"] == "upstream_error"
    assert not s.done and s.finish_reason is None
    assert_serves(body, upstream)


@pytest.mark.parametrize("schema", ["text", [], 5, True, {"type": "array"}, {"type": "string"}])
def test_schema_that_is_no_object_is_refused(body: Daemon, upstream: Stub, schema: Any) -> None:
    r = body.chat("hi", response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    error = assert_error(r, 400, "invalid_request_error", None, retry=False)
    assert error["param"] == "response_format.json_schema.schema"
    assert upstream.count() == 0


def test_json_object_is_asked_for_in_the_system_prompt_and_checked(body: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "good", "text": '{"a":1}'}, {"match": "bad", "text": "Sure! {}"})
    r = body.chat("good", response_format={"type": "json_object"})
    assert (r.status, r.text) == (200, '{"a":1}')
    sent = only_body(upstream)
    assert "JSON" in system_prompt(sent)
    assert_alone(sent, [user("good")], body)
    r = body.chat("bad", response_format={"type": "json_object"})
    assert_error(r, 502, "server_error", "upstream_error", retry=True)


def test_stop_sequence_ends_the_answer(body: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "go", "text": "before STOP after"})
    r = body.chat("go", stop=["STOP", "HALT"])
    assert (r.status, r.text) == (200, "before ")
    assert r.json["choices"][0]["finish_reason"] == "stop"
    sent = only_body(upstream)
    assert sent["stop_sequences"] == ["STOP", "HALT"]
    assert_alone(sent, [user("go")], body)
    upstream.reset()
    body.chat("go", stop="END")
    assert only_body(upstream)["stop_sequences"] == ["END"]


def test_sampling_parameters_are_sent_as_they_came_and_only_then(body: Daemon, upstream: Stub) -> None:
    assert body.chat("warm", temperature=0.7, top_p=0.95).status == 200
    sent = only_body(upstream)
    assert (sent["temperature"], sent["top_p"]) == (0.7, 0.95)
    assert_alone(sent, [user("warm")], body)
    upstream.reset()
    assert body.chat("plain").status == 200
    assert not {"temperature", "top_p", "stop_sequences"} & set(only_body(upstream))


@pytest.mark.parametrize("value", [0, 1, 0.1, 0.3, 1.0, 2])
def test_temperature_keeps_its_value(body: Daemon, upstream: Stub, value: float) -> None:
    assert body.chat("warm", temperature=value).status == 200
    assert only_body(upstream)["temperature"] == value


def test_temperature_that_upstream_refuses_is_a_400_in_its_words(body: Daemon, upstream: Stub) -> None:
    upstream.script({"match": '"temperature"', "status": 400, "message": "temperature: not supported by this model."})
    error = assert_error(body.chat("warm", temperature=0.7), 400, "invalid_request_error", None, retry=False)
    assert error["message"] == "temperature: not supported by this model."
    assert error["param"] == "temperature"
    assert_serves(body, upstream)


def test_max_tokens_cuts_the_answer_without_a_storm_upstream(body: Daemon, upstream: Stub) -> None:
    once = [{"match": "talk", "words": 50, "times": 1}, {"match": "talk", "delay_ms": 60000}]  # a continuation gets no answer
    upstream.script(*once)
    r = body.chat("talk", max_tokens=5)
    assert r.status == 200
    assert r.text.split() == ["w0", "w1", "w2", "w3", "w4"]
    assert r.json["choices"][0]["finish_reason"] == "length"
    upstream.script(*once)
    s = body.stream("talk", max_completion_tokens=3)
    assert s.done and (s.text.split(), s.finish_reason) == (["w0", "w1", "w2"], "length")
    assert body.chat("other").text == "echo: other"
    sent = upstream.bodies()
    assert len(sent) <= 5, "at most one continuation slips out per cut answer"
    assert [b["max_tokens"] for b in sent if b["messages"] == [user("talk")]] in ([5, 3], [5, 5, 3], [5, 3, 3], [5, 5, 3, 3])
    assert_alone(sent[-1], [user("other")], body)
    assert_serves(body, upstream)


def test_reasoning_effort_is_the_output_effort(body: Daemon, upstream: Stub) -> None:
    for effort, expected in (("high", "high"), ("minimal", "low"), ("max", "max"), (None, "medium")):
        upstream.reset()
        params = {"reasoning_effort": effort} if effort else {}
        assert body.chat("think", **params).status == 200
        sent = only_body(upstream)
        assert sent["output_config"]["effort"] == expected
        assert_alone(sent, [user("think")], body)


def test_effort_and_schema_go_together(body: Daemon, upstream: Stub) -> None:
    assert body.chat("think", reasoning_effort="high", response_format=json_schema()).status == 200
    assert only_body(upstream)["output_config"] == {
        "effort": "high",
        "format": {"type": "json_schema", "schema": PERSON},
    }


def test_thinking_is_not_part_of_the_answer(body: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "ponder", "thinking": "secret thoughts", "text": "the answer"})
    assert body.chat("ponder").text == "the answer"
    assert body.stream("ponder").text == "the answer"


def test_unhonoured_parameters_are_listed_and_refused_when_strict(body: Daemon, upstream: Stub) -> None:
    r = body.chat("hi", seed=4, n=2)
    assert r.status == 200 and set(r.headers["x-ccapi-ignored-params"].split(", ")) == {"seed", "n"}
    r = body.chat("hi", seed=4, headers={"x-ccapi-strict": "true"})
    assert assert_error(r, 400, "invalid_request_error", None, retry=False)["param"] == "seed"


# ---- figures, headers, models


def test_usage_is_what_upstream_counted_and_it_costs(body: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "count me", "usage": {
        "input_tokens": 100, "cache_read_input_tokens": 30000, "cache_creation_input_tokens": 2000,
        "output_tokens": 500}})  # fmt: skip
    expected = {"prompt_tokens": 32100, "completion_tokens": 500, "total_tokens": 32600}
    r = body.chat("count me")
    s = body.stream("count me", stream_options={"include_usage": True})
    for usage in (r.json["usage"], s.frames[-1]["usage"]):
        assert {k: usage[k] for k in expected} == expected
        assert usage["prompt_tokens_details"]["cached_tokens"] == 30000
        assert usage["cost_usd"] > 0
    assert float(r.headers["x-ccapi-cost-usd"]) == pytest.approx(r.json["usage"]["cost_usd"])


def test_answers_carry_the_headers_of_completions(body: Daemon, upstream: Stub) -> None:
    r = body.chat("hi", headers={"x-request-id": "my-own.id:1"})
    assert r.headers["x-request-id"] == "my-own.id:1"
    assert r.headers["x-ccapi-model"] == r.json["model"] == "claude-haiku-5-5"
    assert (r.headers["x-ccapi-route"], r.headers["x-ccapi-cache"]) == ("requested", "bypass")
    for name in ("x-ccapi-queue-ms", "x-ccapi-overhead-ms", "openai-processing-ms"):
        assert int(r.headers[name]) >= 0
    s = body.stream("hi")
    assert s.headers["content-type"].startswith("text/event-stream")
    assert (s.headers["cache-control"], s.headers["x-accel-buffering"]) == ("no-cache", "no")
    assert s.headers["x-request-id"]


def test_models_come_from_the_cli_and_choose_the_upstream_model(body: Daemon, upstream: Stub) -> None:
    listed = {m["id"]: m for m in body.request("GET", "/v1/models").json["data"]}
    assert {"auto", "haiku", "sonnet", "opus", "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"} <= set(listed)
    assert all(m["object"] == "model" and m["owned_by"] == "anthropic" for m in listed.values())
    assert body.request("GET", "/v1/models/haiku").json == listed["haiku"]
    assert body.request("GET", "/v1/models/gpt-4").status == 404
    for asked, answered in (("sonnet", "claude-sonnet-5-5"), ("claude-opus-5-5", "claude-opus-5-5"), ("auto", "claude-haiku-5-5")):
        upstream.reset()
        r = body.chat("hi", model=asked)
        assert r.status == 200 and r.json["model"] == answered
        assert only_body(upstream)["model"] == answered


@pytest.mark.parametrize("model", ["gpt-4", "../etc", "", "sonnet\n", "haiku --help"])
def test_unknown_model_never_reaches_the_cli(body: Daemon, upstream: Stub, model: str) -> None:
    error = assert_error(body.chat("hi", model=model), 404, "invalid_request_error", "model_not_found", retry=False)
    assert error["param"] == "model"
    assert upstream.count() == 0
