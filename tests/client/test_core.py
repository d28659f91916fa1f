"""The parts without input and output: retries, settings, event streams, classes of errors."""

from __future__ import annotations

import pickle
import re
import ssl
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional, Set

import pytest

import ccapi
from ccapi import errors, operations, parsing
from ccapi.client import ClaudeClient as Alias
from ccapi.flow import Sleep, call_flow
from ccapi.retry import RetryPolicy
from ccapi.settings import UNSET, Settings, is_loopback, make_settings
from ccapi.sse import SseParser

REPO = Path(__file__).resolve().parents[2]


def settings(url: Optional[str] = "http://h", **more: Any) -> Settings:
    given: Dict[str, Any] = dict(
        base_url=url, api_key=None, project_id=None, timeout=600.0, max_retries=2, trust_env=None, verify=True, headers=None,
        idempotency=True,
    )
    return make_settings(**{**given, **more})


# -- settings


def test_the_environment_fills_in_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = settings(None)
    assert (bare.base_url, bare.api_key, bare.project_id) == ("http://localhost:8080", None, None)
    monkeypatch.setenv("CCAPI_BASE_URL", "https://llm.example/v1/")
    monkeypatch.setenv("CCAPI_API_KEY", "ccapi_k")
    monkeypatch.setenv("CCAPI_PROJECT", "p")
    there = settings(None)
    assert (there.base_url, there.api_key, there.project_id) == ("https://llm.example:443", "ccapi_k", "p")
    given = settings("http://[::1]:81", api_key="other", project_id="q")
    assert (given.base_url, given.host, given.port, given.api_key, given.project_id) == ("http://[::1]:81", "::1", 81, "other", "q")
    monkeypatch.setenv("CCAPI_API_KEY", "")
    assert settings(None).api_key is None


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://h", "http://", "http://u:p@h", "http://h?a=b", "http://h#x", "http://h:99999"])
def test_addresses_that_cannot_be_used_are_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not url:
        monkeypatch.setenv("CCAPI_BASE_URL", "nonsense")
    with pytest.raises(ValueError) as e:
        settings(url)
    assert "u:p" not in str(e.value)


@pytest.mark.parametrize("bad", [dict(api_key="a b"), dict(api_key="k\r\nx: y"), dict(api_key="ключ"), dict(timeout=0), dict(timeout=-1),
                                 dict(timeout=float("nan")), dict(max_retries=-1), dict(headers={"a": "b\nc"})])  # fmt: skip
def test_arguments_that_cannot_be_used_are_refused(bad: Any) -> None:
    with pytest.raises(ValueError):
        settings(**bad)


def test_a_key_is_never_shown() -> None:
    client = ccapi.ClaudeClient("http://h", api_key="ccapi_secret", headers={"x-api-key": "ccapi_secret"})
    assert "secret" not in repr(client) and "secret" not in repr(client._settings)
    with pytest.raises(ValueError) as e:
        ccapi.ClaudeClient("http://h", api_key="ccapi_secret ")
    assert "secret" not in str(e.value)


@pytest.mark.parametrize("host, here", [("localhost", True), ("LOCALHOST.", True), ("a.localhost", True), ("127.9.9.9", True), ("::1", True),
                                        ("example.org", False), ("10.0.0.1", False), ("0.0.0.0", False), ("localhost.example", False)])  # fmt: skip
def test_loopback_is_known_by_its_address(host: str, here: bool) -> None:
    assert is_loopback(host) is here
    url = f"http://[{host}]" if ":" in host else f"http://{host}"
    assert settings(url).trust_env is not here
    assert settings(url, trust_env=True).trust_env and not settings(url, trust_env=False).trust_env


# -- retries


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_pauses_grow_and_stay_within_their_bounds(chance: float) -> None:
    policy = RetryPolicy(max_retries=10)
    lost = errors.ConnectionLostError("x")
    for n in range(10):
        pause = policy.pause(lost, n, True, lambda: chance)
        step = min(8.0, 0.5 * 2**n)
        assert pause is not None and step / 2 <= pause <= step
    assert policy.pause(lost, 10, True, lambda: chance) is None
    told = errors.OverloadedError("x", status=503, code="overloaded", retry_after=8.0)
    pause = policy.pause(told, 0, False, lambda: chance)
    assert pause is not None and 8.0 <= pause <= 9.0
    assert policy.pause(told, 0, False, lambda: chance, left=8.0) is None


