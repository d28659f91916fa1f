"""Routes, headers and refusals of the HTTP side over the whole daemon."""

from __future__ import annotations

import json
import re
import socket
from typing import Any, Dict, Iterator

import pytest

from harness import Daemon, chat_body
from system_support import read_all

CHAT = "/v1/chat/completions"
ROUTES = [("GET", "/"), ("GET", "/health"), ("GET", "/ready"), ("GET", "/v1/models"), ("GET", "/v1/models/haiku"),
          ("GET", "/nowhere"), ("GET", "/v1/models/nothing"), ("DELETE", "/health"), ("POST", CHAT), ("OPTIONS", CHAT)]  # fmt: skip


@pytest.fixture(scope="module")
def d() -> Iterator[Daemon]:
    with Daemon(options={"http.max_body": "64K"}) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def open_d() -> Iterator[Daemon]:
    """With CORS and a further host."""
    options = {"http.cors_origins": "http://app.example", "http.allowed_hosts": "api.example", "pool.workers": 1}
    with Daemon(options=options) as daemon:
        yield daemon


def post(d: Daemon, body: Any, **headers: str) -> Any:
    return d.request("POST", CHAT, body, {k.replace("_", "-"): v for k, v in headers.items()})


def raw(d: Daemon, data: bytes) -> bytes:
    return read_all(d.send_raw(data))


def assert_error(r: Any, status: int, code: Any, kind: str = "invalid_request_error", param: Any = None) -> None:
    assert r.status == status, r.body
    assert r.headers["content-type"] == "application/json"
    assert set(r.error) == {"message", "type", "param", "code"}
    assert (r.error["type"], r.error["code"], r.error["param"]) == (kind, code, param), r.error
    assert r.error["message"]


# -- routes


def test_index_lists_the_routes(d: Daemon) -> None:
    r = d.request("GET", "/")
    assert r.status == 200 and {"/health", "/ready", "/v1/models", CHAT} <= {x["path"] for x in r.json["routes"]}


def test_health_tells_status_version_and_uptime_only(d: Daemon) -> None:
    r = d.request("GET", "/health")
    assert r.status == 200 and set(r.json) == {"status", "version", "uptime_s"} and r.json["status"] == "ok"
    assert isinstance(r.json["uptime_s"], int)


def test_ready_is_200_when_a_worker_can_take_work(d: Daemon) -> None:
    r = d.request("GET", "/ready")
    assert (r.status, r.json) == (200, {"status": "ready"})


def test_models_are_listed_in_openai_form_with_aliases(d: Daemon) -> None:
    r = d.request("GET", "/v1/models")
    assert r.status == 200 and r.json["object"] == "list"
    ids = [m["id"] for m in r.json["data"]]
    assert len(ids) == len(set(ids)) and {"auto", "haiku", "sonnet", "opus"} <= set(ids)
    for m in r.json["data"]:
        assert m["object"] == "model" and m["owned_by"] == "anthropic" and isinstance(m["created"], int)


def test_every_listed_model_can_be_retrieved_and_asked(d: Daemon) -> None:
    for m in d.request("GET", "/v1/models").json["data"]:
        one = d.request("GET", "/v1/models/" + m["id"])
        assert (one.status, one.json) == (200, m)
        r = d.chat("hello", model=m["id"])
        assert r.status == 200 and r.json["model"] == m.get("resolves_to", r.json["model"])
        assert "resolves_to" in m or m["id"] == "auto"


def test_unknown_model_is_404_in_both_places(d: Daemon) -> None:
    assert_error(d.request("GET", "/v1/models/gpt-4"), 404, "model_not_found", param="model")
    assert_error(d.chat("hello", model="gpt-4"), 404, "model_not_found", param="model")


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/v1/models", "/v1/models/auto", "/nowhere"])
def test_head_is_get_without_the_body(d: Daemon, path: str) -> None:
    get, head = d.request("GET", path), d.request("HEAD", path)
    assert head.status == get.status and head.body == b""
    if path != "/health":  # its body grows with the uptime
        assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize("path", ["/nowhere", "/v1", "/v1/", "/v1/models/", "/v1/models/a/b", "//", "/HEALTH", CHAT + "/"])
def test_unknown_path_is_404(d: Daemon, path: str) -> None:
    assert_error(d.request("GET", path), 404, "not_found")


@pytest.mark.parametrize("method, path, allow", [
    ("GET", CHAT, "POST"), ("PUT", CHAT, "POST"), ("POST", "/health", "GET"), ("DELETE", "/v1/models", "GET"),
    ("PATCH", "/", "GET"), ("TRACE", "/", "GET")])  # fmt: skip
