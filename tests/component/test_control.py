"""The control socket's protocol: hello, requests, what is no request, events, and the socket's file."""
import contextlib
import json
import os
import signal
import socket
import stat

import pytest

from control_support import (CONFLICT, DEADLINE, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, NOT_FOUND, PARSE_ERROR,
                             REFUSED, Probe, Refused, probe, wait_for)  # noqa: F401 - probe is a fixture


def refused(peer, code, method, **params):
    with pytest.raises(Refused) as e:
        peer.call(method, **params)
    assert e.value.code == code, e.value
    return e.value


# ---- hello and requests


def test_the_daemon_speaks_first(probe):
    with probe.peer() as p:
        assert p.hello["jsonrpc"] == "2.0" and "id" not in p.hello
        params = p.hello["params"]
        assert params["protocol"] == 1 and params["name"] == "ccapid" and params["pid"] == probe.process.pid
        assert params["version"] and params["right"] == "admin"


def test_ids_come_back_as_they_were(probe):
    with probe.peer() as p:
        for i in (7, -1, 2**53, "", "a-b", "ü" * 32):
            p.send(json.dumps({"jsonrpc": "2.0", "id": i, "method": "status"}).encode() + b"\n")
            assert p.line()["id"] == i


def test_requests_in_single_bytes(probe):
    with probe.peer() as p:
        for byte in b'{"jsonrpc":"2.0","id":1,"method":"cache.stats"}\n':
            p.send(bytes([byte]))
        assert p.line()["result"]["entries"] == 0


def test_pipelined_requests_are_answered_in_order(probe):
    probe.call("projects.create", name="demo")
    with probe.peer() as p:
        methods = ["status", "keys.create", "ledger.tail", "nonsense", "config.show"] * 40
        data = b"".join(json.dumps({"jsonrpc": "2.0", "id": i, "method": m,
                                    "params": {"project": "demo"} if m == "keys.create" else {}}).encode() + b"\n"
                        for i, m in enumerate(methods))
        p.send(data)
        for i, m in enumerate(methods):
            answer = p.line()
            assert answer["id"] == i
            assert ("error" in answer) == (m == "nonsense")
    assert len(probe.call("keys.list")["keys"]) == 40


def test_a_half_closed_connection_gets_its_answers(probe):
    with probe.peer() as p:
        p.ask("projects.create", name="demo")
        p.ask("status")
        p.send(b'{"jsonrpc":"2.0","id":9,"method":"status"')  # nobody's: it never ends
        p.s.shutdown(socket.SHUT_WR)
        assert [a["id"] for a in p.lines()] == [1, 2]
    assert probe.call("projects.show", name="demo")["name"] == "demo"


def test_a_half_closed_connection_gets_all_of_a_long_answer(probe):
    with probe.peer() as p:
        # Together more than the kernel keeps, and less than what may wait in the daemon beside it.
        count = 350_000 // len(json.dumps(p.call("config.show")))
        for _ in range(count):
            p.ask("config.show")
        p.s.shutdown(socket.SHUT_WR)
        assert probe.call("status")["control_connections"] == 2  # the end has been seen, and nothing read yet
        assert len(p.lines()) == count


def test_a_peer_that_leaves_at_once_harms_no_one(probe):
    for _ in range(200):
        with probe.peer(hello=False) as p, contextlib.suppress(BrokenPipeError):  # when there is no room
            p.ask("projects.create", name="demo")
    wait_for(probe.has_room, "a place")
    wait_for(lambda: probe.call("status")["control_connections"] == 1, "the connections to end")


# ---- what is no request


