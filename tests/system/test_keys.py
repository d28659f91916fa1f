"""API keys and projects: who may ask, and that nobody sees or uses what is another's."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest
from harness import Daemon, bearer, in_parallel, wait_for

KEYED: Dict[str, Any] = {"auth.required": True}


def other_digit(secret: str) -> str:
    return secret[:-1] + ("0" if secret[-1] != "0" else "1")


def test_no_key_and_wrong_keys_are_refused_and_good_ones_serve() -> None:
    with Daemon(options=KEYED) as d:
        secret = d.new_key("demo")
        assert secret.startswith("ccapi_") and len(secret) > 60
        for headers in ({}, bearer("sk-1234"), bearer("ccapi_1234"), bearer(other_digit(secret)), bearer("")):
            r = d.chat("hello", headers=headers)
            assert r.status == 401 and r.error["code"] == "invalid_api_key", headers
            assert r.headers["x-should-retry"] == "false"
        assert d.request("GET", "/v1/models").status == 401
        assert d.request("GET", "/health").status == 200
        assert d.chat("hello", headers=bearer(secret)).status == 200
        assert d.chat("hello", headers={"x-api-key": secret}).status == 200
        assert d.request("GET", "/v1/models", headers=bearer(secret)).status == 200


def test_the_secret_is_kept_nowhere() -> None:
    with Daemon(options=KEYED) as d:
        secret = d.new_key("demo")
        assert d.chat("hello", headers=bearer(secret)).status == 200
        assert not d.log_lines(secret[6:40])
        shown = json.dumps([d.ctl("keys", "list"), d.ctl("projects", "list")])
        assert secret[6:40] not in shown
        state = d.state
        d.stop()
        import pathlib

        for path in pathlib.Path(state).rglob("*"):
            if path.is_file() and "ledger" in path.name:
                data = path.read_bytes()
                assert secret.encode() not in data and bytes.fromhex(secret[6:70]) not in data


def test_without_keys_a_key_of_ours_is_still_checked() -> None:
    with Daemon() as d:
        secret = d.new_key("demo")
        assert d.chat("hello", headers=bearer("anything")).status == 200
        assert d.chat("hello", headers=bearer(other_digit(secret))).status == 401
        r = d.chat("hello", headers=bearer(secret), project_id="other")
        assert r.status == 403 and r.error["param"] == "project_id"
        assert d.chat("hello", headers=bearer(secret), project_id="demo").status == 200


def test_revoked_expired_and_rotated_keys() -> None:
    with Daemon(options=KEYED) as d:
        d.ctl("projects", "create", "demo")
        made = d.ctl("keys", "create", "--project", "demo", "--label", "one")
        old = made["key"]
        new = d.ctl("keys", "rotate", made["id"], "--grace", "1h")["key"]
        assert d.chat("a", headers=bearer(old)).status == 200
        assert d.chat("a", headers=bearer(new)).status == 200
        newest = d.ctl("keys", "rotate", made["id"], "--grace", "0s")["key"]
        assert d.chat("a", headers=bearer(new)).status == 401
        assert d.chat("a", headers=bearer(newest)).status == 200
        d.ctl("keys", "revoke", made["id"])
        r = d.chat("a", headers=bearer(newest))
        assert r.status == 401 and "revoked" in r.error["message"]
        short = d.ctl("keys", "create", "--project", "demo", "--expires", "1s")["key"]
        wait_for(lambda: d.chat("a", headers=bearer(short)).status == 401, "the key to expire")
        assert "expired" in d.chat("a", headers=bearer(short)).error["message"]


def test_a_revocation_counts_for_the_next_request_of_an_open_connection() -> None:
    import http.client

    with Daemon(options=KEYED) as d:
        made = d.ctl("keys", "create", "--project", d.ctl("projects", "create", "demo")["name"])
        c = http.client.HTTPConnection("127.0.0.1", d.port, timeout=30)
        body = json.dumps({"model": "haiku", "messages": [{"role": "user", "content": "hi"}]})
        headers = {"Content-Type": "application/json", **bearer(made["key"])}
        c.request("POST", "/v1/chat/completions", body, headers)
        r = c.getresponse()
        assert r.status == 200
        r.read()
        d.ctl("keys", "revoke", made["id"])
        c.request("POST", "/v1/chat/completions", body, headers)
        assert c.getresponse().status == 401
        c.close()


def test_keys_outlive_the_daemon() -> None:
    with Daemon(options=KEYED) as d:
        made = d.ctl("keys", "create", "--project", d.ctl("projects", "create", "demo")["name"])
        gone = d.ctl("keys", "create", "--project", "demo")
        d.ctl("keys", "revoke", gone["id"])
        d.kill()
        with Daemon(options=KEYED, state=d.state) as again:
            assert again.chat("a", headers=bearer(made["key"])).status == 200
            assert again.chat("a", headers=bearer(gone["key"])).status == 401


@pytest.mark.parametrize(
    "args, body, status, param",
    [
        (["--models", "haiku"], {"model": "opus"}, 403, "model"),
        (["--models", "haiku"], {"model": "haiku"}, 200, None),
        (["--scopes", "usage"], {}, 403, None),
        (["--scopes", "chat"], {"priority": "high"}, 403, "priority"),
        (["--scopes", "chat,high_priority"], {"priority": "high"}, 200, None),
    ],
)
def test_what_a_key_may_do(args: Any, body: Any, status: int, param: Any) -> None:
    with Daemon(options=KEYED) as d:
        r = d.chat("hello", headers=bearer(d.new_key("demo", *args)), **body)
        assert r.status == status, r.body
        if status == 403:
            assert r.error["code"] == "permission_denied" and r.error["param"] == param


def test_scopes_open_their_routes_only() -> None:
    with Daemon(options=KEYED) as d:
        usage = bearer(d.new_key("demo", "--scopes", "usage"))
        chat = bearer(d.new_key("demo", "--scopes", "chat"))
        batch = {"requests": [{"prompt": "a"}], "model": "haiku"}
        assert d.request("GET", "/v1/usage", headers=usage).status == 200
        assert d.request("GET", "/v1/usage", headers=chat).status == 403
        assert d.request("POST", "/v1/batch", batch, chat).status == 403
        assert d.request("POST", "/v1/batch", batch, bearer(d.new_key("demo", "--scopes", "batch"))).status == 200


def test_two_projects_neither_sees_nor_exhausts_the_other() -> None:
    with Daemon(options={**KEYED, "pool.workers": 4}) as d:
        one, two = d.new_key("one"), d.new_key("two")
        d.ctl("limits", "set", "one", "--requests-per-minute", "3")
        d.ctl("budgets", "set", "two", "--tokens", "1000000", "--window", "month")
        answers = in_parallel(8, lambda i: d.chat("[[sim:usage=10,5]] a", headers=bearer(one)).status)
        assert sorted(answers) == [200] * 3 + [429] * 5
        for _ in range(5):
            assert d.chat("[[sim:usage=10,5]] a", headers=bearer(two)).status == 200
        for key, project, count in ((one, "one", 3), (two, "two", 5)):
            mine = d.request("GET", "/v1/usage?period=day", headers=bearer(key)).json
            assert (mine["project_id"], mine["requests"], mine["total_tokens"]) == (project, count, 15 * count)
            other = "two" if project == "one" else "one"
            assert d.request("GET", f"/v1/usage?project_id={other}", headers=bearer(key)).status == 403
            # Who is over a limit is told so before anybody looks at what is asked.
            assert d.chat("a", headers=bearer(key), project_id=other).status == (429 if project == "one" else 403)


def test_rate_limits_tell_when_to_come_again() -> None:
    with Daemon(options=KEYED) as d:
        key = d.new_key("demo", "--requests-per-minute", "2")
        first = d.chat("a", headers=bearer(key))
        assert first.headers["x-ratelimit-limit-requests"] == "2"
        assert first.headers["x-ratelimit-remaining-requests"] == "1"
        assert d.chat("a", headers=bearer(key)).status == 200
        r = d.chat("a", headers=bearer(key))
        assert r.status == 429 and (r.error["type"], r.error["code"]) == ("requests", "rate_limit_exceeded")
        assert 1 <= int(r.headers["retry-after"]) <= 30
        assert 0 < int(r.headers["retry-after-ms"]) <= 30000
        assert r.headers["x-ratelimit-remaining-requests"] == "0"


def test_the_limit_of_running_requests_frees_with_them() -> None:
    with Daemon(options=KEYED) as d:
        key = d.new_key("demo", "--concurrent", "1")
        s = d.send_raw(raw_chat(key, "[[sim:delay=3600000]] held"))
        wait_for(lambda: d.ctl("status")["pool"]["workers"]["busy"] == 1, "a busy worker")
        assert d.chat("a", headers=bearer(key)).status == 429
        s.close()
        wait_for(lambda: d.chat("a", headers=bearer(key)).status == 200, "the slot to be free")


def test_tokens_per_minute_are_charged_with_the_true_figure() -> None:
    with Daemon(options=KEYED) as d:
        key = d.new_key("demo", "--tokens-per-minute", "5000")
        assert d.chat("[[sim:usage=4000,3000]] a", headers=bearer(key)).status == 200
        r = d.chat("a", headers=bearer(key))
        assert r.status == 429 and r.error["type"] == "tokens"
        assert int(r.headers["retry-after"]) > 5


def raw_chat(key: str, prompt: str) -> bytes:
    body = json.dumps({"model": "haiku", "messages": [{"role": "user", "content": prompt}]})
    return (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def test_a_revoked_key_is_no_mistake_of_the_command_line() -> None:
    with Daemon() as d:
        d.ctl("projects", "create", "demo")
        key = d.ctl("keys", "create", "--project", "demo")["id"]
        d.ctl("keys", "revoke", key)
        for words in (["revoke", key], ["rotate", key], ["set", key, "--label", "x"]):
            p = d.ctl_run("keys", *words)
            assert p.returncode == 1 and "is revoked" in p.stderr
