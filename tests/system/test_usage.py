"""GET /v1/usage and the ledger: every token is counted once, in every view alike."""

from __future__ import annotations

import csv
import io
import json
import random
import sqlite3
from typing import Any, Dict, List

import pytest
from harness import LONG, SLOWNESS, Daemon, bearer, in_parallel, wait_for

REQUESTS = 10_000 if LONG or SLOWNESS == 1 else 1_000
FIELDS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "requests", "cache_hits")


def usage(d: Daemon, headers: Any = None, **args: str) -> Dict[str, Any]:
    query = "&".join(f"{k}={v}" for k, v in args.items())
    r = d.request("GET", f"/v1/usage?{query}", headers=headers)
    assert r.status == 200, r.body
    return dict(r.json)


def ledger_sums(d: Daemon, column: str) -> Dict[str, Dict[str, int]]:
    db = sqlite3.connect(f"file:{d.state}/ledger.db?mode=ro", uri=True)
    sums = ", ".join(f"sum({f})" for f in FIELDS)
    try:
        rows = db.execute(f"SELECT {column}, {sums}, sum(cost_micro_usd) FROM ledger GROUP BY 1").fetchall()
    finally:
        db.close()
    return {r[0]: dict(zip(FIELDS + ("micro",), r[1:])) for r in rows}


def micro(dollars: float) -> int:
    return round(dollars * 1_000_000)


def test_usage_by_model_day_and_key_adds_up_to_the_ledger_after_many_mixed_requests() -> None:
    options = {"auth.required": True, "cache.enabled": True, "pool.workers": 8, "pool.spares": 0, "pool.reuse": "always",
               "pool.queue": 1000, "pool.max_requests": 1000000, "log.level": "info"}  # fmt: skip
    with Daemon(options=options) as d:
        keys = {}
        for project in ("one", "two"):
            d.ctl("projects", "create", project)
            for _ in range(2):
                made = d.ctl("keys", "create", "--project", project, "--scopes", "chat,usage,batch")
                keys[made["id"]] = (project, made["key"])
        ids = list(keys)

        def client(n: int) -> None:
            import http.client

            rng = random.Random(n)
            c = http.client.HTTPConnection("127.0.0.1", d.port, timeout=60 * SLOWNESS)
            for i in range(REQUESTS // 16):
                kind = rng.random()
                prompt = f"[[sim:usage={rng.randint(1, 400)},{rng.randint(1, 300)}]] {n} {i}"
                body: Dict[str, Any] = {"model": rng.choice(["haiku", "sonnet", "opus", "auto"])}
                if kind < 0.1:
                    prompt = f"repeated {rng.randint(0, 5)}"
                elif kind < 0.15:
                    prompt = f"[[sim:error={rng.choice(['400', '429', '500'])}]] {n} {i}"
                elif kind < 0.17:
                    prompt = f"[[sim:crash={rng.choice(['before', 'after'])}]] {n} {i}" if rng.random() < 0.2 else prompt
                body["messages"] = [{"role": "user", "content": prompt}]
                body["stream"] = kind > 0.7
                headers = {"Content-Type": "application/json", **bearer(keys[rng.choice(ids)][1])}
                c.request("POST", "/v1/chat/completions", json.dumps(body), headers)
                c.getresponse().read()
            c.close()

        in_parallel(16, client)
        wait_for(lambda: d.ctl("status")["pool"]["workers"]["busy"] == 0, "the last requests to end")
        by_key, by_model, by_project = (ledger_sums(d, c) for c in ("key_id", "model", "project"))
        assert sum(v["requests"] for v in by_project.values()) == REQUESTS // 16 * 16
        assert sum(v["cache_hits"] for v in by_project.values()) > 0
        for project in ("one", "two"):
            key = bearer(next(secret for p, secret in keys.values() if p == project))
            for period in ("day", "month", "all"):
                u = usage(d, key, period=period)
                for f in FIELDS:
                    assert u[f] == by_project[project][f], (project, period, f)
                assert micro(u["total_cost"]) == by_project[project]["micro"]
                assert u["total_tokens"] == sum(by_project[project][f] for f in FIELDS[:4])
                assert sum(m["tokens"] for m in u["by_model"].values()) == u["total_tokens"]
                assert sum(m["requests"] for m in u["by_model"].values()) == u["requests"]
                assert sum(micro(m["cost"]) for m in u["by_model"].values()) == micro(u["total_cost"])
            for group in ("day", "key"):
                u = usage(d, key, period="all", group_by=group)
                rows = u[f"by_{group}"]
                assert sum(r["tokens"] for r in rows.values()) == u["total_tokens"]
                if group == "key":
                    for key_id, row in rows.items():
                        assert row["requests"] == by_key[key_id]["requests"] and keys[key_id][0] == project
            text = d.request("GET", "/v1/usage?period=all&group_by=model&format=csv", headers=key)
            assert text.headers["content-type"].startswith("text/csv")
            lines: List[Dict[str, str]] = list(csv.DictReader(io.StringIO(text.body.decode())))
            assert sum(int(line["requests"]) for line in lines) == by_project[project]["requests"]
        everything = d.ctl("usage", "--period", "all")
        assert everything["requests"] == REQUESTS // 16 * 16
        assert everything["total_tokens"] == sum(v[f] for v in by_model.values() for f in FIELDS[:4])


def test_an_unused_project_has_used_nothing() -> None:
    with Daemon() as d:
        u = usage(d, period="month", project_id="nothing")
        assert (u["project_id"], u["total_tokens"], u["requests"], u["by_model"]) == ("nothing", 0, 0, {})
        assert u["budget"] is None
        assert "nothing" not in [p["name"] for p in d.ctl("projects", "list")["projects"]]


@pytest.mark.parametrize(
    "query, param",
    [
        ("period=fortnight", "period"), ("from=yesterday", "from"), ("from=2026-13-01", "from"), ("to=-1", "to"),
        ("from=2026-02-01&to=2026-01-01", "to"), ("group_by=colour", "group_by"), ("group_by=project", "group_by"), ("format=xml", "format"),
        ("project_id=../x", "project_id"),
    ],
)  # fmt: skip
def test_bad_questions_name_the_field(query: str, param: str) -> None:
    with Daemon() as d:
        r = d.request("GET", f"/v1/usage?{query}")
        assert r.status == 400 and r.error["param"] == param, r.body


def test_a_row_has_what_the_answer_said() -> None:
    with Daemon() as d:
        r = d.chat("[[sim:usage=123,45]] a", headers={"x-request-id": "row-1"}, project_id="demo")
        line = [x for x in d.ctl("ledger", "tail")["lines"] if x["request_id"] == "row-1"][0]
        assert (line["project"], line["outcome"], line["route"]) == ("demo", "ok", "requested")
        assert line["input_tokens"] + line["output_tokens"] == r.json["usage"]["total_tokens"] == 168
        assert line["model"] == r.json["model"]


def test_cancelled_and_failed_requests_are_in_the_ledger_too() -> None:
    with Daemon() as d:
        assert d.chat("[[sim:error=500]] a", headers={"x-request-id": "bad"}).status == 502
        s = d.open_stream("[[sim:pace=50]][[sim:tokens=1000]] a")
        assert s.recv(100)
        s.close()
        wait_for(lambda: len(d.ctl("ledger", "tail")["lines"]) == 2, "both lines")
        lines = d.ctl("ledger", "tail")["lines"]
        assert [x["outcome"] for x in lines] == ["upstream", "cancelled"]
        assert lines[1]["output_tokens"] > 0 and lines[1]["cost_usd"] > 0