@pytest.mark.parametrize("line,code", [
    (b"", PARSE_ERROR),
    (b"nonsense", PARSE_ERROR),
    (b"\x00\x01\x02\xff\xfe", PARSE_ERROR),
    (b'{"jsonrpc":"2.0","id":1,"method":"sta\xfftus"}', PARSE_ERROR),
    (b'{"jsonrpc":"2.0","id":1,"method":"status"} {}', PARSE_ERROR),
    (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"status"}', PARSE_ERROR),
    (b"[" * 60000, PARSE_ERROR),
    (b'{"a":' * 12000, PARSE_ERROR),
    (b"[" + b"0," * 30000 + b"0]", PARSE_ERROR),
    (b'[{"jsonrpc":"2.0","id":1,"method":"status"}]', INVALID_REQUEST),
    (b"null", INVALID_REQUEST),
    (b'{"jsonrpc":"2.0","method":"status"}', INVALID_REQUEST),
    (b'{"jsonrpc":"2.0","id":{},"method":"status"}', INVALID_REQUEST),
    (b'{"jsonrpc":"2.0","id":1e3,"method":"status"}', INVALID_REQUEST),
    (b'{"jsonrpc":"2.0","id":99999999999999999999,"method":"status"}', PARSE_ERROR),
    (b'{"jsonrpc":"1.1","id":1,"method":"status"}', INVALID_REQUEST),
    (b'{"jsonrpc":"2.0","id":1,"method":7}', INVALID_REQUEST),
    (b'{"jsonrpc":"2.0","id":1,"method":"status","params":[]}', INVALID_PARAMS),
    (b'{"jsonrpc":"2.0","id":1,"method":"status","params":7}', INVALID_PARAMS),
    (b'{"jsonrpc":"2.0","id":1,"method":"stauts"}', METHOD_NOT_FOUND),
    (b'{"jsonrpc":"2.0","id":1,"method":""}', METHOD_NOT_FOUND),
    (b'{"jsonrpc":"2.0","id":1,"method":"hullo"}', METHOD_NOT_FOUND),
])
def test_what_is_no_request_is_answered_and_the_connection_lives(probe, line, code):
    with probe.peer() as p:
        p.send(line + b"\n")
        answer = p.line()
        assert answer["error"]["code"] == code, answer
        assert answer["error"]["message"]
        assert p.call("status")["pid"] == probe.process.pid


def test_carriage_returns_and_blanks_are_white_space(probe):
    with probe.peer() as p:
        p.send(b'  {"jsonrpc":"2.0","id":1,"method":"cache.stats"} \r\n')
        assert "result" in p.line()


def test_a_misspelled_method_is_told_the_right_one(probe):
    with probe.peer() as p:
        assert refused(p, METHOD_NOT_FOUND, "keys.creat").data["hint"] == "did you mean 'keys.create'?"


@pytest.mark.parametrize("method,params,field", [
    ("status", {"verbose": True}, "verbose"),
    ("projects.create", {}, "name"),
    ("projects.create", {"name": 7}, "name"),
    ("projects.create", {"name": ""}, "name"),
    ("projects.create", {"name": "x" * 65}, "name"),
    ("projects.create", {"name": "../etc"}, "name"),
    ("projects.create", {"name": "a/b"}, "name"),
    ("projects.create", {"name": "a\x1b[2J"}, "name"),
    ("projects.create", {"name": ".."}, "name"),
    ("projects.create", {"name": "ok", "models": []}, "models"),
    ("projects.create", {"name": "ok", "models": ["x" * 96]}, "models"),
    ("projects.create", {"name": "ok", "models": ["a,b"]}, "models"),
    ("projects.create", {"name": "ok", "models": ["m"] * 65}, "models"),
    ("projects.create", {"name": "ok", "concurrent": 0}, "concurrent"),
    ("projects.create", {"name": "ok", "default_model": "a b"}, "default_model"),
    ("keys.create", {"project": "demo", "scopes": ["root"]}, "scopes"),
    ("keys.create", {"project": "demo", "scopes": "chat"}, "scopes"),
    ("keys.create", {"project": "demo", "label": "x" * 129}, "label"),
    ("keys.create", {"project": "demo", "label": "a\nb"}, "label"),
    ("keys.create", {"project": "demo", "expires": "soon"}, "expires"),
    ("keys.create", {"project": "demo", "expires": -5}, "expires"),
    ("keys.create", {"project": "demo", "expires": 2**62}, "expires"),
    ("budgets.set", {"project": "demo", "tokens": -1}, "tokens"),
    ("budgets.set", {"project": "demo", "tokens": 1.5}, "tokens"),
    ("budgets.set", {"project": "demo", "tokens": 2**62}, "tokens"),
    ("budgets.set", {"project": "demo", "tokens": "100"}, "tokens"),
    ("budgets.set", {"project": "demo"}, "tokens"),
    ("budgets.set", {"project": "demo", "usd": -0.01}, "usd"),
    ("budgets.set", {"project": "demo", "usd": 1e30}, "usd"),
    ("budgets.set", {"project": "demo", "usd": "1.0000001"}, "usd"),
    ("budgets.set", {"project": "demo", "usd": "five"}, "usd"),
    ("budgets.set", {"project": "demo", "tokens": 1, "window": "fortnight"}, "window"),
    ("budgets.set", {"project": "demo", "tokens": 1, "window": "rolling:1s"}, "window"),
    ("budgets.set", {"project": "demo", "tokens": 1, "window": "rolling:9999d"}, "window"),
    ("budgets.set", {"project": "demo", "tokens": 1, "warn": 101}, "warn"),
    ("budgets.set", {"tokens": 1}, "project"),
    ("budgets.set", {"project": "demo", "global": True, "tokens": 1}, "project"),
    ("limits.set", {"project": "demo"}, "requests_per_minute"),
    ("limits.set", {"project": "demo", "none": True, "concurrent": 3}, "requests_per_minute"),
    ("routing.set", {"project": "demo"}, "force"),
    ("routing.set", {"project": "demo", "cap": "a", "deny": "b"}, "force"),
    ("routing.set", {"cap": "sonnet"}, "project"),
    ("routing.clear", {}, "id"),
    ("routing.clear", {"id": 1, "all": True}, "id"),
    ("usage", {"period": "year"}, "period"),
    ("usage", {"group_by": "colour"}, "group_by"),
    ("ledger.tail", {"lines": 1001}, "lines"),
    ("subscribe", {"topics": [1]}, "topics"),
])
def test_bad_parameters_name_the_field_and_change_nothing(probe, method, params, field):
    probe.call("projects.create", name="demo")
    before = everything(probe)
    with probe.peer() as p:
        assert refused(p, INVALID_PARAMS, method, **params).data["field"] == field
    assert everything(probe) == before


