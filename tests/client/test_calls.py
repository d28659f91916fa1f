"""Every call of both clients against a daemon over claude-sim."""

from __future__ import annotations

import base64
import re
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Iterator, List

import pytest
from both import Both
from harness import Daemon, wait_for

import ccapi

Make = Callable[..., Both]
TRANSPORTS = ["sse", "websocket"]
UNICODE = "Grüße, 世界! 😀👩‍👩‍👧 עברית \u2028\u2029\u0085 \x7f \"quoted\" \\ tab\tend"


@pytest.fixture
def client(both: Make, url: str) -> Both:
    return both(url)


# -- answers


def test_an_answer_has_all_that_the_server_tells(client: Both) -> None:
    r = client.complete("Hi there", model="haiku", system="Be terse.", max_tokens=50)
    assert r.content == str(r) == "You said: Hi there" and r.finish_reason == "stop"
    assert r.model.startswith("claude-haiku") and r.route == "requested" and r.cached is False and not r.replayed
    assert r.usage.total_tokens == r.usage.prompt_tokens + r.usage.completion_tokens > 0
    assert (r.usage.input_tokens, r.usage.output_tokens) == (r.usage.prompt_tokens, r.usage.completion_tokens)
    assert r.cost == r.usage.cost_usd > 0 and r.request_id and r.id and r.id.startswith("chatcmpl-")
    assert r.overhead_ms is not None and r.queue_ms is not None and r.session_id is None
    assert r.headers["x-ccapi-model"] == r.model and r.raw["object"] == "chat.completion"


def test_the_request_id_finds_the_line_in_the_servers_log(client: Both, daemon: Daemon) -> None:
    r = client.complete("Hi")
    daemon.wait_log(rf"access: request request_id={re.escape(r.request_id)} ")
    pieces, stream = client.read("Hi", transport="websocket")
    daemon.wait_log(rf"access: request request_id={re.escape(stream.request_id)} ")


def test_a_conversation_is_a_list_of_messages(client: Both) -> None:
    messages = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"},
                {"role": "user", "content": [{"type": "text", "text": "three"}]}]  # fmt: skip
    assert client.chat(messages).content == client.complete(messages).content == "You said: three"
    assert len(messages) == 3  # and is left as it is
    assert client.chat(tuple(messages), system="Be terse.", model="opus").model.startswith("claude-opus")


def test_parameters_reach_the_server(client: Both) -> None:
    assert client.complete("one two three four five", max_tokens=2).finish_reason == "length"
    r = client.complete("Hi", extra={"seed": 1, "n": 3})
    assert set(r.ignored_params) == {"seed", "n"}
    with pytest.raises(ccapi.BadRequestError) as e:
        client.complete("Hi", extra={"seed": 1}, strict=True)
    assert e.value.param == "seed" and e.value.attempts == 1
    assert client.complete('[[sim:text={"a":1}]]', response_format={"type": "json_object"}).content == '{"a":1}'
    for bad in (dict(temperature=3.0), dict(top_p=2.0), dict(stop=["a"] * 5), dict(reasoning_effort="?"), dict(priority="?"),
                dict(cache={"ttl": -1}), dict(max_tokens=0)):  # fmt: skip
        with pytest.raises(ccapi.BadRequestError) as e:
            client.complete("Hi", **bad)
        assert e.value.param and e.value.param.startswith(next(iter(bad)))


def test_an_image_goes_along(client: Both) -> None:
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 40).decode()
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}}]
    assert client.chat([{"role": "user", "content": content}]).content.startswith("You said: What is it?")


@pytest.mark.parametrize("text", [UNICODE, "z" * 400_000, " \n lines \r\n\n of \t text ", "&<>{}[]%s {0} \\u0041"],
                         ids=["unicode", "large", "blanks", "signs"])  # fmt: skip
def test_text_comes_back_as_it_was(client: Both, text: str) -> None:
    prompt = "[[sim:text=%s]]" % text
    assert client.complete(prompt, extra={"max_tokens": 10_000_000}).content == text
    for transport in TRANSPORTS:
        pieces, stream = client.read(prompt, transport=transport)
        assert "".join(pieces) == stream.content == text


