"""Redis goes wrong under load, in every way that it has: no request fails, none waits longer than redis.timeout, and it is
used again without a restart."""

from __future__ import annotations

import re
import signal
import threading
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from harness import SLOWNESS, Daemon, wait_for
from redis_server import Redis


@pytest.fixture()
def redis() -> Iterator[Redis]:
    r = Redis()
    try:
        yield r
    finally:
        r.close()


TIMEOUT_MS = 200


def options(redis: Redis, **more: Any) -> Dict[str, Any]:
    return {"redis.url": f"unix://{redis.path}", "redis.timeout": f"{TIMEOUT_MS}ms", "cache.enabled": True,
            "pool.workers": 3, "pool.spares": 0, "log.level": "info", **more}  # fmt: skip


def state(d: Daemon) -> str:
    return str(d.ctl("status")["redis"]["state"])


def is_hit(d: Daemon, prompt: str) -> bool:
    r = d.chat(prompt)
    assert r.status == 200, r.body
    return r.headers["x-ccapi-cache"] == "hit"


class Load:
    """Four clients that ask the same forty things over and over; everything they get is a 200 with the right text."""

    def __init__(self, d: Daemon) -> None:
        self.d = d
        self.over = False
        self.answered = 0
        self.waits: List[float] = []
        self.wrong: List[str] = []
        self.seen: Dict[str, int] = {"hit": 0, "miss": 0, "bypass": 0}
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.client, args=(i,)) for i in range(4)]

    def client(self, i: int) -> None:
        k = i
        while not self.over:
            prompt = f"thing {k % 40}"
            k += 1
            try:
                r = self.d.chat(prompt)
                with self.lock:
                    self.answered += 1
                    if r.status != 200 or r.text != f"You said: {prompt}":
                        self.wrong.append(f"{r.status} {r.body!r}")
                    else:
                        self.seen[r.headers["x-ccapi-cache"]] += 1
                        self.waits.append(float(r.headers["x-ccapi-overhead-ms"]))
            except Exception as e:  # noqa: BLE001 - counted below
                with self.lock:
                    self.wrong.append(repr(e))

    def some_more(self, count: int = 40) -> None:
        """Waits until so many more were answered."""
        goal = self.answered + count
        wait_for(lambda: self.answered >= goal or self.wrong, f"{count} more answers", 60)

    def until(self, kind: str) -> None:
        goal = self.seen[kind] + 5
        wait_for(lambda: self.seen[kind] >= goal or self.wrong, lambda: f"{kind}: {self.seen}", 60)

    def __enter__(self) -> "Load":
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.over = True
        for t in self.threads:
            t.join()


def go_wrong(redis: Redis, wrong: Callable[[Redis], None], mend: Optional[Callable[[Redis], None]],
             bypasses: bool = True) -> None:  # fmt: skip
    with Daemon(options=options(redis)) as d:
        wait_for(lambda: state(d) == "up", "redis to be up")
        with Load(d) as load:
            load.until("hit")
            wrong(redis)
            load.some_more()
            if bypasses:
                load.until("bypass")
            if mend:
                mend(redis)
                wait_for(lambda: state(d) == "up", "redis to be up again", 30)
                load.until("hit")
        assert not load.wrong, load.wrong[:3]
        assert load.answered > 50


def test_killed_and_started_again(redis: Redis) -> None:
    go_wrong(redis, lambda r: r.kill(), lambda r: r.start())


def test_stopped_and_continued(redis: Redis) -> None:
    go_wrong(redis, lambda r: r.p.send_signal(signal.SIGSTOP), lambda r: r.p.send_signal(signal.SIGCONT))


def test_flushed(redis: Redis) -> None:
    go_wrong(redis, lambda r: [r.cli("FLUSHALL") for _ in range(5)] and None, lambda r: None, bypasses=False)


def test_full(redis: Redis) -> None:
    """Nothing new is kept, what is there serves on."""

    def fill(r: Redis) -> None:
        r.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
        r.cli("CONFIG", "SET", "maxmemory", "1")

    def empty(r: Redis) -> None:
        r.cli("CONFIG", "SET", "maxmemory", "0")

    go_wrong(redis, fill, empty, bypasses=False)


def test_a_password_that_comes_to_be_wanted(redis: Redis) -> None:
    """Connections that were there before stay good: they are ended, so that the next one is refused."""

    def lock(r: Redis) -> None:
        r.cli("CONFIG", "SET", "requirepass", "secret")
        r.cli("-a", "secret", "CLIENT", "KILL", "TYPE", "normal")

    def unlock(r: Redis) -> None:
        r.cli("-a", "secret", "CONFIG", "SET", "requirepass", "")

    go_wrong(redis, lock, unlock)


def test_another_type_under_our_keys(redis: Redis) -> None:
    """What cannot be read is asked for again, and put right."""

    def spoil(r: Redis) -> None:
        keys = r.cli("KEYS", "ccapi:v1:cache:*").split()
        assert keys
        for key in keys[:20]:
            r.cli("DEL", key)
            r.cli("LPUSH", key, "nonsense")
        for key in keys[20:]:
            r.cli("SET", key, '{"v":1,"text":7}', "PX", "100000")

    go_wrong(redis, spoil, lambda r: None, bypasses=False)


