"""The store by itself is killed at random moments: what was told as durable is there, once."""

import os
import random
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

DRIVE = Path(os.environ.get("CCAPI_BIN_DIR", "build/bin")) / "store_drive"
ROUNDS = 20
SUMS = ("sum(requests), sum(errors), sum(cache_hits), sum(input_tokens), sum(output_tokens), "
        "sum(cost_micro_usd)")


def settle_until_killed(path, lines):
    """Ids that were told as settled by a run that is killed after about `lines` of them."""
    run = subprocess.Popen([DRIVE, "settle", path, "16"], stdout=subprocess.PIPE)
    told = []
    for _ in range(lines):
        told.append(run.stdout.readline())
    run.send_signal(signal.SIGKILL)
    told += run.stdout.readlines()
    run.wait()
    assert run.returncode == -signal.SIGKILL
    return [int(line) for line in told if line.endswith(b"\n")]


def sums_agree(db):
    ledger = db.execute(f"SELECT {SUMS} FROM ledger").fetchone()
    for table in "usage_quarter", "usage_day":
        assert db.execute(f"SELECT {SUMS} FROM {table} WHERE project <> ''").fetchone() == ledger
        assert db.execute(f"SELECT {SUMS} FROM {table} WHERE project = ''").fetchone() == ledger
    for width, table in (900000, "usage_quarter"), (86400000, "usage_day"):
        lines = db.execute(
            f"SELECT project, at_ms / {width} * {width}, key_id, model, {SUMS} FROM ledger "
            "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4").fetchall()
        rows = db.execute(
            f"SELECT project, at, key_id, model, {SUMS} FROM {table} WHERE project <> '' "
            "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4").fetchall()
        assert rows == lines


@pytest.mark.skipif(not DRIVE.exists(), reason="store_drive is not built")
def test_what_was_told_as_durable_survives_kill_9(tmp_path):
    path = tmp_path / "ccapi.db"
    told = []
    interrupted = 0
    dice = random.Random(3)
    for _ in range(ROUNDS):
        told += settle_until_killed(path, dice.randint(1, 400))
        out = subprocess.run([DRIVE, "open", path], capture_output=True, text=True, check=True)
        interrupted += int(out.stdout)

        db = sqlite3.connect(path)
        assert db.execute("SELECT count(*) FROM holds").fetchone() == (0,)
        settled = {}
        for name, outcome in db.execute("SELECT request_id, outcome FROM ledger"):
            assert name not in settled, "a request has two lines"
            settled[name] = outcome
        for request in told:
            assert settled.get(f"req-{request}") == "ok"
        assert sum(o == "interrupted" for o in settled.values()) == interrupted
        sums_agree(db)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
    assert len(told) == len(set(told)), "an id was given out twice"
    assert interrupted > 0, "no hold was open at any of the kills"
