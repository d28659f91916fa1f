"""What the client makes of a server that drops, refuses, stalls and lies; both clients."""

from __future__ import annotations

import json
import socket
from typing import Any, Callable, List

import pytest
from both import Both
from faulty import (
    DONE, END, GOOD, SSE_HEAD, FaultyServer, answer, chunk, error, frame, raw, reset, sse, token, until_left,
)  # fmt: skip
from harness import wait_for

import ccapi
from ccapi.sse import SseParser

Make = Callable[..., Both]
OVERLOADED = ("server_error", "overloaded")


def keys(faulty: FaultyServer) -> List[str]:
    return [r.headers["idempotency-key"] for r in faulty.seen]


# -- whole answers


@pytest.mark.parametrize("loss", [reset(), raw(b""), raw(b"HTTP/1.1 200 OK\r\nContent-Le"), reset(b"HTTP/1.1 200 OK\r\n"),
                                  raw(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"half":')])  # fmt: skip
def test_a_lost_answer_is_asked_for_again_under_the_same_key(both: Make, faulty: FaultyServer, pauses: List[float], loss: Any) -> None:
    faulty.will(loss)
    result = both(faulty.url).complete("Hi")
    assert (result.content, result.cost) == ("fine", 0.5)
    assert len(set(keys(faulty))) == 1 and len(faulty.seen) == 2 and len(pauses) == 1
    assert faulty.seen[0].body == faulty.seen[1].body
    assert faulty.seen[0].headers["x-request-id"] != faulty.seen[1].headers["x-request-id"]


def test_every_call_has_a_key_of_its_own_unless_it_brings_one(both: Make, faulty: FaultyServer) -> None:
    client = both(faulty.url)
    for _ in range(2):
        client.complete("Hi")
    client.complete("Hi", idempotency_key="mine")
    a, b, c = keys(faulty)
    assert a != b and c == "mine"


def test_without_keys_a_lost_answer_is_an_error(both: Make, faulty: FaultyServer, pauses: List[float]) -> None:
    client = both(faulty.url, idempotency=False)
    for call in (client.complete, client.read, lambda text: client.batch([text])):
        faulty.will(reset())
        with pytest.raises(ccapi.ConnectionLostError):
            call("Hi")
    faulty.will(error(503, *OVERLOADED))
    assert client.complete("Hi").content == "fine"
    assert len(faulty.seen) == 5 and not any("idempotency-key" in r.headers for r in faulty.seen)
    faulty.will(reset())
    assert client.complete("Hi", idempotency_key="mine").content == "fine"
    assert [r.headers["idempotency-key"] for r in faulty.seen[5:]] == ["mine"] * 2


def test_tries_end_after_max_retries(both: Make, faulty: FaultyServer, pauses: List[float]) -> None:
    faulty.will(*[reset()] * 9)
    with pytest.raises(ccapi.ConnectionLostError) as e:
        both(faulty.url, max_retries=3).complete("Hi")
    assert e.value.attempts == 4 == len(faulty.seen) and e.value.status is None
    assert e.value.request_id == faulty.seen[-1].headers["x-request-id"]
    assert 0.25 <= pauses[0] <= 0.5 <= pauses[1] <= 1 <= pauses[2] <= 2


def test_no_retries_when_none_are_wanted(both: Make, faulty: FaultyServer, pauses: List[float]) -> None:
    faulty.will(error(503, *OVERLOADED))
    with pytest.raises(ccapi.OverloadedError):
        both(faulty.url, max_retries=0).complete("Hi")
    assert len(faulty.seen) == 1 and pauses == []


@pytest.mark.parametrize("headers, at_least", [({"Retry-After": "7"}, 7), ({"Retry-After": "1", "retry-after-ms": "1500"}, 1.5),
                                               ({"Retry-After": "0"}, 0), ({"retry-after-ms": "40000"}, 40)])  # fmt: skip
def test_retry_after_is_obeyed(both: Make, faulty: FaultyServer, pauses: List[float], headers: Any, at_least: float) -> None:
    faulty.will(error(429, "requests", "rate_limit_exceeded", headers))
    assert both(faulty.url).complete("Hi").content == "fine"
    assert len(pauses) == 1 and at_least <= pauses[0] <= at_least + 1


@pytest.mark.parametrize("headers", [{"Retry-After": "61"}, {"Retry-After": "5", "x-should-retry": "false"}, {"retry-after-ms": "3600000"}])
def test_a_long_wait_is_left_to_the_caller(both: Make, faulty: FaultyServer, pauses: List[float], headers: Any) -> None:
    faulty.will(error(429, "rate_limit_error", "plan_limit_reached", headers))
    with pytest.raises(ccapi.PlanLimitError) as e:
        both(faulty.url).complete("Hi")
    assert pauses == [] and len(faulty.seen) == 1 and e.value.attempts == 1
    assert e.value.retry_after in (61, 5, 3600) and e.value.status == 429 and e.value.request_id == "req_f"


def test_a_wait_that_the_timeout_does_not_leave_is_not_begun(both: Make, faulty: FaultyServer, pauses: List[float]) -> None:
    faulty.will(error(503, *OVERLOADED, {"Retry-After": "30"}))
    with pytest.raises(ccapi.OverloadedError):
        both(faulty.url, timeout=20).complete("Hi")
    assert pauses == []


@pytest.mark.parametrize("status, type_, code", [(503, *OVERLOADED), (502, "server_error", "worker_failed"), (504, "server_error", "timeout"),
                                                 (500, "server_error", "internal_error"), (408, "invalid_request_error", None)])  # fmt: skip
def test_what_passes_is_tried_again(both: Make, faulty: FaultyServer, pauses: List[float], status: int, type_: str, code: Any) -> None:
    faulty.will(error(status, type_, code), error(status, type_, code))
    assert both(faulty.url).complete("Hi").content == "fine"
    assert len(faulty.seen) == 3 and len(set(keys(faulty))) == 1


@pytest.mark.parametrize("status, code", [(400, None), (401, "invalid_api_key"), (403, "permission_denied"), (404, "not_found"), (409, "conflict"),
                                          (413, "request_too_large"), (429, "insufficient_quota"), (503, "backend_unavailable"), (505, None)])  # fmt: skip
def test_what_stays_is_not_tried_again(both: Make, faulty: FaultyServer, pauses: List[float], status: int, code: Any) -> None:
    faulty.will(error(status, "x", code))
    with pytest.raises(ccapi.ApiError) as e:
        both(faulty.url).complete("Hi")
    assert (e.value.status, e.value.code, len(faulty.seen)) == (status, code, 1)


def test_the_servers_word_goes_before_the_table(both: Make, faulty: FaultyServer, pauses: List[float]) -> None:
    faulty.will(error(503, *OVERLOADED, {"x-should-retry": "false"}))
    with pytest.raises(ccapi.OverloadedError):
        both(faulty.url).complete("Hi")
    faulty.will(error(400, "x", None, {"x-should-retry": "true"}))
    assert both(faulty.url).complete("Hi").content == "fine"


def test_a_proxys_page_is_an_error_by_its_status(both: Make, faulty: FaultyServer, pauses: List[float]) -> None:
    page = answer(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"})
    faulty.will(page, page, page, page)
    with pytest.raises(ccapi.ServerError) as e:
        both(faulty.url).complete("Hi")
    assert (e.value.status, e.value.code, len(faulty.seen)) == (502, None, 3) and "html" not in str(e.value)
    faulty.script.clear()
    faulty.will(page)
    with pytest.raises(ccapi.ServerError):  # which may have passed the request on
        both(faulty.url).delete_session("s")
    assert len(faulty.seen) == 4


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff", b"{}", b'{"choices":[]}', b'{"choices":[{}]}', b'{"choices":{"a":1}}',
                                  b'{"choices":[{"message":{"content":7}}]}', b'{"choices":[null]}', b"[" * 100000])  # fmt: skip
def test_an_answer_that_is_none_is_a_protocol_error(both: Make, faulty: FaultyServer, body: bytes) -> None:
    faulty.will(answer(200, body))
    with pytest.raises(ccapi.ProtocolError) as e:
        both(faulty.url).complete("Hi")
    assert len(faulty.seen) == 1 and e.value.request_id


def test_strange_members_do_no_harm(both: Make, faulty: FaultyServer) -> None:
    strange = json.loads(json.dumps(GOOD))
    strange["usage"] = {"prompt_tokens": "x", "completion_tokens": 1e400, "cost_usd": [], "total_tokens": True, "prompt_tokens_details": 3}
    strange["id"] = 5
    faulty.will(answer(200, strange, {"x-ccapi-cost-usd": "nan", "x-ccapi-queue-ms": "soon"}))
    result = both(faulty.url).complete("Hi")
    assert result.content == "fine" and result.usage == ccapi.Usage() and result.cost == 0 and result.id is None


def test_redirects_are_not_followed(both: Make, faulty: FaultyServer) -> None:
    faulty.will(answer(307, {}, {"Location": "/elsewhere"}))
    with pytest.raises(ccapi.ApiError) as e:
        both(faulty.url, api_key="secret").complete("Hi")
    assert e.value.status == 307 and len(faulty.seen) == 1


def test_a_server_that_is_not_there_is_tried_and_named(both: Make, pauses: List[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    client = both(f"http://127.0.0.1:{port}")
    for call in (lambda: client.complete("Hi"), lambda: client.delete_session("s"), lambda: client.read("Hi"),
                 lambda: client.read("Hi", transport="websocket"), lambda: client.batch(["a"])):  # fmt: skip
        pauses.clear()
        with pytest.raises(ccapi.ConnectError) as e:
            call()
        assert e.value.attempts == 3 and len(pauses) == 2


def test_a_delete_whose_answer_is_lost_is_not_sent_twice(both: Make, faulty: FaultyServer, pauses: List[float]) -> None:
    faulty.will(reset())
    with pytest.raises(ccapi.ConnectionLostError):
        both(faulty.url).delete_session("s")
    assert len(faulty.seen) == 1 and faulty.seen[0].method == "DELETE"


def test_reading_calls_are_asked_again(both: Make, faulty: FaultyServer, pauses: List[float]) -> None:
    client = both(faulty.url)
    for call in (client.models, client.health, client.usage, lambda: client.route("x"), lambda: client.get_session("s")):
        faulty.will(reset(), answer(200, {"data": []}))
        call()
    assert len(faulty.seen) == 10 and not any("idempotency-key" in r.headers for r in faulty.seen)


def test_ready_tells_why_not(both: Make, faulty: FaultyServer) -> None:
    faulty.will(answer(503, {"status": "unavailable", "reason": "plan_limit"}, {"Retry-After": "90"}), error(503, *OVERLOADED))
    client = both(faulty.url, max_retries=0)
    state = client.ready()
    assert (bool(state), state.reason, state.retry_after) == (False, "plan_limit", 90)
    with pytest.raises(ccapi.OverloadedError):
        client.ready()


# -- timeouts


@pytest.mark.parametrize("silence", [until_left(), until_left(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{"), until_left(SSE_HEAD)])
def test_a_silent_server_ends_in_a_timeout(both: Make, faulty: FaultyServer, pauses: List[float], silence: Any) -> None:
    faulty.will(silence)
    with pytest.raises(ccapi.CallTimeoutError) as e:
        both(faulty.url).complete("Hi", timeout=1.0)
    wait_for(lambda: len(faulty.seen) == 1, "the one request")
    assert e.value.request_id == faulty.seen[0].headers["x-request-id"]


@pytest.mark.parametrize("transport", ["sse", "websocket"])
def test_a_silent_stream_ends_in_a_timeout(both: Make, faulty: FaultyServer, pauses: List[float], transport: str) -> None:
    faulty.will(until_left(SSE_HEAD if transport == "sse" else b"HTTP/1.1 101 Switching Protocols\r\n"))
    with pytest.raises(ccapi.CallTimeoutError):
        both(faulty.url, timeout=1.0).read("Hi", transport=transport)
    wait_for(lambda: len(faulty.seen) == 1, "the one request")


def test_a_stream_may_take_longer_than_its_timeout_while_it_lives(both: Make, faulty: FaultyServer) -> None:
    def slow(s: socket.socket) -> None:
        s.sendall(SSE_HEAD)
        s.settimeout(0.8)
        for _ in range(8):  # together longer than the timeout
            s.sendall(chunk(b": ping\n\n"))
            with pytest.raises(socket.timeout):
                s.recv(1)
        s.sendall(chunk(token("late") + END + DONE) + b"0\r\n\r\n")

    faulty.will(slow)
    assert both(faulty.url, timeout=6.0).read("Hi")[0] == ["late"]


# -- streams


def test_a_stream_in_any_pieces_is_the_same(both: Make, faulty: FaultyServer) -> None:
    text = "Grüße, 世界 😀 \u2028\u0085 end"
    body = b": ping\n\nevent: x\r\nid: 7\r\n\r\n" + token(text[:8]) + token(text[8:]).replace(b"\n", b"\r\n") + END + DONE
    faulty.will(*(raw(sse(*[body[i : i + n] for i in range(0, len(body), n)])) for n in (1, 2, 3, 7, len(body))))
    client = both(faulty.url)
    for _ in range(5):
        pieces, stream = client.read("Hi")
        assert pieces == [text[:8], text[8:]] and stream.content == text and stream.finished
        assert stream.usage.total_tokens == 5 and stream.cost == 0.25 and stream.finish_reason == "stop"
        assert (stream.model, stream.route, stream.cached) == ("m", "requested", False)


@pytest.mark.parametrize("early", [reset(), reset(SSE_HEAD), raw(sse()), raw(sse(b": ping\n\n", end=b"")), error(503, *OVERLOADED),
                                   raw(sse(frame({"error": {"message": "m", "type": "server_error", "code": "worker_failed"}})))])  # fmt: skip
def test_a_stream_that_fails_before_its_first_text_is_tried_again(both: Make, faulty: FaultyServer, pauses: List[float], early: Any) -> None:
    faulty.will(early, raw(sse(token("a"), END, DONE)))
    pieces, stream = both(faulty.url).read("Hi")
    assert pieces == ["a"] and stream.content == "a" and len(set(keys(faulty))) == 1 and len(pauses) == 1


@pytest.mark.parametrize("late", [reset(sse(token("a"), end=b"")), raw(sse(token("a"))), raw(sse(token("a"), END)), raw(sse(token("a"), end=b"5\r\nda"))])
def test_a_stream_that_breaks_later_says_so(both: Make, faulty: FaultyServer, pauses: List[float], late: Any) -> None:
    faulty.will(late)
    client = both(faulty.url)
    stream = client.client.stream("Hi")
    with pytest.raises(ccapi.ConnectionLostError):
        client.all(stream)
    assert not stream.finished and len(faulty.seen) == 1 and stream.content in ("a", "")


def test_an_error_in_a_stream_is_the_error(both: Make, faulty: FaultyServer, pauses: List[float]) -> None:
    faulty.will(raw(sse(token("a"), frame({"error": {"message": "m", "type": "server_error", "code": "upstream_error"}}))))
    client = both(faulty.url)
    stream = client.client.stream("Hi")
    assert client.next(stream) == "a"
    with pytest.raises(ccapi.UpstreamError) as e:
        client.next(stream)
    assert e.value.status == 502 and stream.content == "a" and not stream.finished and len(faulty.seen) == 1


@pytest.mark.parametrize("broken", [frame(b"{"), frame(b"[]"), frame(b"\xff\xfe"), b"data: \n\n"])
def test_a_broken_frame_is_a_protocol_error(both: Make, faulty: FaultyServer, pauses: List[float], broken: bytes) -> None:
    faulty.will(raw(sse(broken, END, DONE)))
    with pytest.raises(ccapi.ProtocolError):
        both(faulty.url).read("Hi")
    assert len(faulty.seen) == 1


def test_an_answer_that_is_no_stream_is_a_protocol_error(both: Make, faulty: FaultyServer) -> None:
    faulty.will(answer())
    with pytest.raises(ccapi.ProtocolError):
        both(faulty.url).read("Hi")


def test_an_endless_event_is_bounded(both: Make, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SseParser.__init__, "__defaults__", (10000,))
    faulty.will(raw(sse(b"data: " + b"x" * 9000, b"y" * 9000)))
    with pytest.raises(ccapi.ProtocolError, match="10000"):
        both(faulty.url).read("Hi")


def test_an_endless_answer_is_bounded(both: Make, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccapi.flow.MAX_ANSWER", 100000)
    faulty.will(answer(200, b"x" * 200000))
    with pytest.raises(ccapi.ProtocolError, match="100000"):
        both(faulty.url).complete("Hi")


# -- batches


def item(index: int, **more: Any) -> bytes:
    return frame({"index": index, "custom_id": None, "status": "ok", "content": f"c{index}", "model": "m", "finish_reason": "stop",
                  "usage": {"total_tokens": 1, "cost_usd": 0.1}, "error": None, **more})  # fmt: skip


SUMS = frame({"total_tokens": 3, "total_cost": 0.3, "succeeded": 3, "failed": 0})


def test_a_batch_goes_on_after_a_break(both: Make, faulty: FaultyServer, pauses: List[float]) -> None:
    faulty.will(reset(), raw(sse(item(2), end=b"")), raw(sse(item(2), item(0))), reset(), reset(), raw(sse(item(0), item(2), item(1), SUMS)))
    seen: List[Any] = []
    result = both(faulty.url).batch(["a", "b", "c"], progress=lambda p: seen.append((p.done, p.total, p.item.index)))
    assert result.contents == ["c0", "c1", "c2"] and result.total_cost == 0.3
    assert seen == [(1, 3, 2), (2, 3, 0), (3, 3, 1)] and len(faulty.seen) == 6 and len(set(keys(faulty))) == 1


def test_a_batch_that_gets_no_further_ends(both: Make, faulty: FaultyServer, pauses: List[float]) -> None:
    faulty.will(raw(sse(item(0))), *[raw(sse(item(0)))] * 9)
    client = both(faulty.url)
    stream = client.client.batch_as_completed(["a", "b"])
    with pytest.raises(ccapi.StreamInterruptedError):
        client.all(stream)
    assert (stream.done, stream.total, stream.summary) == (1, 2, None) and len(faulty.seen) == 4


def test_a_progress_callback_that_raises_ends_the_batch(both: Make, faulty: FaultyServer) -> None:
    faulty.will(raw(sse(item(0), item(1), SUMS)))
    with pytest.raises(ZeroDivisionError):
        both(faulty.url).batch(["a", "b"], progress=lambda p: 1 / 0)


@pytest.mark.parametrize("bad", [frame({"index": "x"}), frame({"index": 0}), frame({"index": 0, "status": "error", "error": None})])
def test_a_result_that_is_none_is_a_protocol_error(both: Make, faulty: FaultyServer, bad: bytes) -> None:
    faulty.will(raw(sse(bad, SUMS)))
    with pytest.raises(ccapi.ProtocolError):
        both(faulty.url).batch(["a"])


# -- sessions


def test_a_session_sends_its_system_prompt_once(both: Make, faulty: FaultyServer) -> None:
    faulty.will(*[answer(200, GOOD, {"x-ccapi-session-id": "sess_1"})] * 2)
    client = both(faulty.url)
    chat = client.client.session(system="Be terse.")
    for text in ("one", "two"):
        client.run(chat.send(text))
    first, second = (r.json for r in faulty.seen)
    assert first["session_id"] == "new" and [m["role"] for m in first["messages"]] == ["system", "user"]
    assert second["session_id"] == "sess_1" and second["messages"] == [{"role": "user", "content": "two"}]