# -- streams


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stream_gives_tokens_and_then_its_usage(client: Both, transport: str) -> None:
    stream = client.client.stream("one two three", model="haiku", transport=transport, system="Be terse.")
    assert (stream.usage, stream.cost, stream.finish_reason, stream.finished, stream.content) == (None, None, None, False, "")
    first = client.next(stream)
    assert first and "You said: one two three".startswith(first) and stream.content == first
    assert stream.route == "requested" and stream.model.startswith("claude-haiku")
    rest = client.all(stream)
    assert "".join([first, *rest]) == stream.content == "You said: one two three"
    whole = stream.completion()
    assert stream.finished and stream.finish_reason == whole.finish_reason == "stop"
    assert stream.usage == whole.usage and stream.usage.completion_tokens > 0 and stream.cost == whole.cost == stream.usage.cost_usd > 0
    assert stream.request_id and whole.id and whole.model == stream.model and not stream.cached
    assert client.all(stream) == []


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stream_can_be_read_as_a_whole(client: Both, transport: str) -> None:
    stream = client.client.stream("one two", transport=transport)
    assert client.run(stream.read()).content == "You said: one two"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_refused_stream_is_an_ordinary_error(client: Both, transport: str) -> None:
    for prompt, params, cls in (("Hi", dict(model="gpt-4"), ccapi.ModelNotFoundError), ("", {}, ccapi.BadRequestError),
                                ("Hi", dict(session_id="sess_0"), ccapi.SessionNotFoundError), ("Hi", dict(max_tokens=-1), ccapi.BadRequestError),
                                ("Hi", dict(extra={"seed": 1}, strict=True), ccapi.BadRequestError)):  # fmt: skip
        with pytest.raises(cls) as e:
            client.read(prompt, transport=transport, **params)
        assert e.value.request_id


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_worker_that_dies_in_the_middle_is_an_error_after_the_text(client: Both, transport: str) -> None:
    stream = client.client.stream("[[sim:crash=after]] one two", transport=transport)
    assert client.next(stream)
    with pytest.raises(ccapi.WorkerFailedError) as e:
        client.all(stream)
    assert e.value.status == 502 and stream.content and not stream.finished and stream.finish_reason is None


def test_a_socket_answers_the_servers_pings(both: Make) -> None:
    with Daemon(options={"websocket.ping_interval": "2s"}) as d:  # who misses two of them is closed
        pieces, stream = both(f"http://127.0.0.1:{d.port}").read("[[sim:delay=7000]] late", transport="websocket")
        assert "".join(pieces).endswith("late") and stream.finished


def test_ignored_parameters_are_told_by_a_socket_too(client: Both) -> None:
    _, stream = client.read("Hi", transport="websocket", extra={"seed": 3})
    assert stream.completion().ignored_params == ("seed",)


# -- the cache and keys of calls


def test_the_cache_is_told(both: Make) -> None:
    with Daemon(options={"cache.enabled": True}) as d:
        client = both(f"http://127.0.0.1:{d.port}", idempotency=False)
        first, second = client.complete("same"), client.complete("same")
        assert (first.cached, second.cached, second.cost) == (False, True, 0.0) and second.usage.total_tokens > 0
        for transport in TRANSPORTS:
            _, stream = client.read("same", transport=transport)
            assert stream.cached and stream.cost == 0 and stream.completion().cached
        assert not client.complete("same", cache={"no_cache": True}).cached


def test_a_key_that_is_used_again_gets_the_first_answer(client: Both) -> None:
    key = f"again-{client.kind}-{id(client)}"
    first = client.complete("Hi", idempotency_key=key)
    again = client.complete("Hi", idempotency_key=key)
    assert (again.id, again.replayed, first.replayed) == (first.id, True, False)
    with pytest.raises(ccapi.ConflictError):
        client.complete("Something else", idempotency_key=key)


# -- batches


def test_a_batch_comes_in_the_order_of_its_requests(client: Both) -> None:
    asked: List[Any] = ["[[sim:delay=200]] slow", {"prompt": "with id", "custom_id": "x", "system": "s"}, [{"role": "user", "content": "list"}]]
    result = client.batch(asked, model="haiku", max_tokens=100)
    assert [i.index for i in result] == [0, 1, 2] and len(result) == 3 and result[1].custom_id == "x"
    assert result[2].content == "You said: list" and result[-1] is result.results[2] and result[:2] == result.results[:2]
    assert all(i.ok and i.usage and i.model.startswith("claude-haiku") and i.cost > 0 for i in result)
    assert (result.succeeded, result.failed, result.errors) == (3, 0, [])
    assert result.total_tokens == sum(i.usage.total_tokens for i in result)
    assert result.total_cost == pytest.approx(sum(i.cost for i in result))


