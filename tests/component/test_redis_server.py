"""The connection to Redis and what is kept there, over a real server that is stopped, killed, filled and misled."""
from __future__ import annotations

import os
import re
import shlex
import signal
from typing import Any

import pytest

from redis_support import (  # noqa: F401 - redis, servers are fixtures
    SHORT, Probe, Redis, free_port, key, redis, servers, unix_url, wait_for)

MISS = {"failed": False, "text": None, "lost": False, "hash": -1, "size": -1}


def text_of(found: Any) -> Any:
    assert not found["failed"]
    return found["text"]


def put(probe: Probe, redis: Redis, letter: str, text: str) -> None:
    probe.say(f"put {letter} 60000 {text}")
    wait_for(lambda: redis.cli("EXISTS", key(letter)) == "1", "the value to be there")


# ---- addresses and logins


def test_unix_socket(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    assert probe.say("ask SET x y")["type"] == "status"
    assert probe.say("ask GET x") == {"type": "string", "text": "y", "size": 1, "number": 0}
    assert probe.say("ask GET none")["type"] == "nil"
    assert probe.state()["events"] == [["up", ""]]
    probe.stop()


@pytest.mark.parametrize("bind, host", [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("127.0.0.1", "localhost"),
                                        ("127.0.0.1", "many.test")])  # fmt: skip
def test_host(servers: Any, bind: str, host: str) -> None:
    """A name that has several addresses is not told to be down because the first one refuses."""
    port = free_port()
    servers(Redis, "--port", str(port), "--bind", bind)
    probe = Probe(f"redis://{host}:{port}")
    assert probe.say("ask ECHO hello")["text"] == "hello"
    assert probe.stop()["events"] == [["up", ""]]


def test_a_host_whose_look_up_hangs_holds_nobody_up(servers: Any) -> None:
    probe = Probe("redis://hangs.test", SHORT, up=False)
    probe.wait_told(["down", "no answer within"])
    assert probe.say("ask PING") is None
    assert probe.say("get a")["failed"]
    probe.kill()


def test_a_host_that_is_not_there() -> None:
    probe = Probe("redis://nobody.invalid", up=False)
    probe.wait_told(["down", "host is not found"])
    probe.stop()


def test_password(servers: Any) -> None:
    redis = servers(Redis, "--requirepass", "hunter2:/@")
    probe = Probe(unix_url(redis, ":hunter2%3A%2F%40@"))
    assert probe.say("ask ECHO hello")["text"] == "hello"
    probe.stop()


@pytest.mark.parametrize("login, words", [(":wrong-one@", "does not take the user and password"),
                                          ("someone:wrong-one@", "does not take the user and password"),
                                          ("", "wants a password")])  # fmt: skip
def test_wrong_login_is_told_once_and_never_shown(servers: Any, login: str, words: str) -> None:
    redis = servers(Redis, "--requirepass", "hunter2")
    probe = Probe(unix_url(redis, login), up=False)
    probe.wait(lambda s: s["commands"] >= 6)  # several tries
    probe.wait_told(["down", words])
    assert "wrong-one" not in probe.words()
    assert probe.words().count("redis is down") == 1
    redis.cli("-a", "hunter2", "CONFIG", "SET", "requirepass", "wrong-one")
    if login == ":wrong-one@":
        probe.wait_told(["down", words], ["up", ""])
    assert "wrong-one" not in probe.words()
    probe.stop()


def test_user_of_the_access_list(servers: Any) -> None:
    """With the rights that docs/redis.md names, and no others, everything works."""
    with open(os.path.join(os.path.dirname(__file__), "../../docs/redis.md")) as f:
        command = re.search(r"redis-cli (ACL SETUSER (?:.*\\\n)*.*)", f.read()).group(1)  # type: ignore[union-attr]
    redis = servers(Redis)
    redis.cli(*shlex.split(command.replace("\\\n", " ")))
    probe = Probe(unix_url(redis, "ccapi:PASSWORD@", database=2))
    probe.say("put a 60000 hello")
    wait_for(lambda: text_of(probe.say("get a")) == "hello", "the value")
    probe.say("rput a 60000 hello")
    assert text_of(probe.say("rget a")) == "hello"
    for _ in range(2):
        assert probe.say("sput s1 1 60000 one") == SAVED
    assert said(probe.say("sget s1")) == "one"
    probe.say("flush")
    wait_for(lambda: probe.say("get a") == MISS, "the flush")
    assert probe.say("ask GET other")["text"].startswith("NOPERM")
    assert probe.stop()["failures"] == 1


def test_a_command_that_is_forbidden_fails_alone(servers: Any) -> None:
    redis = servers(Redis)
    redis.cli("ACL", "SETUSER", "ccapi", "on", ">pw", "~*", "+@all", "-getrange")
    probe = Probe(unix_url(redis, "ccapi:pw@"))
    for _ in range(5):
        assert probe.say("get a") == {**MISS, "failed": True}
    assert probe.say("ask ECHO hello")["text"] == "hello"
    last = probe.stop()
    assert last["events"] == [["up", ""]] and last["failures"] == 5
    assert probe.words().count("ACL does not allow") == 1


def test_database(redis: Redis) -> None:
    probe = Probe(unix_url(redis, database=3))
    probe.say("put a 60000 hello")
    wait_for(lambda: redis.cli("-n", "3", "EXISTS", key("a")) == "1", "the value in database 3")
    assert redis.cli("-n", "0", "DBSIZE") == "0"
    probe.stop()


def test_a_database_that_is_not_there(redis: Redis) -> None:
    probe = Probe(unix_url(redis, database=99), up=False)
    probe.wait_told(["down", "DB index is out of range"])
    probe.stop()


# ---- going away and coming back


def test_killed_and_started_again(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    redis.kill()
    probe.wait_state("down")
    assert probe.say("ask PING") is None
    assert probe.say("get a") == {**MISS, "failed": True}
    redis.start()
    probe.wait_state("up")
    assert probe.say("ask ECHO hello")["text"] == "hello"
    states = [state for state, _ in probe.stop()["events"]]
    assert states[0] == "up" and states[1] == "down" and states[-1] == "up"


def test_stopped_and_continued(redis: Redis) -> None:
    """What is open when Redis falls silent fails by the timeout; what is asked then fails at once."""
    probe = Probe(unix_url(redis), SHORT)
    redis.p.send_signal(signal.SIGSTOP)
    open_ones = [probe.send("get a") for _ in range(3)]
    for n in open_ones:
        assert probe.result(n)["failed"]
    probe.wait(lambda s: s["events"][-1] == ["down", f"no answer within {SHORT} ms"])
    assert probe.say("get a")["failed"]
    redis.p.send_signal(signal.SIGCONT)
    probe.wait_state("up")
    assert probe.say("get a") == MISS
    probe.stop()


def test_a_connection_that_is_closed(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    redis.cli("CLIENT", "KILL", "TYPE", "normal")
    probe.wait_told(["up", ""], ["down", "closed"], ["up", ""])
    probe.stop()


def test_nothing_is_left_when_it_is_stopped_in_the_middle(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    redis.p.send_signal(signal.SIGSTOP)
    asked = [probe.send("get a"), probe.send("rget a"), probe.send("ask PING"), probe.send("sget x")]
    probe.stop()
    assert [probe.answers[n] for n in asked[:2]] == [[{**MISS, "failed": True}]] * 2
    assert probe.answers[asked[2]] == [None]


def test_stopped_while_it_is_down() -> None:
    probe = Probe(f"redis://127.0.0.1:{free_port()}", up=False)
    probe.wait_told(["down", "refused"])
    probe.stop()


def test_a_shorter_timeout_holds_for_what_is_open(redis: Redis) -> None:
    probe = Probe(unix_url(redis), 3600 * 1000)
    redis.p.send_signal(signal.SIGSTOP)
    n = probe.send("get a")
    probe.say(f"timeout {SHORT}")
    assert probe.result(n)["failed"]
    probe.wait(lambda s: s["events"][-1] == ["down", f"no answer within {SHORT} ms"])
    probe.stop()


def test_the_socket_is_not_for_children(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    fds = f"/proc/{probe.pid}/fd"
    ours = [fd for fd in os.listdir(fds) if int(fd) > 2 and os.readlink(f"{fds}/{fd}").startswith("socket:")]
    assert ours
    for fd in ours:
        with open(f"/proc/{probe.pid}/fdinfo/{fd}") as f:
            flags = int(re.search(r"flags:\s+(\d+)", f.read()).group(1), 8)  # type: ignore[union-attr]
        assert flags & os.O_CLOEXEC
    probe.stop()


def test_descriptors_do_not_grow(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    before = probe.state()
    for _ in range(3):
        redis.kill()
        probe.wait_state("down")
        redis.start()
        probe.wait_state("up")
    after = probe.state()
    assert (after["fds"], after["handles"]) == (before["fds"], before["handles"])
    probe.stop()


# ---- bounds


def test_ten_thousand_commands_are_open_at_most(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    assert probe.say("many 12000 1") == {"answered": 10000, "failed": 2000}
    assert probe.say("many 10000 1") == {"answered": 10000, "failed": 0}
    assert probe.stop()["events"] == [["up", ""]]


def test_64_megabytes_are_under_way_at_most(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    assert probe.say("many 70 1048576") == {"answered": 63, "failed": 7}
    assert probe.say("many 10 1048576") == {"answered": 10, "failed": 0}
    probe.stop()


# ---- refusals


def test_full(redis: Redis) -> None:
    """What is there serves on; that nothing is kept any more is told once."""
    probe = Probe(unix_url(redis))
    put(probe, redis, "a", "hello")
    redis.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis.cli("CONFIG", "SET", "maxmemory", "1")
    for letter in "bcdef":
        probe.say(f"put {letter} 60000 hello")
    assert text_of(probe.say("get a")) == "hello"
    assert probe.say("get b") == MISS
    last = probe.stop()
    assert last["stores"] == 0 and last["failures"] == 5 and last["events"] == [["up", ""]]
    assert probe.words().count("it is full, see maxmemory") == 1


def test_replica(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    put(probe, redis, "a", "hello")
    redis.cli("REPLICAOF", "127.0.0.1", "1")
    for _ in range(3):
        probe.say("put b 60000 hello")
    assert text_of(probe.say("get a")) == "hello"
    assert probe.words().count("it is a replica and takes no writes") == 1
    redis.cli("CONFIG", "SET", "replica-serve-stale-data", "no")
    assert probe.say("get a")["failed"]
    probe.wait(lambda s: "lost its master" in s["detail"])
    redis.cli("REPLICAOF", "NO", "ONE")
    probe.wait_state("up")
    assert text_of(probe.say("get a")) == "hello"
    probe.stop()


# ---- the cache


def test_what_was_put_is_found(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    assert probe.say("get a") == MISS
    put(probe, redis, "a", "hello")
    assert text_of(probe.say("get a")) == "hello"
    assert 0 < int(redis.cli("PTTL", key("a"))) <= 60000
    probe.say("put a 60000 other")
    wait_for(lambda: text_of(probe.say("get a")) == "other", "the new value")
    redis.cli("FLUSHALL")
    assert probe.say("get a") == MISS
    probe.say("put a 0 hello")
    assert probe.say("get a") == MISS
    last = probe.stop()
    assert last["failures"] == 0


@pytest.mark.parametrize("spoil", [
    ["LPUSH", "{}", "x"], ["SET", "{}", "nonsense"], ["SET", "{}", '{"v":1,"text":7}'], ["SET", "{}", '{"v":2}'],
    ["SET", "{}", "[" * 1000]])  # fmt: skip
def test_what_is_not_ours_is_as_if_nothing_were_there(redis: Redis, spoil: list) -> None:
    probe = Probe(unix_url(redis))
    for kind, get, again in (("cache", "get", "put a 60000 hello"), ("replay", "rget", "")):
        redis.cli(*[word.replace("{}", key("a", kind)) for word in spoil])
        assert probe.say(f"{get} a") == MISS
        assert probe.say(f"{get} a") == MISS
        if again:
            probe.say(again)
            wait_for(lambda: text_of(probe.say("get a")) == "hello", "the value to be put right")
    assert probe.stop()["failures"] == 4
    assert probe.words().count("is not what we keep there") + probe.words().count("another type") == 1


def test_large_answers(redis: Redis) -> None:
    """8 MiB as JSON is the bound: beyond it nothing is put, and what somebody else has put there is not read whole."""
    probe = Probe(unix_url(redis))
    probe.say("large a 60000 8388000")
    wait_for(lambda: probe.say("get a")["size"] == 8388000, "the large value")
    probe.say("large b 60000 8388600")
    assert probe.say("get b") == MISS
    assert redis.cli("EXISTS", key("b")) == "0"
    redis.cli("SETRANGE", key("c"), "30000000", "x")
    assert probe.say("get c") == MISS
    probe.stop()


def test_flush_removes_only_what_is_cached(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    redis.cli("EVAL", "for i = 1, 5000 do redis.call('SET', 'ccapi:v1:cache:' .. i, i) end", "0")
    others = ["ccapi:v1:replay:1", "ccapi:v1:session:p:1", "ccapi:v2:cache:1", "other:v1:cache:1", "xccapi:v1:cache:1"]
    for name in others:
        redis.cli("SET", name, "1")
    probe.say("flush")
    wait_for(lambda: redis.cli("DBSIZE") == str(len(others)), lambda: f"{redis.cli('DBSIZE')} keys")
    assert sorted(redis.cli("KEYS", "*").split()) == sorted(others)
    assert probe.stop()["failures"] == 0


def test_flush_without_redis_is_told(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    redis.kill()
    probe.wait_state("down")
    probe.say("flush")
    assert "not all kept answers could be removed" in probe.words()
    probe.stop()


# ---- answers for Idempotency-Key


def test_the_first_replay_stays(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    probe.say("rput a 60000 first")
    probe.say("rput a 60000 second")
    found = probe.say("rget a")
    assert found == {"failed": False, "text": "first", "lost": False, "hash": ord("a"), "size": 5}
    assert 0 < int(redis.cli("PTTL", key("a", "replay"))) <= 60000
    probe.say("rlost b 60000")
    assert probe.say("rget b") == {"failed": False, "text": "", "lost": True, "hash": ord("b"), "size": 0}
    assert probe.say("get a") == MISS
    probe.stop()


# ---- sessions


def said(session: Any) -> str:
    assert not session["failed"]
    return str(session["messages"][0]["content"][0]["text"])


SAVED = {"failed": False, "conflict": False}
CONFLICT = {"failed": False, "conflict": True}


def test_session_of_a_newer_turn_wins(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    assert probe.say("sget s1") == {"failed": False, "version": -1, "messages": None}
    assert probe.say("sput s1 1 60000 one") == SAVED
    assert probe.say("sput s1 3 60000 three") == SAVED
    assert probe.say("sput s1 2 60000 two") == CONFLICT
    assert probe.say("sput s1 3 60000 another") == CONFLICT
    assert said(probe.say("sget s1")) == "three"
    assert probe.say("sput s1 10 60000 ten") == SAVED  # as a number, not as a word
    assert probe.say("sget s1")["version"] == 10
    assert 0 < int(redis.cli("PTTL", "ccapi:v1:session:p:s1")) <= 60000
    assert probe.stop()["failures"] == 0


def test_session_put_again_for_a_lost_answer_is_no_conflict(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    assert probe.say("sput s1 4 60000 four") == SAVED
    assert probe.say("sput s1 4 60000 four") == SAVED
    assert probe.say("sput s1 4 60000 other") == CONFLICT
    assert said(probe.say("sget s1")) == "four"
    probe.stop()


def test_sessions_of_two_daemons(redis: Redis) -> None:
    a, b = Probe(unix_url(redis)), Probe(unix_url(redis))
    results = [p.send(f"sput s1 {v} 60000 {name}") for v in range(1, 30) for p, name in ((a, "a"), (b, "b"))]
    saved = [a.result(n)["conflict"] for n in results[::2]], [b.result(n)["conflict"] for n in results[1::2]]
    assert sum(not c for c in saved[0]) + sum(not c for c in saved[1]) >= 29
    last = said(a.say("sget s1"))
    assert a.say("sget s1")["version"] == 29 and said(b.say("sget s1")) == last
    assert [saved[0][-1], saved[1][-1]].count(False) == 1
    a.stop()
    b.stop()


@pytest.mark.parametrize("spoil", [
    ["LPUSH", "{}", "x"], ["SET", "{}", "nonsense"], ["SET", "{}", "7"], ["SET", "{}", '7 {"v":9}'], ["SET", "{}", " {}"]])
def test_what_is_no_session_of_ours_is_none(redis: Redis, spoil: list) -> None:
    probe = Probe(unix_url(redis))
    redis.cli(*[word.replace("{}", "ccapi:v1:session:p:s1") for word in spoil])
    assert probe.say("sget s1") == {"failed": False, "version": -1, "messages": None}
    assert probe.say("sput s1 8 60000 eight") == SAVED
    assert said(probe.say("sget s1")) == "eight"
    assert probe.stop()["failures"] == 1


def test_script_goes_by_its_sum(redis: Redis) -> None:
    """EVALSHA; the script itself only where Redis does not know it, and that is no failure."""
    probe = Probe(unix_url(redis))

    def calls(name: str) -> int:
        m = re.search(rf"cmdstat_{name}:calls=(\d+)", redis.cli("INFO", "commandstats"))
        return int(m.group(1)) if m else 0

    for version in range(1, 5):
        assert probe.say(f"sput s1 {version} 60000 x") == SAVED
    assert (calls("eval"), calls("evalsha")) == (1, 4)
    redis.cli("SCRIPT", "FLUSH")
    assert probe.say("sput s1 5 60000 x") == SAVED
    assert calls("eval") == 2
    last = probe.stop()
    assert last["failures"] == 0 and "NOSCRIPT" not in probe.words()


def test_session_that_cannot_be_asked_for_is_not_missing(redis: Redis) -> None:
    probe = Probe(unix_url(redis))
    assert probe.say("sput s1 1 60000 one") == SAVED
    redis.kill()
    probe.wait_state("down")
    assert probe.say("sget s1")["failed"]
    assert probe.say("sput s1 2 60000 two") == {"failed": True, "conflict": False}
    probe.stop()
