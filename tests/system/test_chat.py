"""Answers of /v1/chat/completions, whole and streamed, byte for byte."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterator, List

import pytest

from harness import LONG, SLOWNESS, Daemon, Stub, chat_body, chat_request
from system_support import read_all, wait_settled

USAGE_KEYS = {"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details",
              "cost_usd"}  # fmt: skip


@pytest.fixture(scope="module")
def d() -> Iterator[Daemon]:
    with Daemon() as daemon:
        yield daemon


def frames_of(d: Daemon, prompt: Any = "one two three", **params: Any) -> List[str]:
    """The body of a stream as it came, cut into frames."""
    r = d.request("POST", "/v1/chat/completions", chat_body(prompt, stream=True, **params))
    assert r.status == 200, r.body
    text = r.body.decode()
    assert text.endswith("\n\n")
    return text[:-2].split("\n\n")


def assert_usage(usage: Dict[str, Any]) -> None:
    assert set(usage) == USAGE_KEYS
    assert usage["prompt_tokens"] > 0 and usage["cost_usd"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert set(usage["prompt_tokens_details"]) == {"cached_tokens"}
    assert set(usage["completion_tokens_details"]) == {"reasoning_tokens"}


# -- plain


def test_plain_answer_has_exactly_the_documented_form(d: Daemon) -> None:
    r = d.chat("hello")
    assert r.status == 200 and r.headers["content-type"] == "application/json"
    body = r.json
    assert set(body) == {"id", "object", "created", "model", "choices", "usage"}
    assert re.fullmatch(r"chatcmpl-[0-9a-f]+", body["id"]) and body["object"] == "chat.completion"
    assert body["model"] == "claude-haiku-5-5" and isinstance(body["created"], int)
    assert body["choices"] == [{
        "index": 0, "message": {"role": "assistant", "content": "You said: hello", "refusal": None},
        "logprobs": None, "finish_reason": "stop"}]  # fmt: skip
    assert_usage(body["usage"])


def test_ids_differ_from_answer_to_answer(d: Daemon) -> None:
    assert len({d.chat("x").json["id"] for _ in range(5)}) == 5


def test_usage_is_what_the_cli_reports(d: Daemon) -> None:
    usage = d.chat("[[sim:usage=1234,56]] x").json["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (1234, 56, 1290)


def test_auto_means_the_default_model() -> None:
    with Daemon(options={"routing.default_model": "opus", "pool.workers": 1, "pool.spares": 0}) as d:
        for params in ({"model": "auto"}, {"model": None}):
            r = d.chat("x", **params)
            assert r.json["model"] == "claude-opus-5-5" and r.headers["x-ccapi-route"] == "auto:default"


def test_model_of_a_request_does_not_stick_to_the_worker(d: Daemon) -> None:
    for name in ("opus", "haiku", "sonnet", "haiku"):
        assert f"-{name}-" in d.chat("x", model=name).json["model"]


@pytest.mark.parametrize("text", ["grüße 漢字 🎉 \u202e ‮", "tab\tnew\nline \\ \" / </script>", "\u0001\u001f\u007f\u2028", "é" * 5000])
def test_text_comes_back_unchanged(d: Daemon, text: str) -> None:
    assert d.chat(text).text == "You said: " + text
    assert d.stream(text).text == "You said: " + text


def test_an_empty_answer_is_an_answer(d: Daemon) -> None:
    body = d.chat("[[sim:empty]] x").json
    assert body["choices"][0]["message"]["content"] == "" and body["choices"][0]["finish_reason"] == "stop"
    s = d.stream("[[sim:empty]] x")
    assert (s.text, s.finish_reason, s.done) == ("", "stop", True)


def test_ten_megabytes_come_whole_and_streamed(d: Daemon) -> None:
    size = 10_000_000
    assert len(d.chat(f"[[sim:bytes={size}]]").text) == size
    s = d.stream(f"[[sim:bytes={size}]]")
    assert len(s.text) == size and s.done


def test_answer_beyond_the_limit_is_an_error_and_not_cut_silently() -> None:
    with Daemon(options={"pool.max_answer": "64K", "pool.workers": 1, "pool.spares": 0}) as d:
        r = d.chat("[[sim:bytes=200000]]")
        assert (r.status, r.error["code"]) == (502, "upstream_error")
        s = d.stream("[[sim:bytes=200000]]")
        assert s.error and s.error["code"] == "upstream_error" and not s.done and s.finish_reason is None
        assert d.chat("[[sim:bytes=60000]]").status == 200


# -- how it ends


def test_max_tokens_ends_with_length(d: Daemon) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        body = d.chat("[[sim:tokens=50]]", **{name: 5}).json
        assert body["choices"][0]["finish_reason"] == "length"
        assert body["usage"]["completion_tokens"] == 5 and len(body["choices"][0]["message"]["content"].split()) == 5
    s = d.stream("[[sim:tokens=50]]", max_tokens=5)
    assert (s.finish_reason, s.done, len(s.text.split())) == ("length", True, 5)


def test_worker_serves_on_after_max_tokens(d: Daemon) -> None:
    for i in range(3):
        assert d.chat("[[sim:tokens=50]]", max_tokens=3).status == 200
        assert d.chat(f"after {i}").text == f"You said: after {i}"


def test_refusal_is_content_filter(d: Daemon) -> None:
    assert d.chat("[[sim:error=refusal]] x").json["choices"][0]["finish_reason"] == "content_filter"
    s = d.stream("[[sim:error=refusal]] x")
    assert (s.finish_reason, s.done) == ("content_filter", True)


def test_stop_sequences_reach_the_upstream_and_end_the_answer() -> None:
    with Stub() as stub, Daemon(upstream=stub, options={"pool.workers": 1, "pool.spares": 0}) as d:
        stub.script({"text": "one two STOP three"})
        for stop in ("STOP", ["never", "STOP"]):
            stub.script({"text": "one two STOP three"})
            r = d.chat("x", stop=stop)
            assert (r.text, r.json["choices"][0]["finish_reason"]) == ("one two ", "stop")
        assert stub.bodies()[-1]["stop_sequences"] == ["never", "STOP"]
        d.chat("x")
        assert "stop_sequences" not in stub.bodies()[-1]


def test_conversation_reaches_the_upstream_as_turns() -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "one"},
             {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}]  # fmt: skip
    with Stub() as stub, Daemon(upstream=stub, options={"pool.workers": 1, "pool.spares": 0}) as d:
        assert d.chat(turns).text == "echo: three"
        body = stub.bodies()[-1]
        assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
        assert "Be brief." in json.dumps(body["system"]) and "Be brief." not in json.dumps(body["messages"])


# -- streams


def test_stream_frames_come_in_the_documented_order(d: Daemon) -> None:
    frames = frames_of(d, "[[sim:tokens=3]]")
    assert all(f.startswith("data: ") and "\n" not in f for f in frames)
    assert frames[-1] == "data: [DONE]"
    chunks = [json.loads(f[6:]) for f in frames[:-1]]
    assert len({(c["id"], c["created"], c["model"]) for c in chunks}) == 1
    assert all(c["object"] == "chat.completion.chunk" and len(c["choices"]) == 1 for c in chunks)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [c["choices"][0]["delta"] for c in chunks[1:-1]] == [{"content": "tok "}] * 3, "one chunk per delta"
    assert [c["choices"][0]["finish_reason"] for c in chunks] == [None] * 4 + ["stop"]
    assert chunks[-1]["choices"][0]["delta"] == {}
    assert all("usage" not in c for c in chunks)
    assert [("ccapi" in c) for c in chunks] == [False] * 4 + [True]


def test_stream_with_usage_has_it_in_a_last_chunk_of_its_own(d: Daemon) -> None:
    frames = frames_of(d, "[[sim:tokens=3]]", stream_options={"include_usage": True})
    chunks = [json.loads(f[6:]) for f in frames[:-1]]
    assert frames[-1] == "data: [DONE]"
    assert all("usage" in c and c["usage"] is None for c in chunks[:-1])
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == []
    assert_usage(chunks[-1]["usage"])
    assert [("ccapi" in c) for c in chunks] == [False] * (len(chunks) - 1) + [True]


def test_what_headers_could_not_tell_is_in_the_last_frame(d: Daemon) -> None:
    ccapi = json.loads(frames_of(d)[-2][6:])["ccapi"]
    assert set(ccapi) == {"model", "route", "cache", "cost_usd", "queue_ms", "overhead_ms"}
    assert ccapi["model"] == "claude-haiku-5-5" and ccapi["cost_usd"] > 0


def test_stream_headers(d: Daemon) -> None:
    h = d.stream("x").headers
    assert h["content-type"].split(";")[0] == "text/event-stream"
    assert h["cache-control"] == "no-cache" and h["x-accel-buffering"] == "no"
    assert h["x-ccapi-route"] == "requested" and h["x-ccapi-cache"] == "bypass"


def test_tokens_are_sent_as_they_come(d: Daemon) -> None:
    s = d.open_stream("[[sim:delay=0]][[sim:pace=3600000]] first second")
    data = b""
    while b"You " not in data:
        part = s.recv(65536)
        assert part, data
        data += part
    assert b"second" not in data and b"[DONE]" not in data
    s.close()


def test_errors_before_the_first_byte_are_plain_http_errors(d: Daemon) -> None:
    for prompt, status, code in (("[[sim:error=529]]", 502, "upstream_error"), ("[[sim:error=400]]", 400, None),
                                 ("[[sim:error=429]]", 429, "rate_limit_exceeded")):  # fmt: skip
        s = d.stream(prompt)
        assert s.status == status and s.error is not None and s.error["code"] == code
        assert s.headers["content-type"] == "application/json"


@pytest.mark.parametrize("prompt, code", [("[[sim:error=drop]]", "upstream_error"), ("[[sim:crash=after]]", "worker_failed")])
def test_error_after_the_first_byte_ends_the_stream_without_done(d: Daemon, prompt: str, code: str) -> None:
    s = d.stream(prompt + " one two three four")
    assert s.status == 200 and s.text.startswith("You ")
    assert set(s.frames[-1]) == {"error"} and s.frames[-1]["error"]["code"] == code
    assert not s.done and s.finish_reason is None
    wait_settled(d)


@pytest.mark.parametrize("prompt, code", [("[[sim:error=drop]]", "upstream_error"), ("[[sim:crash=after]]", "worker_failed")])
def test_half_an_answer_is_no_plain_answer(d: Daemon, prompt: str, code: str) -> None:
    r = d.chat(prompt + " one two three four")
    assert (r.status, r.error["code"]) == (502, code)
    wait_settled(d)


# -- time


@pytest.mark.parametrize("prompt", ["[[sim:delay=60000]]", "[[sim:pace=60000]] one two"])
def test_timeout_parameter_is_504(d: Daemon, prompt: str) -> None:
    r = d.chat(prompt, timeout=0.3)
    assert (r.status, r.error["type"], r.error["code"]) == (504, "server_error", "timeout")
    wait_settled(d)
    assert d.chat("after").text == "You said: after"


def test_timeout_within_a_stream_is_an_error_frame(d: Daemon) -> None:
    s = d.stream("[[sim:pace=60000]] one two", timeout=2 * SLOWNESS)
    assert s.status == 200 and s.error is not None and s.error["code"] == "timeout" and not s.done
    wait_settled(d)


def test_timeout_longer_than_the_answer_does_nothing(d: Daemon) -> None:
    assert d.chat("x", timeout=1e12).status == 200


@pytest.mark.skipif(not LONG, reason="takes 15 s: CCAPI_LONG=1")
def test_waiting_streams_are_pinged(d: Daemon) -> None:
    s = d.stream("[[sim:delay=17000]] x")
    assert s.pings == 1 and s.text == "You said:  x" and s.done
    data = read_all(d.send_raw(chat_request(chat_body("[[sim:delay=16000]][[sim:error=529]] x", stream=True)).replace(
        b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)))  # fmt: skip
    assert b": ping\n\n" in data and b'"upstream_error"' in data and b"[DONE]" not in data


def test_json_answers_are_checked() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}
    with Daemon(options={"pool.workers": 1, "pool.spares": 0}) as d:
        assert d.chat('[[sim:text={"city":"Ulm"}]]', response_format=form).json["choices"][0]["finish_reason"] == "stop"
        for text in ("{}", "no json", "[1]"):
            r = d.chat(f"[[sim:text={text}]]", response_format=form)
            assert (r.status, r.error["code"]) == (502, "upstream_error")
        assert d.chat("[[sim:text=no json]]", response_format={"type": "text"}).status == 200


def test_prompts_are_logged_only_when_asked_for_and_cut() -> None:
    with Daemon() as daemon:
        assert daemon.chat("private-words").status == 200
        daemon.wait_log("access: request .*completions")
        assert not daemon.log_lines("private-words")
    with Daemon(options={"log.bodies": True}) as daemon:
        assert daemon.chat("x" * 20000).status == 200
        line = daemon.wait_log("prompt: prompt .*").group(0)
        assert "x" * 500 in line and len(line) < 1500
        logs = daemon.ctl_run("logs", "--json", "--lines", "500").stdout
        assert '"prompt"' in logs and "xxx" not in logs