def test_wrong_method_is_405_with_allow(d: Daemon, method: str, path: str, allow: str) -> None:
    r = d.request(method, path)
    assert_error(r, 405, "method_not_allowed")
    assert allow in re.split(r", *", r.headers["allow"])


def test_query_strings_do_not_change_the_route(d: Daemon) -> None:
    assert d.request("GET", "/health?verbose=1&x=%20").status == 200


# -- bodies


# The last one is a text/plain that browsers send across origins without a preflight.
@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "text/plain; x=,application/json"],
)
def test_post_without_json_content_type_is_415(d: Daemon, content_type: Any) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    assert_error(d.request("POST", CHAT, json.dumps(chat_body()).encode(), headers), 415, "unsupported_media_type")


def test_content_type_may_carry_a_charset(d: Daemon) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert d.request("POST", CHAT, json.dumps(chat_body()).encode(), headers).status == 200


def test_large_body_is_413_and_a_body_at_the_limit_is_taken(d: Daemon) -> None:
    assert_error(d.chat("x" * 70000), 413, "request_too_large")
    body = json.dumps(chat_body("x"))
    body = body[:-1] + " " * (64 * 1024 - len(body)) + "}"
    assert d.request("POST", CHAT, body.encode(), {"Content-Type": "application/json"}).status == 200


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'"x"', b"{} {}", b'{"messages":[', b"\xff\xfe", b'{"model":"\xc3\x28"}',
    b'{"messages":[{"role":"user","content":"\x00"}]}', b"[" * 20000, b'{"a":1e999999}', b"{'a':1}"])  # fmt: skip
def test_malformed_json_is_400(d: Daemon, body: bytes) -> None:
    assert_error(post(d, body, Content_Type="application/json"), 400, None, param=None)


HELLO = [{"role": "user", "content": "hello"}]
INVALID: Dict[str, Any] = {
    "messages missing": ({}, "messages"),
    "messages null": ({"messages": None}, "messages"),
    "messages empty": ({"messages": []}, "messages"),
    "messages a string": ({"messages": "hello"}, "messages"),
    "message no object": ({"messages": ["hello"]}, "messages[0]"),
    "role missing": ({"messages": [{"content": "x"}]}, "messages[0].role"),
    "role unknown": ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
    "content missing": ({"messages": [{"role": "user"}]}, "messages[0].content"),
    "content a number": ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
    "model a number": ({"messages": HELLO, "model": 1}, "model"),
    "stream a string": ({"messages": HELLO, "stream": "yes"}, "stream"),
    "max_tokens zero": ({"messages": HELLO, "max_tokens": 0}, "max_tokens"),
    "max_tokens real": ({"messages": HELLO, "max_tokens": 1.5}, "max_tokens"),
    "max_completion_tokens negative": ({"messages": HELLO, "max_completion_tokens": -1}, "max_completion_tokens"),
    "temperature too high": ({"messages": HELLO, "temperature": 2.1}, "temperature"),
    "top_p a string": ({"messages": HELLO, "top_p": "1"}, "top_p"),
    "five stops": ({"messages": HELLO, "stop": list("abcde")}, "stop"),
    "blank stop": ({"messages": HELLO, "stop": " "}, "stop"),
    "stream_options alone": ({"messages": HELLO, "stream_options": {"include_usage": True}}, "stream_options"),
    "tools": ({"messages": HELLO, "tools": []}, "tools"),
    "tool_choice": ({"messages": HELLO, "tool_choice": "auto"}, "tool_choice"),
    "effort unknown": ({"messages": HELLO, "reasoning_effort": "huge"}, "reasoning_effort"),
    "priority unknown": ({"messages": HELLO, "priority": "urgent"}, "priority"),
    "timeout zero": ({"messages": HELLO, "timeout": 0}, "timeout"),
    "cache ttl": ({"messages": HELLO, "cache": {"ttl": "x"}}, "cache.ttl"),
    "schema no object": ({"messages": HELLO, "response_format": {"type": "json_schema", "json_schema":
                         {"name": "a", "schema": 1}}}, "response_format.json_schema.schema"),
    "format unknown": ({"messages": HELLO, "response_format": {"type": "xml"}}, "response_format.type"),
    "metadata": ({"messages": HELLO, "metadata": {"a": 1}}, "metadata"),
    "project empty": ({"messages": HELLO, "project_id": ""}, "project_id"),
    "project with a slash": ({"messages": HELLO, "project_id": "../x"}, "project_id"),
    "project too long": ({"messages": HELLO, "project_id": "p" * 65}, "project_id"),
    "project a number": ({"messages": HELLO, "project_id": 7}, "project_id"),
}  # fmt: skip


@pytest.mark.parametrize("case", INVALID)
def test_invalid_field_is_400_and_named(d: Daemon, case: str) -> None:
    body, param = INVALID[case]
    assert_error(post(d, body), 400, None, param=param)


