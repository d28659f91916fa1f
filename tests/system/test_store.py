"""The store in trouble: nothing is served that cannot be accounted for, and all goes on when it is over."""

from __future__ import annotations

import os
import resource
from typing import Any

from harness import Daemon, bearer, wait_for
from test_budget import KEYED, budget_of, ledger, open_holds, total


def limit_files(d: Daemon, most: int) -> None:
    _, hard = resource.prlimit(d.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(d.pid, resource.RLIMIT_FSIZE, (most, hard))


def test_a_file_at_its_limit_is_a_full_disk_and_not_the_end() -> None:
    with Daemon(options=KEYED) as d:
        key = bearer(d.new_key("demo"))
        d.ctl("budgets", "set", "demo", "--tokens", "1000000", "--window", "day")

        def ask() -> Any:
            return d.chat("[[sim:usage=100,100]] a", headers=key, max_tokens=200)

        assert ask().status == 200
        limit_files(d, os.path.getsize(f"{d.state}/ledger.db-wal") + 20_000)
        wait_for(lambda: ask().status == 503, "the store to be full")
        assert d.request("GET", "/ready").json["reason"] == "store_failed"
        p = d.ctl_run("budgets", "set", "demo", "--tokens", "5")
        assert p.returncode == 1 and "disk is full" in p.stderr and "df -h" in p.stderr
        limit_files(d, resource.RLIM_INFINITY)
        wait_for(lambda: ask().status == 200, "the store to work again", 30)
        wait_for(lambda: open_holds(d) == 0 and budget_of(d, "demo")["held_tokens"] == 0, "all to be settled")
        assert budget_of(d, "demo")["used_tokens"] == sum(total(r) for r in ledger(d))