def everything(probe):
    with probe.peer() as p:
        return [p.call(m) for m in ("projects.list", "keys.list", "budgets.list", "routing.show", "limits.show", "config.show")]


@pytest.mark.parametrize("method,params,field", [
    ("projects.show", {"name": "nobody"}, "name"),
    ("projects.delete", {"name": "nobody"}, "name"),
    ("keys.create", {"project": "nobody"}, "project"),
    ("keys.revoke", {"id": "k_00000000"}, "id"),
    ("keys.list", {"project": "nobody"}, "project"),
    ("budgets.show", {"key": "k_00000000"}, "key"),
    ("budgets.reset", {"global": True}, "project"),
    ("limits.set", {"project": "nobody", "concurrent": 1}, "project"),
    ("routing.clear", {"id": 4711}, "id"),
    ("usage", {"project": "nobody"}, "project"),
    ("config.show", {"name": "pool.worker"}, "name"),
])
def test_what_does_not_exist_is_named(probe, method, params, field):
    with probe.peer() as p:
        assert refused(p, NOT_FOUND, method, **params).data["field"] == field


def test_a_secret_in_an_ids_place_is_not_repeated(probe):
    probe.call("projects.create", name="demo")
    made = probe.call("keys.create", project="demo")
    with probe.peer() as p:
        e = refused(p, INVALID_PARAMS, "keys.show", id=made["key"])
        assert made["key"] not in json.dumps([e.message, e.data])
        refused(p, INVALID_PARAMS, "keys.revoke", id=made["key"])
    assert made["key"] not in probe.log()


def test_secrets_are_in_the_answer_that_made_them_and_nowhere_else(probe):
    probe.call("projects.create", name="demo")
    made = probe.call("keys.create", project="demo", label="ci")
    assert set(made) == {"id", "key", "project"} and made["key"].startswith("ccapi_")
    rotated = probe.call("keys.rotate", id=made["id"], grace="1h")
    assert rotated["key"] != made["key"] and rotated["old_secret_until"]
    shown = json.dumps([everything(probe), probe.call("keys.show", id=made["id"]), probe.log()])
    assert made["key"] not in shown and rotated["key"] not in shown


def test_a_second_one_of_the_same_name_is_a_conflict(probe):
    probe.call("projects.create", name="demo")
    with probe.peer() as p:
        assert refused(p, CONFLICT, "projects.create", name="demo").data["field"] == "name"