@pytest.mark.parametrize("project", ["a", "A-b_c.9", "p" * 64])
def test_project_ids_of_the_allowed_form_are_taken(d: Daemon, project: str) -> None:
    assert d.chat(project_id=project).status == 200


def test_null_and_unknown_fields_are_as_if_absent(d: Daemon) -> None:
    r = d.chat(stop=None, max_tokens=None, project_id=None, something_new={"a": 1})
    assert r.status == 200 and "x-ccapi-ignored-params" not in r.headers


def test_parameters_that_cannot_be_honoured_are_listed(d: Daemon) -> None:
    r = d.chat(seed=1, n=2, logprobs=True, logit_bias={"1": 1}, presence_penalty=0.5)
    assert r.status == 200
    ignored = set(re.split(r", *", r.headers["x-ccapi-ignored-params"]))
    assert ignored == {"seed", "n", "logprobs", "logit_bias", "presence_penalty"}


def test_parameters_that_ask_for_nothing_are_not_listed(d: Daemon) -> None:
    r = d.chat(n=1, logprobs=False, presence_penalty=0, logit_bias={}, store=False, headers={"x-ccapi-strict": "true"})
    assert r.status == 200 and "x-ccapi-ignored-params" not in r.headers


@pytest.mark.parametrize("name, value", [("seed", 1), ("n", 2), ("logprobs", True), ("frequency_penalty", 1)])
def test_strict_refuses_what_cannot_be_honoured(d: Daemon, name: str, value: Any) -> None:
    assert_error(d.chat(headers={"x-ccapi-strict": "true"}, **{name: value}), 400, None, param=name)


# -- headers of every answer


@pytest.mark.parametrize("method, path", ROUTES)
def test_every_answer_names_its_request_and_its_time(d: Daemon, method: str, path: str) -> None:
    r = d.request(method, path)
    assert re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", r.headers["x-request-id"])
    assert re.fullmatch(r"\d+", r.headers["openai-processing-ms"])
    mine = d.request(method, path, headers={"x-request-id": "Mine_1.2:3-4"})
    assert mine.headers["x-request-id"] == "Mine_1.2:3-4"


def test_streams_name_their_request_and_time_too(d: Daemon) -> None:
    s = d.stream(headers={"x-request-id": "s-1"})
    assert s.headers["x-request-id"] == "s-1" and s.headers["openai-processing-ms"].isdigit()


@pytest.mark.parametrize("bad", ["", "a b", "a\tb", "x" * 129, "häh", 'a"b', "a/b"])
def test_request_id_of_another_form_is_replaced(d: Daemon, bad: str) -> None:
    got = d.request("GET", "/health", headers={"x-request-id": bad.encode("utf-8").decode("latin-1")}).headers["x-request-id"]
    assert got != bad and re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", got)
    assert d.request("GET", "/health", headers={"x-request-id": "y" * 128}).headers["x-request-id"] == "y" * 128


def test_completions_carry_the_routing_headers(d: Daemon) -> None:
    r = d.chat("hello")
    assert r.headers["x-ccapi-model"] == r.json["model"] and r.headers["x-ccapi-route"] == "requested"
    assert r.headers["x-ccapi-cache"] == "bypass" and float(r.headers["x-ccapi-cost-usd"]) > 0
    assert r.headers["x-ccapi-queue-ms"].isdigit() and r.headers["x-ccapi-overhead-ms"].isdigit()


def test_errors_that_a_retry_cannot_mend_say_so(d: Daemon) -> None:
    for r in (d.request("GET", "/nowhere"), d.chat(max_tokens=0), d.chat(model="nothing"), d.chat("x" * 70000)):
        assert r.headers["x-should-retry"] == "false"


# -- keys without keys


def test_a_key_of_ours_is_refused_where_keys_are_not_in_use(d: Daemon) -> None:
    for headers in ({"Authorization": "Bearer ccapi_abc"}, {"x-api-key": "ccapi_abc"}, {"authorization": "bearer ccapi_x"}):
        assert_error(d.chat(headers=headers), 401, "invalid_api_key")
        assert_error(d.request("GET", "/v1/models", headers=headers), 401, "invalid_api_key")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk-placeholder"}, {"x-api-key": "x"},
                                     {"Authorization": "Basic Y2NhcGlfOng="}])
def test_placeholder_keys_are_taken(d: Daemon, headers: Dict[str, str]) -> None:
    assert d.chat(headers=headers).status == 200


def test_health_needs_no_key_even_with_a_bad_one(d: Daemon) -> None:
    for path in ("/", "/health", "/ready"):
        assert d.request("GET", path, headers={"Authorization": "Bearer ccapi_abc"}).status == 200


