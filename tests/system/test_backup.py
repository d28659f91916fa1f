"""The backup of docs/OPERATIONS.md: taken under load it is whole, and a daemon goes on from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import List

from harness import Daemon, bearer, wait_for

KEYED = {"auth.required": True, "pool.workers": 4, "pool.reuse": "always"}


def test_a_backup_taken_under_load_is_whole_and_a_daemon_goes_on_from_it(tmp_path: Path) -> None:
    copy, restored = tmp_path / "ledger.db", tmp_path / "restored"
    with Daemon(options=KEYED) as d:
        key = d.new_key("demo")
        d.ctl("budgets", "set", "demo", "--tokens", "100M", "--window", "total")
        done, statuses = threading.Event(), []  # type: threading.Event, List[int]

        def ask() -> None:
            while not done.is_set():
                statuses.append(d.chat("[[sim:usage=100,10]] x", headers=bearer(key), max_tokens=20).status)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for t in threads:
            t.start()
        wait_for(lambda: len(statuses) > 20, "load")
        before = d.ctl("usage", "--project", "demo", "--period", "all")["requests"]
        saved = subprocess.run(["sqlite3", os.path.join(d.state, "ledger.db"), f"VACUUM INTO '{copy}'"], capture_output=True, text=True)
        assert saved.returncode == 0, saved.stderr
        count = len(statuses)
        wait_for(lambda: len(statuses) > count + 20, "load after the backup")
        done.set()
        for t in threads:
            t.join()
        assert set(statuses) == {200}
        assert d.stop() == 0
        assert sorted(n for n in os.listdir(d.state) if n.startswith("ledger")) == ["ledger.db"]  # the one file is all
        after = len(statuses)
    assert subprocess.run(["sqlite3", copy, "PRAGMA quick_check"], capture_output=True, text=True).stdout == "ok\n"
    restored.mkdir(mode=0o700)
    shutil.copy(copy, restored / "ledger.db")
    with Daemon(options=KEYED, state=str(restored)) as d:
        usage = d.ctl("usage", "--project", "demo", "--period", "all")
        assert before <= usage["requests"] < after
        budget = d.ctl("budgets", "show", "demo")["budgets"][0]
        assert budget["used_tokens"] == usage["total_tokens"] > 0 and budget["held_tokens"] == 0
        assert d.chat("x", headers=bearer(key), max_tokens=20).status == 200