def test_changes_say_what_has_become(probe):
    with probe.peer() as p:
        made = p.call("projects.create", name="demo", models=["haiku", "sonnet"], concurrent=3)
        assert made["models"] == ["haiku", "sonnet"] and made["concurrent"] == 3
        changed = p.call("projects.set", name="demo", models=None, requests_per_minute=60)
        assert changed["models"] is None and changed["concurrent"] == 3 and changed["requests_per_minute"] == 60
        key = p.call("keys.create", project="demo", scopes=["usage"], expires="1h")["id"]
        changed = p.call("keys.set", id=key, label="new", expires=None)
        assert changed["label"] == "new" and changed["expires_at"] is None and changed["scopes"] == ["usage"]
        budget = p.call("budgets.set", project="demo", usd="0.25", window="day", warn=80)
        assert budget["limit_usd"] == 0.25 and budget["limit_tokens"] is None and budget["warn_percent"] == 80
        assert p.call("budgets.set", project="demo", tokens=5, window="day")["limit_usd"] is None
        limits = p.call("limits.set", key=key, tokens_per_minute=1000)
        assert limits["key"] == key and limits["tokens_per_minute"] == 1000 and limits["requests_per_minute"] is None
        assert p.call("limits.set", key=key, none=True)["tokens_per_minute"] is None
        override = p.call("routing.set", **{"cap": "sonnet", "project": "demo", "for": "2h", "reason": "launch"})
        assert (override["action"], override["model"], override["reason"], override["uid"]) == ("cap", "sonnet", "launch", os.geteuid())
        p.call("routing.set", deny="opus", **{"global": True})
        assert p.call("routing.clear", id=override["id"]) == {"cleared": 1}
        assert p.call("routing.clear", all=True) == {"cleared": 1}
        assert p.call("keys.revoke", id=key)["state"] == "revoked"
        assert p.call("budgets.delete", project="demo")["deleted"]["project"] == "demo"
        assert p.call("projects.delete", name="demo") == {"deleted": "demo"}
        assert p.call("projects.list") == {"projects": []}


def test_changes_outlive_a_kill(tmp_path):
    first = Probe(root=tmp_path).ready()
    first.call("projects.create", name="demo")
    key = first.call("keys.create", project="demo")["id"]
    first.call("budgets.set", project="demo", tokens=1000)
    first.kill()
    second = Probe(root=tmp_path).ready()
    assert second.call("keys.show", id=key)["project"] == "demo"
    assert second.call("budgets.list")["budgets"][0]["limit_tokens"] == 1000
    second.stop()


def test_every_change_is_logged_with_who_made_it(probe):
    probe.call("projects.create", name="demo")
    with probe.peer() as p:
        refused(p, CONFLICT, "projects.create", name="demo")
    lines = [line for line in probe.log().splitlines() if "projects.create" in line]
    assert len(lines) == 2
    assert all(f"uid={os.geteuid()}" in line and f"pid={os.getpid()}" in line for line in lines)
    assert "outcome=done" in lines[0] and "already" in lines[1]


# ---- settings


def test_settings_are_shown_without_secrets(probe):
    rows = {r["name"]: r for r in probe.call("config.show")["settings"]}
    assert rows["pool.workers"]["value"] == "5" and rows["pool.workers"]["changed"] is False
    assert rows["log.level"]["changed"] is True and rows["log.level"]["default"] == '"info"'
    assert {r["name"] for r in probe.call("config.show", name="pool")["settings"]} == {n for n in rows if n.startswith("pool.")}


def test_secrets_of_the_settings_stay_inside(tmp_path):
    p = Probe("claude.env.HTTPS_PROXY=http://user:hunter2@proxy", root=tmp_path).ready()
    with p.peer() as peer:
        rows = {r["name"]: r for r in peer.call("config.show")["settings"]}
        assert "***" in rows["claude.env"]["value"] and "hunter2" not in json.dumps(rows)
    p.stop()