@pytest.mark.parametrize("parallel", [True, False])
def test_one_items_failure_is_its_own(client: Both, parallel: bool) -> None:
    result = client.batch(["good", "[[sim:error=500]] bad", {"prompt": 5}, {"prompt": "x", "model": "gpt-9"}, "good"], parallel)
    assert [i.ok for i in result] == [True, False, False, False, True] and (result.succeeded, result.failed) == (2, 3)
    assert [type(i.error) for i in result.errors] == [ccapi.UpstreamError, ccapi.BadRequestError, ccapi.ModelNotFoundError]
    assert result[1].content is None and result[1].usage is None and result[1].cost == 0 and result[1].error.status == 502
    assert result.contents[1:4] == [None] * 3 and "error" in str(result[1])


def test_results_can_be_had_as_they_come(client: Both) -> None:
    seen: List[ccapi.BatchProgress] = []
    stream = client.client.batch_as_completed(["[[sim:delay=8000]] slow", "a", "b", "[[sim:error=500]]"], progress=seen.append)
    assert (stream.total, stream.done, stream.summary) == (4, 0, None)
    got = client.all(stream)
    assert got[-1].index == 0 and sorted(i.index for i in got) == [0, 1, 2, 3]
    assert [p.done for p in seen] == [1, 2, 3, 4] and [p.item for p in seen] == got and all(p.total == 4 for p in seen)
    assert (seen[-1].succeeded, seen[-1].failed, stream.summary.succeeded, stream.summary.failed) == (3, 1, 3, 1)
    assert seen[-1].cost == pytest.approx(stream.summary.total_cost)


def test_a_batch_that_is_refused_as_a_whole_raises(client: Both) -> None:
    with pytest.raises(ccapi.BadRequestError) as e:
        client.batch([])
    assert e.value.param == "requests"


# -- the others


def test_usage_is_told(both: Make, url: str) -> None:
    client = both(url, project_id=f"usage-{uuid.uuid4().hex}")
    cost = sum(client.complete(f"number {i}", model="haiku").cost for i in range(3))
    for report in (client.usage(period="day"), client.get_usage("day"),
                   client.usage(start=datetime.now(timezone.utc) - timedelta(hours=1), end=datetime.now(timezone.utc) + timedelta(hours=1))):  # fmt: skip
        assert report.requests == 3 and report.total_cost == pytest.approx(cost) and report.project_id == client.project_id
        assert report.total_tokens == report.input_tokens + report.output_tokens and report.by_model["haiku"].requests == 3
    assert client.usage("month", group_by="day").by_day and client.usage("month", group_by="key").by_key["none"].requests == 3
    assert client.usage_csv("day").startswith("model,requests,")
    assert client.usage("day", project_id="nobody").requests == 0
    with pytest.raises(ccapi.BadRequestError):
        client.usage("fortnight")


def test_the_route_is_the_one_that_auto_takes(client: Both) -> None:
    for task in ("What is 2+2?", "Debug this stack trace", "Design a distributed system"):
        advice = client.route(task)
        r = client.complete(task, model="auto")
        assert (advice.model_id, advice.rule) == (r.model, r.route) and advice.recommended_model in advice.model_id
        assert advice.reasoning and advice.alternatives and all(a.model and a.estimated_cost_usd > 0 for a in advice.alternatives)
    assert client.route(messages=[{"role": "user", "content": "Hi"}]).recommended_model
    assert client.route("Hi", context_size=500_000).recommended_model == "opus"
    with pytest.raises(ccapi.BadRequestError):
        client.route()


def test_models_are_listed(client: Both) -> None:
    models = {m.id: m for m in client.models()}
    assert "auto" in models and models["haiku"].resolves_to in models and models["haiku"].input_usd_per_mtok > 0
    assert client.model("haiku") == models["haiku"]
    for name in ("gpt-4", "../health", "a/b", "x?y"):
        with pytest.raises(ccapi.NotFoundError):
            client.model(name)