# -- Host, CORS


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1", "api.example", "[::2]"])
def test_foreign_host_is_403(d: Daemon, host: str) -> None:
    r = d.request("GET", "/health", headers={"Host": host})
    assert r.status == 403 and r.error["message"] and r.headers["x-request-id"]


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8080", "LOCALHOST"])
def test_own_host_is_served(d: Daemon, host: str) -> None:
    assert d.request("GET", "/health", headers={"Host": host}).status == 200


def test_a_configured_host_is_served(open_d: Daemon) -> None:
    assert open_d.request("GET", "/health", headers={"Host": "API.example:80"}).status == 200


def test_cors_is_off_unless_configured(d: Daemon) -> None:
    r = d.request("GET", "/health", headers={"Origin": "http://app.example"})
    assert r.status == 200 and not [h for h in r.headers if h.startswith("access-control")]
    r = d.request("OPTIONS", CHAT, headers={"Origin": "http://app.example", "Access-Control-Request-Method": "POST"})
    assert not [h for h in r.headers if h.startswith("access-control")]


def test_cors_answers_a_listed_origin_only(open_d: Daemon) -> None:
    for call in (lambda h: open_d.request("GET", "/nowhere", headers=h), lambda h: open_d.chat(headers=h)):
        r = call({"Origin": "http://app.example"})
        assert r.headers["access-control-allow-origin"] == "http://app.example" and r.headers["vary"] == "Origin"
        assert "access-control-allow-origin" not in call({"Origin": "http://app.example.evil"}).headers


def test_cors_preflight_grants_post_and_the_headers_asked_for(open_d: Daemon) -> None:
    r = open_d.request("OPTIONS", CHAT, headers={
        "Origin": "http://app.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-stainless-os"})  # fmt: skip
    assert r.status == 204 and r.body == b""
    assert "POST" in r.headers["access-control-allow-methods"]
    assert r.headers["access-control-allow-headers"] == "content-type,x-stainless-os"


# -- smuggling, upgrade

BODY = json.dumps(chat_body("smuggled")).encode()
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
NEXT = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
SMUGGLED = {
    "length and chunked": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + NEXT,
    "length list": HEAD + b"Content-Length: 5, 5\r\n\r\nhello" + NEXT,
    "signed length": HEAD + b"Content-Length: +5\r\n\r\nhello" + NEXT,
    "unknown coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + NEXT,
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
    "obsolete fold": HEAD + b"X: a\r\n b\r\nContent-Length: 5\r\n\r\nhello" + NEXT,
    "blank before colon": HEAD + b"Content-Length : 5\r\n\r\nhello" + NEXT,
    "two hosts": b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n" + NEXT,
    "no host": b"GET /health HTTP/1.1\r\n\r\n" + NEXT,
    "control byte": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n" + NEXT,
}


@pytest.mark.parametrize("case", SMUGGLED)
def test_ambiguous_framing_is_400_and_the_connection_closed(d: Daemon, case: str) -> None:
    got = raw(d, SMUGGLED[case])
    assert got.startswith(b"HTTP/1.1 400 "), got
    assert got.count(b"HTTP/1.1 ") == 1, "a second request was taken from the rest"
    head, body = got.split(b"\r\n\r\n", 1)
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert b"\r\nx-request-id: " in head.lower() and b"\r\nopenai-processing-ms: " in head.lower()


@pytest.mark.parametrize("path,status", [("/", 200), ("/nowhere", 404), ("/v1/chat/completions", 405)])
def test_a_websocket_upgrade_elsewhere_is_an_ordinary_request(d: Daemon, path: str, status: int) -> None:
    got = raw(d, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
                 + NEXT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))  # fmt: skip
    assert got.startswith(b"HTTP/1.1 %d " % status) and got.count(b"HTTP/1.1 ") == 2


def test_a_connection_serves_one_request_after_the_other(d: Daemon) -> None:
    s = d.send_raw(NEXT + NEXT + NEXT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert read_all(s).count(b"HTTP/1.1 200 ") == 3


def test_a_chunked_body_is_taken(d: Daemon) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (BODY[:10], BODY[10:]))
    got = raw(d, HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 ") and b"You said: smuggled" in got


def test_expect_continue_is_answered_before_the_body(d: Daemon) -> None:
    s = d.send_raw(HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
    assert s.recv(100).startswith(b"HTTP/1.1 100 ")
    s.sendall(BODY)
    assert b"You said: smuggled" in read_all(s)


def test_a_request_that_trickles_in_is_served(d: Daemon) -> None:
    with socket.create_connection(("127.0.0.1", d.port), timeout=30) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in NEXT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"):
            s.sendall(bytes([byte]))
        assert read_all(s.dup()).startswith(b"HTTP/1.1 200 ")