def test_settings_are_checked_and_reloaded_all_or_none(tmp_path):
    more = tmp_path / "home" / ".config" / "ccapi" / "ccapid.conf"
    more.parent.mkdir(parents=True)
    p = Probe(root=tmp_path, env={"HOME": str(tmp_path / "home")}).ready()
    with p.peer() as peer:
        more.write_text("pool: { workers = 7; };")
        assert peer.call("config.check") == {"ok": True, "file": str(more), "errors": []}
        assert peer.call("config.show", name="pool.workers")["settings"][0]["value"] == "5"
        assert peer.call("config.reload") == {"reloaded": True}
        assert peer.call("config.show", name="pool.workers")["settings"][0]["value"] == "7"
        more.write_text("pool: { workers = 0; spares = 3; colour = 1; };")
        check = peer.call("config.check")
        assert check["ok"] is False and len(check["errors"]) == 2
        assert all(str(more) in line for line in check["errors"])
        e = refused(peer, REFUSED, "config.reload")
        assert "pool.workers" in e.data["hint"] and "pool.colour" in e.data["hint"]
        assert peer.call("config.show", name="pool.spares")["settings"][0]["value"] == "1"
    p.stop()


# ---- events


def test_subscribers_get_numbered_events(probe):
    with probe.peer() as p:
        seq = p.call("subscribe")["seq"]
        probe.call("projects.create", name="demo")
        event = p.line()
        while event["params"]["topic"] in ("stats", "service", "queue", "log"):  # they come by the clock
            seq += 1
            assert event["params"]["seq"] == seq
            event = p.line()
        assert event["method"] == "event" and "id" not in event
        assert event["params"]["seq"] == seq + 1 and event["params"]["topic"] == "project"
        assert event["params"]["data"]["project"] == "demo" and event["params"]["at"].endswith("Z")
        assert p.call("cache.stats")["entries"] == 0  # requests go on


def test_topics_choose(probe):
    with probe.peer() as p, probe.peer() as all_of_it:
        all_of_it.call("subscribe")
        p.call("subscribe", topics=["store"])
        probe.call("projects.create", name="demo")
        probe.signal(signal.SIGUSR1)
        assert p.line()["params"]["topic"] == "store"
        seen = []
        while "store" not in seen:
            seen.append(all_of_it.line()["params"]["topic"])
        assert [t for t in seen if t not in ("log", "stats", "service", "queue")] == ["project", "store"]


def test_a_subscription_ends_with_the_peers_half(probe):
    with probe.peer() as p:
        p.call("subscribe")
        p.s.shutdown(socket.SHUT_WR)
        p.lines()  # until the daemon closes


# ---- the socket's file


def test_the_socket_is_for_owner_and_group(probe):
    st = os.stat(probe.path)
    assert stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o660
    assert stat.S_IMODE(os.stat(probe.path.parent).st_mode) == 0o700


def test_a_live_socket_is_not_taken(probe, tmp_path):
    second = Probe(f"control.socket={probe.path}", root=tmp_path)
    assert "is served by another process" in second.said
    assert second.process.wait(timeout=DEADLINE) == 1
    assert probe.call("status")["pid"] == probe.process.pid


def test_a_dead_socket_is_replaced(tmp_path):
    first = Probe(root=tmp_path).ready()
    first.kill()
    assert first.path.exists()
    second = Probe(root=tmp_path).ready()
    assert second.call("status")["pid"] == second.process.pid
    second.stop()


def test_what_is_no_socket_is_not_removed(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "c.sock").write_text("precious")
    p = Probe(root=tmp_path)
    assert "is no socket" in p.said
    assert p.process.wait(timeout=DEADLINE) == 1
    assert (tmp_path / "run" / "c.sock").read_text() == "precious"


def test_an_unknown_group_is_no_start(tmp_path):
    p = Probe("control.admin_group=no-such-group", root=tmp_path)
    assert "control.admin_group" in p.said and "no-such-group" in p.said
    assert p.process.wait(timeout=DEADLINE) == 1


def test_the_end_removes_the_socket_and_closes_connections(tmp_path):
    p = Probe(root=tmp_path).ready()
    with p.peer() as peer:
        peer.call("subscribe")
        p.signal(signal.SIGTERM)
        peer.lines()  # until it closes
    assert p.process.wait(timeout=DEADLINE) == 0
    assert not p.path.exists()


def test_routing_test_without_models_says_so(probe):
    with probe.peer() as p:
        refused(p, REFUSED, "routing.test", text="hello")
