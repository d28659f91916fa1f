"""WebSockets under load: every token to its own chat, readers that stand still, and what it costs."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Dict, List

import websockets

from harness import SLOWNESS, Daemon, bearer, wait_for
from system_support import MEMORY_FACTOR, memory_peak_kb, wait_settled

SOCKETS, CHATS = 100, 5


def url(d: Daemon) -> str:
    return f"ws://127.0.0.1:{d.port}/v1/stream"


def chat(id_: str, prompt: str, **params: Any) -> str:
    return json.dumps({"type": "chat", "id": id_, "model": "haiku", "messages": [{"role": "user", "content": prompt}], **params})


async def five_chats(d: Daemon, key: str, n: int) -> List[Dict[str, Any]]:
    """Asks five things at once; the `done` messages, after a check that each chat got its own tokens in order."""
    text: Dict[str, str] = {}
    done: List[Dict[str, Any]] = []
    asked = {f"{n}-{k}": " ".join(f"s{n}c{k}w{w}" for w in range(20)) for k in range(CHATS)}
    async with websockets.connect(url(d), extra_headers=bearer(key), open_timeout=60, ping_interval=None) as ws:
        for id_, prompt in asked.items():
            await ws.send(chat(id_, prompt))
        while len(done) < CHATS:
            m = json.loads(await asyncio.wait_for(ws.recv(), 60 * SLOWNESS))
            if m["type"] == "start":
                assert m["id"] not in text
                text[m["id"]] = ""
            elif m["type"] == "token":
                text[m["id"]] += m["content"]
            else:
                assert m["type"] == "done", m
                done.append(m)
    assert text == {id_: "You said: " + prompt for id_, prompt in asked.items()}
    return done


def test_a_hundred_sockets_with_five_chats_each_get_their_own_tokens_and_the_ledger_agrees() -> None:
    with Daemon(options={"auth.required": True, "pool.workers": 8, "pool.queue": 1000, "log.level": "info"}) as d:
        key = d.new_key("load")

        async def all_of_them() -> List[List[Dict[str, Any]]]:
            return await asyncio.gather(*[five_chats(d, key, n) for n in range(SOCKETS)])

        done = [m for one in asyncio.run(all_of_them()) for m in one]
        assert len(done) == SOCKETS * CHATS
        usage = d.request("GET", "/v1/usage?period=all", headers=bearer(key)).json
        assert usage["requests"] == len(done)
        assert usage["output_tokens"] == sum(m["usage"]["completion_tokens"] for m in done)
        assert usage["total_tokens"] == sum(m["usage"]["total_tokens"] for m in done)
        assert round(usage["total_cost"] * 1e6) == sum(round(m["cost_usd"] * 1e6) for m in done)
        wait_for(lambda: len(d.log_lines(r"method=GET path=/v1/stream status=101")) == SOCKETS, "all sockets to be gone")


def test_a_reader_that_stands_still_costs_no_memory_and_is_told_so_when_it_reads_again() -> None:
    """In the middle of 50 MB; its chat is interrupted, others and its own connection live on."""
    with Daemon(options={"pool.workers": 2, "pool.spares": 0, "http.stall_timeout": "1s"}) as d:
        wait_settled(d, 2)
        assert d.chat("warm").status == 200
        before = d.rss_kb()

        async def stand_still() -> None:
            async with websockets.connect(url(d), ping_interval=None, max_size=None, max_queue=1, read_limit=1024) as ws:
                await ws.send(chat("big", "[[sim:bytes=50000000]] x"))
                first = json.loads(await ws.recv())
                assert first["type"] == "start", first
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(None, d.wait_log, r"fault=slow_reader")
                assert (await loop.run_in_executor(None, d.chat, "others")).status == 200
                got = 0
                while True:
                    m = json.loads(await asyncio.wait_for(ws.recv(), 60 * SLOWNESS))
                    if m["type"] != "token":
                        break
                    got += len(m["content"])
                assert m["type"] == "error" and m["error"]["code"] == "slow_reader", m
                assert 0 < got < 50_000_000
                await ws.send(chat("next", "still here"))
                while m["type"] != "done":
                    m = json.loads(await asyncio.wait_for(ws.recv(), 60 * SLOWNESS))
                    assert m["id"] == "next", m

        asyncio.run(stand_still())
        assert memory_peak_kb(d.pid) - before < 24 * 1024 * MEMORY_FACTOR
        wait_settled(d, 2)


def test_a_slow_reader_gets_the_whole_answer() -> None:
    """It pauses its own worker, again and again."""
    with Daemon(options={"pool.workers": 1, "pool.spares": 0, "http.stall_timeout": "30s"}) as d:

        async def read_slowly() -> int:
            got = 0
            async with websockets.connect(url(d), ping_interval=None, max_size=None, max_queue=1, read_limit=4096) as ws:
                await ws.send(chat("slow", "[[sim:bytes=8000000]] x"))
                while True:
                    m = json.loads(await asyncio.wait_for(ws.recv(), 60 * SLOWNESS))
                    if m["type"] == "done":
                        return got
                    got += len(m.get("content", ""))

        assert asyncio.run(read_slowly()) >= 8_000_000
        wait_settled(d, 1)
