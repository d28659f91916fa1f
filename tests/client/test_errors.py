"""Every class of errors: from the daemon where it can be brought to it, and each row of the table from a server that says it."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest
from both import Both
from faulty import FaultyServer, error, frame, raw, sse, token
from harness import Daemon, chat_body, chat_request, wait_for

import ccapi
from ccapi import errors, operations
from ccapi.flow import Call, Request

Make = Callable[..., Both]
ROWS = [(row, status) for row in errors.ROWS for status in row.statuses]
NAMES = [f"{status}-{row.cls.__name__}" for row, status in ROWS]


# -- each row of the table


@pytest.mark.parametrize("row, status", ROWS, ids=NAMES)
def test_each_row_is_its_class_whole_and_streamed(both: Make, faulty: FaultyServer, row: errors.Row, status: int) -> None:
    client = both(faulty.url, max_retries=0)
    for call in (lambda: client.complete("x"), lambda: client.read("x"), lambda: client.read("x", transport="websocket"),
                 lambda: client.batch(["x"]), client.models, lambda: client.delete_session("s")):  # fmt: skip
        faulty.will(error(status, row.type, row.code, {"Retry-After": "2", "x-should-retry": "false"}))
        with pytest.raises(errors.ApiError) as e:
            call()
        assert type(e.value) is row.cls
        assert (e.value.status, e.value.code, e.value.type, e.value.param) == (status, row.code, row.type, "p")
        assert (e.value.request_id, e.value.retry_after, e.value.should_retry, e.value.message) == ("req_f", 2.0, False, "no")
        assert isinstance(e.value, ccapi.CcapiError) and not isinstance(e.value, ccapi.TransportError)


@pytest.mark.parametrize("row", [r for r in errors.ROWS if r.code], ids=[r.cls.__name__ for r in errors.ROWS if r.code])
def test_each_row_is_its_class_inside_a_stream_and_a_batch(both: Make, faulty: FaultyServer, row: errors.Row) -> None:
    body = {"message": "no", "type": row.type, "param": "p", "code": row.code}
    client = both(faulty.url, max_retries=0)
    faulty.will(raw(sse(token("a"), frame({"error": body}))))
    with pytest.raises(errors.ApiError) as e:
        client.read("x")
    assert type(e.value) is row.cls and e.value.status in row.statuses and e.value.request_id
    result = {"index": 0, "custom_id": None, "status": "error", "content": None, "model": None, "usage": None, "error": body}
    faulty.will(raw(sse(frame(result), frame({"total_tokens": 0, "total_cost": 0, "succeeded": 0, "failed": 1}))))
    assert type(client.batch(["x"])[0].error) is row.cls
    faulty.will(raw(sse(frame({"error": body}))))
    with pytest.raises(row.cls):
        client.batch(["x"])


# -- from the daemon itself


SLOW = "[[sim:delay=3600000]] for the operator"


def end_what_is_live(daemon: Daemon) -> None:
    """Ends the request of the project `operated`, as an operator does."""

    def running() -> List[str]:
        rows = daemon.ctl("requests", "list", "--state", "live")["requests"]
        return [row["id"] for row in rows if row["state"] == "running" and row["project"] == "operated"]

    (id,) = wait_for(running, "a request under way")
    daemon.ctl("requests", "cancel", id)


class Brought:
    """A daemon with keys, and a client of it that does not try again."""

    def __init__(self, make: Make, daemon: Daemon, key: Optional[str] = None) -> None:
        self.client = make(f"http://127.0.0.1:{daemon.port}", api_key=key, max_retries=0)

    def to(self, cls: Any, call: Callable[[Both], Any]) -> Any:
        with pytest.raises(cls) as e:
            call(self.client)
        assert type(e.value) is cls
        assert e.value.request_id and e.value.message
        return e.value

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Callable[[Both], Any]:
        request = Request(method, path, body, headers, 10.0, False)
        return lambda c: c._run(Call(request, operations._checked(lambda answer: answer)))


@pytest.fixture(scope="module")
def strict() -> Iterator[Daemon]:
    options = {"auth.required": True, "http.max_body": "64K", "pool.workers": 1, "pool.spares": 0}
    with Daemon(options=options) as d:
        yield d


def test_what_is_wrong_with_a_request(both: Make, strict: Daemon) -> None:
    b = Brought(both, strict, strict.new_key("p1"))
    assert b.to(ccapi.BadRequestError, lambda c: c.complete("")).param == "messages[0].content"
    b.to(ccapi.ContextLengthError, lambda c: c.complete("[[sim:error=context]]"))
    b.to(ccapi.ModelNotFoundError, lambda c: c.complete("x", model="gpt-4"))
    b.to(ccapi.SessionNotFoundError, lambda c: c.get_session("sess_none"))
    b.to(ccapi.NotFoundError, b.send("GET", "/v1/nothing"))
    b.to(ccapi.MethodNotAllowedError, b.send("PUT", "/v1/models"))
    b.to(ccapi.RequestTooLargeError, lambda c: c.complete("x" * 70_000))
    b.to(ccapi.UnsupportedMediaTypeError, b.send("POST", "/v1/chat/completions", b"{}", **{"content-type": "text/plain"}))
    b.to(ccapi.UpgradeRequiredError, b.send("GET", "/v1/stream"))
    assert b.to(ccapi.HeadTooLargeError, b.send("GET", "/v1/models", x_big="y" * 20_000)).status in (414, 431)


def test_who_may_not(both: Make, strict: Daemon) -> None:
    for key in (None, "ccapi_wrong"):
        b = Brought(both, strict, key)
        for call in (lambda c: c.complete("x"), lambda c: c.read("x"), lambda c: c.read("x", transport="websocket"), lambda c: c.models()):
            b.to(ccapi.AuthenticationError, call)
    limited = Brought(both, strict, strict.new_key("p2", "--scopes", "chat", "--models", "haiku"))
    limited.to(ccapi.PermissionDeniedError, lambda c: c.batch(["x"]))
    limited.to(ccapi.PermissionDeniedError, lambda c: c.complete("x", model="opus"))
    limited.to(ccapi.PermissionDeniedError, lambda c: c.complete("x", project_id="other"))
    limited.to(ccapi.PermissionDeniedError, lambda c: c.read("x", model="opus", transport="websocket"))


def test_whose_limits_are_reached(both: Make, strict: Daemon) -> None:
    b = Brought(both, strict, strict.new_key("p3", "--requests-per-minute", "1"))
    b.client.complete("x")
    for call in (lambda c: c.complete("x"), lambda c: c.read("x"), lambda c: c.read("x", transport="websocket")):
        e = b.to(ccapi.RequestRateLimitError, call)
        assert e.status == 429 and 0 < e.retry_after <= 60 and isinstance(e, ccapi.RateLimitError)
    tokens = Brought(both, strict, strict.new_key("p4", "--tokens-per-minute", "20"))
    tokens.client.complete("word " * 12)
    assert tokens.to(ccapi.TokenRateLimitError, lambda c: c.complete("word " * 12)).retry_after > 0
    key = strict.new_key("p5")
    strict.ctl("budgets", "set", "p5", "--tokens", "10")
    e = Brought(both, strict, key).to(ccapi.BudgetExceededError, lambda c: c.complete("word " * 100))
    assert e.should_retry is False and not e.retriable


def test_what_the_backend_does(both: Make, strict: Daemon) -> None:
    b = Brought(both, strict, strict.new_key("p6"))
    b.to(ccapi.UpstreamError, lambda c: c.complete("[[sim:error=500]]"))
    b.to(ccapi.WorkerFailedError, lambda c: c.complete("[[sim:crash=before]]"))
    b.to(ccapi.ServerTimeoutError, lambda c: c.complete("[[sim:delay=3600000]]", extra={"timeout": 0.2}))


def test_a_plan_that_is_used_up(both: Make) -> None:
    with Daemon(options={"pool.workers": 1}) as d:
        b = Brought(both, d)
        e = b.to(ccapi.PlanLimitError, lambda c: c.complete("[[sim:error=plan]]"))
        assert e.status == 429 and e.retry_after > 0


def test_a_server_that_is_full(both: Make) -> None:
    with Daemon(options={"pool.workers": 1, "pool.spares": 0, "pool.queue": 1}) as d:
        held: List[socket.socket] = []
        try:
            for _ in range(3):  # one runs, one waits, and whichever else comes is refused
                held.append(d.send_raw(chat_request(chat_body("[[sim:delay=3600000]]"))))
            wait_for(lambda: d.chat("probe", timeout=0.15).status == 503, "a full queue")
            b = Brought(both, d)
            e = b.to(ccapi.OverloadedError, lambda c: c.complete("x"))
            assert e.retry_after and b.client.health().status == "ok"
            b.to(ccapi.OverloadedError, lambda c: c.read("x", transport="websocket"))
        finally:
            for s in held:
                s.close()


def test_what_the_operator_ends(both: Make, daemon: Daemon) -> None:
    client = both(f"http://127.0.0.1:{daemon.port}", project_id="operated")
    for call in (lambda: client.complete(SLOW), lambda: client.read(SLOW), lambda: client.read(SLOW, transport="websocket"),
                 lambda: client.batch([SLOW])[0].error):  # fmt: skip
        with ThreadPoolExecutor() as pool:
            ended = pool.submit(end_what_is_live, daemon)
            try:
                error = call()
            except ccapi.RequestCancelledError as e:
                error = e
            ended.result()
        assert type(error) is ccapi.RequestCancelledError and (error.status, error.code, error.attempts) == (499, "cancelled", 1)


def test_a_cli_that_cannot(both: Make) -> None:
    with Daemon(options={"claude.history": "replay"}) as d:
        b = Brought(both, d)
        assert b.to(ccapi.UnsupportedByCliError, lambda c: c.complete("x", temperature=0.5)).param == "temperature"


def test_a_session_in_use(both: Make, daemon: Daemon) -> None:
    b = Brought(both, daemon)
    chat = b.client.client.session()
    b.client.run(chat.send("one"))
    stream = chat.stream("[[sim:pace=3600000]] two three")
    b.client.next(stream)
    b.to(ccapi.ConflictError, lambda c: c.complete("x", session_id=chat.id))
    b.to(ccapi.ConflictError, lambda c: c.delete_session(chat.id))
    b.client.run(stream.close())


def test_the_classes_that_no_daemon_can_be_brought_to_are_few() -> None:
    """Those of the table that this file has from the faulty server only."""
    text = Path(__file__).read_text()
    here = text[text.index("# -- from the daemon itself") :]
    missing: Dict[str, None] = {r.cls.__name__: None for r in errors.ROWS if f"ccapi.{r.cls.__name__}" not in here}
    assert set(missing) <= {"InternalServerError", "RequestTimeoutError", "BackendUnavailableError", "HttpVersionError", "SlowReaderError"}