@pytest.mark.parametrize(
    "error, safe, unsafe",
    [
        (errors.ConnectError("x"), True, True), (errors.ConnectionLostError("x"), True, False), (errors.StreamInterruptedError("x"), True, False),
        (errors.CallTimeoutError("x"), False, False), (errors.ProtocolError("x"), False, False),
        (errors.ServerError("x", status=502), True, False), (errors.UpstreamError("x", status=502, code="upstream_error"), True, True),
        (errors.ServerError("x", status=502, should_retry=False), False, False), (errors.BadRequestError("x", status=400), False, False),
        (errors.BudgetExceededError("x", status=429, code="insufficient_quota"), False, False),
    ],
)  # fmt: skip
def test_only_what_does_no_harm_is_tried_again(error: Any, safe: bool, unsafe: bool) -> None:
    policy = RetryPolicy()
    assert (policy.pause(error, 0, True, lambda: 0.0) is not None, policy.pause(error, 0, False, lambda: 0.0) is not None) == (safe, unsafe)


def test_the_timeout_is_for_the_whole_call() -> None:
    now = [100.0]
    s = settings(timeout=10.0)
    s = Settings(**{**vars(s), "clock": lambda: now[0], "chance": lambda: 1.0})
    flow = call_flow(s, operations.health(s, UNSET))
    assert next(flow).timeout == 10.0  # type: ignore[union-attr]
    now[0] = 106.0
    pause = flow.throw(errors.ConnectionLostError("x"))
    assert pause == Sleep(0.5)
    now[0] = 107.0
    assert flow.send(None).timeout == 3.0  # type: ignore[union-attr]
    now[0] = 109.5
    with pytest.raises(errors.ConnectionLostError) as e:
        flow.throw(errors.ConnectionLostError("x"))
    assert e.value.attempts == 2


@pytest.mark.parametrize("headers, seconds", [({}, None), ({"retry-after": "3"}, 3), ({"retry-after": "1", "retry-after-ms": "250"}, 0.25),
                                              ({"retry-after": "-5"}, 0), ({"retry-after": "soon"}, None), ({"retry-after": "nan"}, None),
                                              ({"retry-after": "Tue, 01 Jan 2019 00:00:00 GMT"}, 0)])  # fmt: skip
def test_retry_after_is_read(headers: Any, seconds: Optional[float]) -> None:
    assert parsing.retry_after(headers) == seconds
    later = parsing.retry_after({"retry-after": "Fri, 01 Jan 2100 00:00:00 GMT"})
    assert later is not None and later > 1e9


# -- event streams


def test_events_come_out_however_they_were_cut() -> None:
    text = b': c\n\ndata: a\ndata:b\n\nevent: x\nid: 1\n\ndata\n\ndata: {"t":"\xc3\xa9\xe2\x80\xa8"}\r\n\r\nretry: 5\n\ndata:  z\n\ndata: lost'
    whole = ["a\nb", "", '{"t":"é\u2028"}', " z"]
    for cut in range(1, len(text) + 1):
        parser = SseParser()
        got: List[str] = []
        for i in range(0, len(text), cut):
            got += parser.feed(text[i : i + cut])
        assert got == whole, cut


@pytest.mark.parametrize("pieces", [[b"data: " + b"x" * 200], [b"x" * 60] * 2, [b"data: xxxxxxxxxx\n"] * 20])
def test_an_event_is_bounded(pieces: List[bytes]) -> None:
    parser = SseParser(limit=100)
    with pytest.raises(errors.ProtocolError):
        for piece in pieces:
            parser.feed(piece)


# -- errors


def documented_rows() -> List[Any]:
    """(status, type, code) of each row of the table of errors in docs/api.md."""
    rows = []
    for line in (REPO / "docs" / "api.md").read_text().splitlines():
        m = re.match(r"\| ([0-9, ]+) \| `(\w+)` \| (null|`\w+`) \|", line)
        if m:
            code = None if m.group(3) == "null" else m.group(3).strip("`")
            rows += [(int(status), m.group(2), code) for status in m.group(1).split(",")]
    assert len(rows) >= 27
    return rows


def test_each_documented_error_has_a_class_of_its_own() -> None:
    rows = documented_rows()
    classes: Dict[Any, Set[Any]] = {}
    for status, kind, code in rows:
        row = errors.row_of(status, kind, code)
        assert row and (row.type, row.code) == (kind, code) and status in row.statuses, (status, kind, code)
        classes.setdefault(row.cls, set()).add((row.statuses, row.type, row.code))
    assert all(len(of) == 1 for of in classes.values())
    assert {r.cls for r in errors.ROWS} == set(classes)  # and no row that is not documented
    for cls in classes:
        assert getattr(ccapi, cls.__name__) is cls and issubclass(cls, ccapi.ApiError) and cls.__doc__