def test_nothing_waits_longer_than_the_timeout_for_a_redis_that_is_silent(redis: Redis) -> None:
    """The request that meets the silence waits for redis.timeout, the next ones do not wait at all."""
    with Daemon(options=options(redis, **{"redis.timeout": "2s"})) as d:
        wait_for(lambda: state(d) == "up", "redis to be up")
        redis.p.send_signal(signal.SIGSTOP)
        first = d.chat("one")
        assert (first.status, first.headers["x-ccapi-cache"]) == (200, "bypass")
        assert float(first.headers["x-ccapi-overhead-ms"]) >= 1000
        for i in range(5):  # tried again in between, but nobody waits for that
            r = d.chat(f"two {i}")
            assert (r.status, r.headers["x-ccapi-cache"]) == (200, "bypass")
            assert float(r.headers["x-ccapi-overhead-ms"]) < 1000 * SLOWNESS
        redis.p.send_signal(signal.SIGCONT)
        wait_for(lambda: state(d) == "up", "redis to be up again", 30)
        wait_for(lambda: is_hit(d, "one"), "a hit")
        assert d.log_lines("redis is down") and d.log_lines("redis is up")


def test_sessions_and_replays_outlive_a_redis_that_is_killed_and_flushed(redis: Redis) -> None:
    with Daemon(options=options(redis)) as d:
        wait_for(lambda: state(d) == "up", "redis to be up")
        first = d.chat("one", session_id="new")
        sid = first.headers["x-ccapi-session-id"]
        kept = {"Idempotency-Key": "k1"}
        answer = d.chat("keep", headers=kept)
        redis.kill()
        assert d.chat("two", session_id=sid).status == 200  # from memory
        again = d.chat("keep", headers=kept)
        assert again.headers["x-ccapi-idempotent-replay"] == "true" and again.json == answer.json
        redis.start()
        wait_for(lambda: state(d) == "up", "redis to be up again", 30)
        assert d.chat("three", session_id=sid).status == 200  # goes there again
        with Daemon(options=options(redis)) as other:
            wait_for(lambda: state(other) == "up", "redis to be up")
            turns = other.request("GET", f"/v1/sessions/{sid}").json
            said = [m["content"] if isinstance(m["content"], str) else m["content"][0]["text"] for m in turns["messages"]]
            assert said[::2] == ["one", "two", "three"]
            assert other.chat("four", session_id=sid).status == 200
        assert d.request("GET", f"/v1/sessions/{sid}").json["turns"] == 4  # and here is what was said there
        assert d.request("DELETE", f"/v1/sessions/{sid}").status == 200
        with Daemon(options=options(redis)) as other:
            wait_for(lambda: state(other) == "up", "redis to be up")
            assert other.chat("five", session_id=sid).status == 404


def test_a_cache_that_cannot_be_flushed_says_so(redis: Redis) -> None:
    with Daemon(options=options(redis)) as d:
        wait_for(lambda: state(d) == "up", "redis to be up")
        assert d.ctl_run("--yes", "cache", "flush").returncode == 0
        redis.kill()
        wait_for(lambda: state(d) == "down", "redis to be down")
        p = d.ctl_run("--yes", "cache", "flush")
        assert p.returncode != 0 and "Redis" in p.stderr


def test_nonsense_under_a_sessions_key_gives_way(redis: Redis) -> None:
    """Also one that begins like a newer version."""
    with Daemon(options=options(redis)) as d:
        wait_for(lambda: state(d) == "up", "redis to be up")
        sid = d.chat("one", session_id="new").headers["x-ccapi-session-id"]
        key = f"ccapi:v1:session:default:{sid}"
        for nonsense in ("99 nonsense", '99 {"v":1,"version":98,"messages":[]}', "9223372036854775807 {}", "x"):
            redis.cli("SET", key, nonsense)
            r = d.chat("more", session_id=sid)
            assert r.status == 200 and "x-ccapi-session" not in r.headers
        assert d.request("GET", f"/v1/sessions/{sid}").json["turns"] == 5
        assert redis.cli("GET", key).startswith('5 {"v":1,"version":5,')


def test_redis_is_asked_once_for_one_request(redis: Redis) -> None:
    """By the bytes of a body that was seen before; when nothing is there, not again by what they mean."""

    def reads() -> int:
        found = re.search(r"cmdstat_getrange:calls=(\d+)", redis.cli("INFO", "commandstats"))
        return int(found.group(1)) if found else 0

    with Daemon(options=options(redis)) as d:
        wait_for(lambda: state(d) == "up", "redis to be up")
        assert not is_hit(d, "one")
        wait_for(lambda: is_hit(d, "one"), "a hit")
        redis.cli("FLUSHALL")
        before = reads()
        assert not is_hit(d, "one")
        assert reads() == before + 1
        wait_for(lambda: is_hit(d, "one"), "a hit")
