"""Budgets: spend never passes a limit, not by a race, a cancel, a crash of a worker or of the daemon."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
from typing import Any, Dict, List

import pytest
from harness import Daemon, bearer, in_parallel, wait_for

KEYED: Dict[str, Any] = {"auth.required": True}
WORKERS = {"pool.workers": 8, "pool.spares": 0, "pool.reuse": "always", "pool.queue": 1000}


def budget_of(d: Daemon, project: str) -> Dict[str, Any]:
    rows = [b for b in d.ctl("budgets", "list")["budgets"] if b.get("project") == project]
    assert len(rows) == 1, rows
    return dict(rows[0])


def ledger(d: Daemon) -> List[sqlite3.Row]:
    db = sqlite3.connect(f"file:{d.state}/ledger.db?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    try:
        return db.execute("SELECT * FROM ledger ORDER BY seq").fetchall()
    finally:
        db.close()


def total(row: Any) -> int:
    return int(row["input_tokens"] + row["output_tokens"] + row["cache_read_tokens"] + row["cache_creation_tokens"])


def open_holds(d: Daemon) -> int:
    db = sqlite3.connect(f"file:{d.state}/ledger.db?mode=ro", uri=True)
    try:
        return int(db.execute("SELECT count(*) FROM holds").fetchone()[0])
    finally:
        db.close()


def test_a_used_up_budget_refuses_with_insufficient_quota_and_no_retry() -> None:
    with Daemon(options=KEYED) as d:
        key = bearer(d.new_key("demo"))
        d.ctl("budgets", "set", "demo", "--tokens", "3000", "--window", "month")
        assert d.chat("[[sim:usage=1000,1000]] a", headers=key, max_tokens=1000).status == 200
        r = d.chat("[[sim:usage=1000,1000]] a", headers=key, max_tokens=1000)
        assert r.status == 429 and (r.error["type"], r.error["code"]) == ("insufficient_quota", "insufficient_quota")
        assert r.headers["x-should-retry"] == "false" and "retry-after" not in r.headers
        assert "demo" in r.error["message"]
        b = d.request("GET", "/v1/usage", headers=key).json["budget"]
        assert (b["limit_tokens"], b["used_tokens"], b["reserved_tokens"], b["remaining_tokens"]) == (3000, 2000, 0, 1000)


@pytest.mark.parametrize("scope", ["project", "key", "global"])
def test_dollars_count_in_every_scope(scope: str) -> None:
    with Daemon(options=KEYED) as d:
        d.ctl("projects", "create", "demo")
        made = d.ctl("keys", "create", "--project", "demo")
        where = {"project": ["demo"], "key": ["--key", made["id"]], "global": ["--global"]}[scope]
        d.ctl("budgets", "set", *where, "--usd", "0.002", "--window", "day")
        key = bearer(made["key"])
        answers = [d.chat("[[sim:usage=100,1000]] a", headers=key, max_tokens=1000) for _ in range(8)]
        spent = sum(a.json["usage"]["cost_usd"] for a in answers if a.status == 200)
        assert answers[0].status == 200 and answers[-1].status == 429 and 0.001 <= spent <= 0.002
        d.ctl("budgets", "reset", *where, "--window", "day")
        assert d.chat("[[sim:usage=100,1000]] a", headers=key, max_tokens=1000).status == 200


def test_300_requests_at_once_against_a_budget_for_20_with_random_cost_and_cancels() -> None:
    rng = random.Random(4)
    limit = 20 * 1500
    jobs = [(rng.randint(50, 500), rng.randint(1, 1000), rng.random() < 0.2) for _ in range(300)]
    with Daemon(options={**KEYED, **WORKERS}) as d:
        secret = d.new_key("demo")
        d.ctl("budgets", "set", "demo", "--tokens", str(limit), "--window", "day")
        peak = 0
        over = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not over.is_set():
                b = budget_of(d, "demo")
                peak = max(peak, b["used_tokens"] + b["held_tokens"])

        watcher = threading.Thread(target=watch)
        watcher.start()

        def one(i: int) -> Any:
            tokens_in, tokens_out, leaves = jobs[i]
            prompt = f"[[sim:usage={tokens_in},{tokens_out}]][[sim:delay={i % 7 * 5}]] request {i} " + "x" * 2 * tokens_in
            if not leaves:
                return d.chat(prompt, headers=bearer(secret), max_tokens=1000)
            body = json.dumps({"model": "haiku", "max_tokens": 1000, "messages": [{"role": "user", "content": prompt}]})
            s = d.send_raw((f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            f"Authorization: Bearer {secret}\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())  # fmt: skip
            s.settimeout(0.02)
            try:
                s.recv(1)
            except OSError:
                pass
            s.close()
            return None

        answers = in_parallel(300, one)
        wait_for(lambda: budget_of(d, "demo")["held_tokens"] == 0, "all holds to be settled", 30)
        over.set()
        watcher.join()
        assert all(total(r) <= r["held_tokens"] for r in ledger(d)), "a prompt as long as its figure"
        used = budget_of(d, "demo")["used_tokens"]
        assert 0 < used <= limit and peak <= limit, (used, peak, limit)
        codes = {a.status for a in answers if a}
        assert codes <= {200, 429} and 200 in codes and 429 in codes
        answered = [a.json["usage"]["total_tokens"] for a in answers if a and a.status == 200]
        assert sum(answered) <= used
        assert sum(total(r) for r in ledger(d)) == used and open_holds(d) == 0


def test_after_the_window_turns_work_goes_on() -> None:
    with Daemon(options=KEYED) as d:
        key = bearer(d.new_key("demo"))
        d.ctl("budgets", "set", "demo", "--tokens", "1000", "--window", "hour")
        assert d.chat("[[sim:usage=400,400]] a", headers=key, max_tokens=400).status == 200
        assert d.chat("a", headers=key, max_tokens=400).status == 429
        d.stop()
        # The window's turn, seen from the other side: what was used was used an hour earlier.
        db = sqlite3.connect(f"{d.state}/ledger.db")
        with db:
            assert db.execute("UPDATE usage_quarter SET at = at - 3600000").rowcount > 0
        db.close()
        with Daemon(options=KEYED, state=d.state) as later:
            assert later.chat("[[sim:usage=400,400]] a", headers=key, max_tokens=400).status == 200
            assert later.chat("a", headers=key, max_tokens=400).status == 429


def test_the_power_cut_in_the_middle_leaves_the_books_balanced() -> None:
    limit = 60_000
    rng = random.Random(11)
    state = None
    received: Dict[str, int] = {}
    lock = threading.Lock()
    secret = ""
    first: Any = None
    for cut in range(4):
        d = Daemon(options={**KEYED, **WORKERS}, state=state)
        first = first or d
        state = d.state
        try:
            if not secret:
                secret = d.new_key("demo")
                d.ctl("budgets", "set", "demo", "--tokens", str(limit), "--window", "total")
            used = budget_of(d, "demo")["used_tokens"]
            assert used <= limit and open_holds(d) == 0

            def one(i: int) -> None:
                rid = f"cut{cut}-{i}"
                prompt = f"[[sim:usage={rng.randint(20, 200)},{rng.randint(1, 300)}]][[sim:delay={rng.randint(0, 60)}]] x"
                try:
                    r = d.chat(prompt, headers=bearer(secret, **{"x-request-id": rid}), max_tokens=300)
                except Exception:
                    return  # cut off
                if r.status == 200:
                    with lock:
                        received[rid] = r.json["usage"]["total_tokens"]

            threads = [threading.Thread(target=one, args=(i,)) for i in range(100)]
            for t in threads:
                t.start()
            wait_for(lambda: len(received) >= 8 * (cut + 1), "some answers")
            d.kill()
            for t in threads:
                t.join()
        finally:
            if d.exit_status is None:
                d.kill()
    with Daemon(options={**KEYED, **WORKERS}, state=state) as d:
        rows = ledger(d)
        by_id = {r["request_id"]: r for r in rows}
        assert len(by_id) == len(rows), "no request twice"
        for rid, tokens in received.items():
            assert rid in by_id and total(by_id[rid]) == tokens, rid
        assert open_holds(d) == 0
        assert any(r["outcome"] == "interrupted" for r in rows)
        assert budget_of(d, "demo")["used_tokens"] == sum(total(r) for r in rows) <= limit
        assert d.ctl("usage", "--project", "demo", "--period", "all")["total_tokens"] == sum(total(r) for r in rows)


def test_a_worker_killed_because_it_did_not_stop_is_charged_the_prompt() -> None:
    with Daemon(options={**KEYED, "pool.interrupt_timeout": "200ms"}) as d:
        key = bearer(d.new_key("demo"))
        d.ctl("budgets", "set", "demo", "--tokens", "100000", "--window", "day")
        assert d.chat("[[sim:hang]]" + " word" * 1000, headers=key, max_tokens=50, timeout=0.3).status == 504
        (row,) = ledger(d)
        assert row["outcome"] == "timeout" and row["input_tokens"] > 1000 and row["cost_micro_usd"] > 0
        assert budget_of(d, "demo")["used_tokens"] == total(row) <= row["held_tokens"]


def test_soft_budgets_tell_and_do_not_refuse() -> None:
    with Daemon(options=KEYED) as d:
        key = bearer(d.new_key("demo"))
        d.ctl("budgets", "set", "demo", "--tokens", "2000", "--soft", "--warn", "50")
        for _ in range(4):
            assert d.chat("[[sim:usage=300,300]] a", headers=key).status == 200
        d.wait_log(r"event: .*budget")
        metrics = d.request("GET", "/metrics").body.decode()
        assert "ccapi_budget_thresholds_total 2" in metrics


def test_a_threshold_goes_to_the_webhook() -> None:
    import http.server

    got: List[Dict[str, Any]] = []
    fails = [2]

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fails[0] -= 1
            if fails[0] < 0:
                got.append(body)
            self.send_response(500 if fails[0] >= 0 else 204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        with Daemon(options={**KEYED, "webhook.url": url, "webhook.topics": "budget"}) as d:
            key = bearer(d.new_key("demo"))
            d.ctl("budgets", "set", "demo", "--tokens", "1000", "--warn", "50", "--window", "day")
            assert d.chat("[[sim:usage=300,300]] a", headers=key, max_tokens=300).status == 200
            wait_for(lambda: [g for g in got if g["data"].get("percent")], lambda: f"the warning, not {got}", 30)
            told = [g for g in got if g["data"].get("percent")][0]
            assert told["topic"] == "budget" and told["data"]["percent"] == 50 and told["data"]["subject"] == "demo"
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    "args, field",
    [
        (["demo", "--tokens", "-5"], "tokens"), (["demo", "--tokens", "1.5"], "tokens"), (["demo", "--tokens", "1e3"], "tokens"),
        (["demo", "--tokens", "99999999999999999999999"], "tokens"), (["demo", "--tokens", "0"], "tokens"),
        (["demo", "--usd", "0.0000001"], "usd"), (["demo", "--usd", "-1"], "usd"), (["demo", "--usd", "nan"], "usd"),
        (["demo", "--tokens", "5", "--window", "fortnight"], "window"), (["demo", "--tokens", "5", "--window", "rolling:10m"], "window"),
        (["nobody", "--tokens", "5"], "project"), (["demo"], "tokens"), (["demo", "--tokens", "5", "--warn", "101"], "warn"),
        (["../x", "--tokens", "5"], "project"),
    ],
)  # fmt: skip
def test_bad_budgets_are_refused_by_the_field_and_change_nothing(args: List[str], field: str) -> None:
    with Daemon(options=KEYED) as d:
        d.ctl("projects", "create", "demo")
        d.ctl("budgets", "set", "demo", "--tokens", "1000", "--window", "day")
        before = d.ctl("budgets", "list")
        p = d.ctl_run("budgets", "set", *args)
        assert p.returncode in (1, 2) and field in p.stderr, (p.returncode, p.stderr)
        after = d.ctl("budgets", "list")
        for b in (before, after):
            for row in b["budgets"]:
                row.pop("resets_at", None)
        assert after == before