def test_health_and_readiness(client: Both) -> None:
    health = client.health()
    assert health.status == "ok" and re.match(r"\d+\.\d+\.\d+", health.version) and health.uptime_s >= 0
    ready = client.ready()
    assert ready and ready.reason is None


def test_a_server_without_a_login_is_not_ready(both: Make) -> None:
    with Daemon(options={"claude.env.CLAUDE_SIM_LOGIN": "none"}, ready=False) as d:
        d.wait_listening()
        client = both(f"http://127.0.0.1:{d.port}", max_retries=0)
        wait_for(lambda: client.ready().reason not in (None, "starting"), "a reason")
        assert client.ready().reason == "not_logged_in" and client.health().status == "ok"
        with pytest.raises(ccapi.BackendUnavailableError) as e:
            client.complete("Hi")
        assert e.value.should_retry is False


# -- sessions


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_session_remembers(client: Both, transport: str) -> None:
    chat = client.client.session(system="Be terse.", model="haiku")
    assert chat.id is None
    assert client.run(chat.send("I am Ada.")).session_id == chat.id != None  # noqa: E711
    kept = chat.id
    stream = chat.stream("Who am I?", transport=transport)
    assert client.all(stream) and chat.id == kept == stream.session_id
    info = client.run(chat.info())
    assert (info.id, info.turns, info.system) == (kept, 2, "Be terse.") and info.expires_at > info.created and info.bytes > 0
    assert [m["content"][0]["text"] for m in info.messages] == ["I am Ada.", "You said: I am Ada.", "Who am I?", "You said: Who am I?"]
    assert client.get_session(kept) == info
    assert client.complete("again", session_id=kept).session_id == kept
    client.run(chat.delete())
    assert chat.id is None
    with pytest.raises(ccapi.SessionNotFoundError):
        client.get_session(kept)
    with pytest.raises(ccapi.SessionNotFoundError):
        client.run(client.client.session(kept).send("Hi"))
    with pytest.raises(ccapi.SessionNotFoundError):
        client.delete_session(kept)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_session_may_begin_with_a_stream(client: Both, transport: str) -> None:
    chat = client.client.session()
    stream = chat.stream("I am Grace.", transport=transport)
    client.next(stream)
    assert chat.id is None  # not before the turn is kept
    client.all(stream)
    assert chat.id and client.run(chat.info()).turns == 1


def test_a_turn_that_fails_leaves_no_session(both: Make, url: str) -> None:
    client = both(url, max_retries=0)
    chat = client.client.session()
    with pytest.raises(ccapi.UpstreamError):
        client.run(chat.send("[[sim:error=500]]"))
    assert chat.id is None
    client.run(chat.send("good"))
    with pytest.raises(ccapi.BadRequestError):
        client.run(chat.send(""))
    assert client.run(chat.info()).turns == 1


# -- keys and projects


@pytest.fixture(scope="module")
def locked() -> Iterator[Daemon]:
    with Daemon(options={"auth.required": True}) as d:
        yield d


def test_keys_and_projects_come_from_arguments_or_the_environment(both: Make, locked: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{locked.port}"
    key = locked.new_key("alpha")
    assert both(url, api_key=key).usage().project_id == "alpha"
    assert both(url, api_key=key, project_id="alpha").complete("Hi").content
    assert both(url, api_key=key).read("Hi", transport="websocket")[0]
    monkeypatch.setenv("CCAPI_API_KEY", key)
    assert both(url).complete("Hi").content
    monkeypatch.setenv("CCAPI_PROJECT", "beta")
    for call in ("complete", "read", "route"):
        with pytest.raises(ccapi.PermissionDeniedError):
            getattr(both(url), call)("Hi")
    assert both(url, project_id="alpha").complete("Hi").content
    monkeypatch.setenv("CCAPI_API_KEY", "ccapi_wrong")
    for transport in TRANSPORTS:
        with pytest.raises(ccapi.AuthenticationError) as e:
            both(url).read("Hi", transport=transport)
        assert e.value.status == 401 and e.value.code == "invalid_api_key" and "ccapi_wrong" not in str(e.value)