@pytest.mark.parametrize("status, kind, code", documented_rows())
def test_errors_in_frames_have_the_status_of_their_row(status: int, kind: str, code: Optional[str]) -> None:
    frame = {"message": "m", "type": kind, "param": None, "code": code}
    error = parsing.error_from(frame, None, "r")
    if code is None:  # several rows look the same then
        assert isinstance(error, (ccapi.BadRequestError, ccapi.ServerError)) and error.status is None
    else:
        assert (type(error), error.status) == (errors.class_of(status, kind, code), status)


@pytest.mark.parametrize("status, cls", [(418, errors.ApiError), (302, errors.ApiError), (502, errors.ServerError), (599, errors.ServerError),
                                         (429, errors.LimitError), (401, errors.AuthenticationError), (404, errors.NotFoundError)])  # fmt: skip
def test_errors_of_others_are_known_by_their_status(status: int, cls: Any) -> None:
    for body in (b"", b"<html>", b"[]", b'{"error":"x"}', b'{"error":{"code":3}}', b'{"error":{"code":"unheard_of","type":"x"}}'):
        error = parsing.error_of(parsing.Answer(status, {}, body))
        assert type(error) is cls and error.status == status


def test_anthropics_form_of_an_error_is_understood() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"r"}'
    error = parsing.error_of(parsing.Answer(529, {"x-request-id": "r"}, body))
    assert isinstance(error, errors.ServerError) and (error.type, error.request_id, error.message) == ("overloaded_error", "r", "m")


def test_errors_can_be_pickled_and_read() -> None:
    error = parsing.error_from({"message": "no", "code": "overloaded"}, 503, "req_1", {"retry-after": "2"})
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and vars(again) == vars(error)
    assert str(error) == "no (503, overloaded, request req_1)"


# -- requests


def test_what_cannot_be_written_as_json_is_refused_at_once() -> None:
    client = ccapi.ClaudeClient("http://h")
    for prompt in ("half \ud83d", b"bytes", {"role": "user"}, [{"role": "user", "content": object()}]):
        with pytest.raises((ValueError, TypeError)):
            client.complete(prompt)  # type: ignore[arg-type]
        with pytest.raises((ValueError, TypeError)):
            client.stream(prompt, transport="websocket")  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        client.complete("x", temperature=float("nan"))
    with pytest.raises(ValueError):
        client.stream("x", transport="pigeon")
    with pytest.raises(TypeError):
        client.batch("one prompt")
    with pytest.raises(ValueError):
        client.complete("x", timeout=0)
    for key in ("a\r\nx: y", "\u00e4"):
        with pytest.raises(ValueError, match="idempotency_key"):
            client.complete("x", idempotency_key=key)
    with pytest.raises(ValueError):
        client.session().info()
    with pytest.raises(ValueError):
        client.get_session("")


def test_ids_stay_within_their_path() -> None:
    s = settings()
    assert operations.model(s, "../a?b#c/é", UNSET).request.path == "/v1/models/..%2Fa%3Fb%23c%2F%C3%A9"
    assert operations.get_session(s, "a/b", "p&q", UNSET).request.path == "/v1/sessions/a%2Fb?project_id=p%26q"


def test_moments_are_written_as_the_server_reads_them() -> None:
    moment = datetime(2026, 11, 1, 12, 30, tzinfo=timezone.utc)
    request = operations.usage_request(settings(), None, moment, 1800000000.7, "day", None, None, UNSET)
    assert request.path == "/v1/usage?from=2026-11-01T12%3A30%3A00Z&to=1800000000&group_by=day"


def test_batch_items_may_have_any_form() -> None:
    s = settings(project_id="p")
    items: List[Any] = ["a", [{"role": "user", "content": "b"}], {"prompt": "c", "max_tokens": 9}]
    request = operations.batch(s, items, False, "haiku", None, {"max_tokens": 5, "system": None}, True, "k", UNSET)
    assert parsing.json_object(request.body, "x") == {
        "requests": [{"max_tokens": 5, "prompt": "a"}, {"max_tokens": 5, "messages": [{"role": "user", "content": "b"}]}, {"max_tokens": 9, "prompt": "c"}],
        "parallel": False, "stream": True, "model": "haiku", "project_id": "p",
    }  # fmt: skip
    assert request.headers["idempotency-key"] == "k" and request.headers["x-ccapi-strict"] == "true"


def test_the_earlier_names_are_the_same_things() -> None:
    assert Alias is ccapi.ClaudeClient
    assert ccapi.client.AsyncClaudeClient is ccapi.AsyncClaudeClient  # type: ignore[attr-defined]


def test_a_context_for_https_is_taken() -> None:
    ccapi.ClaudeClient("https://h", verify=ssl.create_default_context()).close()
