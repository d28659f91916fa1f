"""Several daemons over one Redis: what one has answered the others know; without Redis all serve on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from typing import Any, Callable, Dict, Iterator, List

import pytest

from harness import BIN_DIR, SLOWNESS, Daemon, in_parallel, wait_for
from redis_server import Redis

KEY = {"Idempotency-Key": "order-7"}
ASK = "[[sim:usage=50,50]] hello"


@pytest.fixture()
def redis() -> Iterator[Redis]:
    r = Redis()
    try:
        yield r
    finally:
        r.close()


def options(redis: Redis, **more: Any) -> Dict[str, Any]:
    return {"redis.url": f"unix://{redis.path}", "redis.timeout": "10s", "cache.enabled": True, **more}


def redis_of(d: Daemon) -> Dict[str, Any]:
    status: Dict[str, Any] = d.ctl("status")["redis"]
    return status


def wait_redis(d: Daemon, state: str) -> None:
    wait_for(lambda: redis_of(d)["state"] == state, lambda: f"redis to be {state}, not {redis_of(d)}", 30)


def daemon(redis: Redis, **more: Any) -> Daemon:
    d = Daemon(options=options(redis), **more)
    try:
        wait_redis(d, "up")
    except BaseException:
        d.kill()
        raise
    return d


def wait_hit(ask: Callable[[], Any]) -> Any:
    """A put is not waited for: until it is there, the same request is a miss."""
    last: List[Any] = []

    def look() -> bool:
        last[:] = [ask()]
        assert last[0].status == 200, last[0].body
        return bool(last[0].headers["x-ccapi-cache"] == "hit")

    wait_for(look, lambda: last[0].headers if last else "an answer")
    return last[0]


def lines_of(d: Daemon) -> int:
    return len(d.ctl("ledger", "tail")["lines"])


# -- the cache


def test_a_hit_after_the_daemon_was_started_anew(redis: Redis) -> None:
    with daemon(redis) as d:
        first = d.chat(ASK)
        assert first.headers["x-ccapi-cache"] == "miss"
        hit = wait_hit(lambda: d.chat(ASK))
        assert hit.text == first.text and hit.headers["x-ccapi-cost-usd"] == "0.000000"
        d.stop()
    with daemon(redis) as again:
        r = again.chat(ASK)
        assert r.headers["x-ccapi-cache"] == "hit" and r.text == first.text
        u = again.request("GET", "/v1/usage").json
        assert (u["requests"], u["cache_hits"], u["total_tokens"]) == (1, 1, 0)


def test_a_hit_on_another_daemon(redis: Redis) -> None:
    with daemon(redis) as one, daemon(redis) as two:
        first = one.chat(ASK)
        assert wait_hit(lambda: two.chat(ASK)).text == first.text
        streamed = two.stream(ASK)
        assert streamed.headers["x-ccapi-cache"] == "hit" and streamed.text == first.text and streamed.done
        assert two.chat(ASK, project_id="other").headers["x-ccapi-cache"] == "miss"


def test_the_short_cut_by_the_same_bytes(redis: Redis) -> None:
    """The third time the bytes alone find the answer; what was flushed meanwhile is asked for again."""
    with daemon(redis) as d:
        d.chat(ASK)
        wait_hit(lambda: d.chat(ASK))
        before = d.ctl("status")["counters"]["ccapi_redis_commands_total"]
        r = d.chat(ASK)
        assert r.headers["x-ccapi-cache"] == "hit"
        assert d.ctl("status")["counters"]["ccapi_redis_commands_total"] == before + 1
        redis.cli("FLUSHALL")
        assert d.chat(ASK).headers["x-ccapi-cache"] == "miss"
        wait_hit(lambda: d.chat(ASK))


def test_the_same_at_the_same_time_is_asked_once(redis: Redis) -> None:
    with daemon(redis) as d:
        got = in_parallel(8, lambda i: d.chat("[[sim:delay=300]] hello"))
        assert {r.status for r in got} == {200} and len({r.text for r in got}) == 1
        assert sorted(r.headers["x-ccapi-cache"] for r in got).count("miss") == 1


def test_flush_leaves_the_rest_of_redis_alone(redis: Redis) -> None:
    with daemon(redis) as d:
        d.chat(ASK)
        d.chat(ASK, headers=KEY)
        wait_hit(lambda: d.chat(ASK))
        wait_for(lambda: redis.cli("KEYS", "ccapi:v1:replay:*"), "the answer for the key")
        redis.cli("SET", "other", "1")
        d.ctl("cache", "flush")
        wait_for(lambda: not redis.cli("KEYS", "ccapi:v1:cache:*"), "the cache to be empty")
        assert redis.cli("KEYS", "ccapi:v1:replay:*") and redis.cli("GET", "other") == "1"
        assert d.chat(ASK).headers["x-ccapi-cache"] == "miss"


def test_two_prefixes_do_not_meet(redis: Redis) -> None:
    with daemon(redis) as one, Daemon(options=options(redis, **{"redis.prefix": "other"})) as two:
        wait_redis(two, "up")
        one.chat(ASK)
        wait_hit(lambda: one.chat(ASK))
        assert two.chat(ASK).headers["x-ccapi-cache"] == "miss"


# -- without Redis


def test_it_serves_without_redis_and_uses_it_again(redis: Redis) -> None:
    with daemon(redis) as d:
        d.chat(ASK)
        wait_hit(lambda: d.chat(ASK))
        redis.kill()
        wait_redis(d, "down")
        for prompt in (ASK, ASK, "another"):
            r = d.chat(prompt)
            assert (r.status, r.headers["x-ccapi-cache"]) == (200, "bypass")
        assert d.request("GET", "/ready").status == 200
        assert redis_of(d)["detail"]
        assert "redis" in d.ctl_run("status").stdout
        assert d.ctl("status")["counters"]["ccapi_cache_bypasses_total"] == 3
        redis.start()
        wait_redis(d, "up")
        assert redis_of(d)["detail"] is None
        assert d.chat(ASK).headers["x-ccapi-cache"] == "miss"
        wait_hit(lambda: d.chat(ASK))
        told = [line.split("redis is down")[1] for line in d.log_lines("redis is down")]
        assert told and len(told) == len(set(told))  # each reason once


def test_a_start_without_redis() -> None:
    with Daemon(options={"redis.url": "unix:///nonexistent/redis.sock", "cache.enabled": True}) as d:
        r = d.chat(ASK)
        assert (r.status, r.headers["x-ccapi-cache"]) == (200, "bypass")
        first = d.chat(ASK, headers=KEY)
        again = d.chat(ASK, headers=KEY)
        assert again.headers["x-ccapi-idempotent-replay"] == "true" and again.json == first.json
        wait_redis(d, "down")
        assert "No such file" in redis_of(d)["detail"]


def test_an_answer_is_kept_when_redis_has_come_back_meanwhile(redis: Redis) -> None:
    with daemon(redis) as d:
        redis.kill()
        wait_redis(d, "down")

        def ask_and_mend(i: int) -> Any:
            if i:
                wait_for(lambda: d.ctl("status")["queue"]["open"] == 1, "the request to run")
                redis.start()
                wait_redis(d, "up")
                return None
            return d.chat("[[sim:delay=4000]] slow", timeout=60)

        r = in_parallel(2, ask_and_mend)[0]
        assert (r.status, r.headers["x-ccapi-cache"]) == (200, "bypass")
        wait_for(lambda: redis.cli("KEYS", "ccapi:v1:cache:*"), "the answer to be kept")


def test_reload_with_redis_and_without(redis: Redis) -> None:
    """What only memory has (cache.max_bytes) is not asked of Redis."""
    with tempfile.TemporaryDirectory() as home:
        conf = os.path.join(home, "ccapid.conf")
        for url in (f"unix://{redis.path}", ""):
            for step, (timeout, size) in enumerate((("1s", "64M"), ("2s", "1M"))):
                with open(conf, "w") as f:
                    f.write(f'redis: {{ url = "{url}"; timeout = "{timeout}"; }};\ncache: {{ max_bytes = "{size}"; }};\n')
                if step == 0:
                    d = Daemon(args=["--config", conf], options={"cache.enabled": True})
            with d:
                d.ctl("config", "reload")
                assert d.ctl("config", "show", "redis.timeout")["settings"][0]["value"].strip('"') == timeout
                wait_hit(lambda: d.chat(ASK))
                assert (redis_of(d) is None) == (url == "")


# -- Idempotency-Key


def test_a_retry_on_another_daemon_gets_the_first_answer(redis: Redis) -> None:
    with daemon(redis) as one, daemon(redis) as two:
        first = one.chat(ASK, headers=KEY)
        wait_for(lambda: redis.cli("KEYS", "ccapi:v1:replay:*"), "the answer to be there")
        again = two.chat(ASK, headers=KEY)
        assert again.status == 200 and again.headers["x-ccapi-idempotent-replay"] == "true"
        assert again.json == first.json
        assert lines_of(two) == 0
        other = two.chat("something else", headers=KEY)
        assert other.status == 409
        elsewhere = two.chat(ASK, headers=KEY, project_id="other")
        assert elsewhere.status == 200 and "x-ccapi-idempotent-replay" not in elsewhere.headers
        ttl = int(redis.cli("PTTL", redis.cli("KEYS", "ccapi:v1:replay:*").split()[0]))
        assert 23 * 3600 * 1000 < ttl <= 24 * 3600 * 1000


def test_a_failure_is_not_kept_for_the_others(redis: Redis) -> None:
    with daemon(redis) as one, daemon(redis) as two:
        assert one.chat("[[sim:error=500]] x", headers=KEY).status == 502
        r = two.chat("fine now", headers=KEY)
        assert r.status == 200 and "x-ccapi-idempotent-replay" not in r.headers


def test_what_the_store_has_counts_also_when_redis_says_otherwise(redis: Redis) -> None:
    with daemon(redis) as d:
        first = d.chat(ASK, headers=KEY)
        wait_for(lambda: redis.cli("KEYS", "ccapi:v1:replay:*"), "the answer to be there")
        redis.cli("SET", redis.cli("KEYS", "ccapi:v1:replay:*").split()[0], "nonsense")
        again = d.chat(ASK, headers=KEY)
        assert again.headers["x-ccapi-idempotent-replay"] == "true" and again.json == first.json
        redis.kill()
        wait_redis(d, "down")
        assert d.chat(ASK, headers=KEY).json == first.json


# -- settings


@pytest.mark.parametrize("setting, words", [
    ("redis.url=rediss://:geheim@h", "stunnel"), ("redis.url=http://h", "redis://"), ("redis.url=redis://:geheim@h:0", "port"),
    ("redis.prefix=a*", "characters")])  # fmt: skip
def test_a_bad_address_is_told_when_the_settings_are_checked(setting: str, words: str) -> None:
    home = tempfile.mkdtemp()
    try:
        p = subprocess.run([str(BIN_DIR / "ccapid"), "--check-config", "-o", setting], capture_output=True, text=True,
                           env={"HOME": home, "PATH": "/usr/bin:/bin"}, timeout=60 * SLOWNESS)  # fmt: skip
    finally:
        shutil.rmtree(home)
    out = p.stdout + p.stderr
    assert p.returncode != 0 and setting.split("=")[0] in out and words in out and "geheim" not in out


def test_the_password_is_shown_nowhere() -> None:
    r = Redis("--requirepass", "geheim-1")
    try:
        with Daemon(options={"redis.url": f"unix://:geheim-1@{r.path}", "cache.enabled": True}) as d:
            wait_redis(d, "up")
            assert "geheim-1" not in str(d.ctl("config", "show")) + str(d.ctl("status")) + "\n".join(d.log_lines())
            assert "geheim-1" not in d.request("GET", "/metrics").body.decode()
    finally:
        r.close()
