"""What doctor finds in each state of the service, and whether what it names mends it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Dict

from control_feed import ControlFeed
from harness import BIN_DIR, Daemon, wait_for
from system_support import wait_settled


def checks(d: Daemon) -> Dict[str, Dict[str, Any]]:
    with ControlFeed(d.socket) as f:
        return {c["name"]: c for c in f.ask("doctor")["checks"]}


def test_doctor_finds_a_healthy_service_healthy() -> None:
    with Daemon() as d:
        wait_settled(d)
        assert d.chat().status == 200
        found = checks(d)
        assert [n for n, c in found.items() if c["state"] != "ok"] in ([], ["plan"])
        assert "2.1.330" in found["cli"]["text"] and "tokens" in found["empty_prompt"]["text"]
        assert sum(n.startswith("selftest.") for n in found) == 8


def test_doctor_names_the_command_for_a_missing_cli() -> None:
    with Daemon(cli_path="/nonexistent/claude", ready=False) as d:
        d.wait_listening()
        wait_for(lambda: checks(d)["cli"]["state"] == "fail", "the finding")
        assert "npm install" in checks(d)["cli"]["mend"]
        with ControlFeed(d.socket) as f:
            assert f.ask("doctor")["ok"] is False


def test_doctor_says_that_a_cli_without_a_version_fails(tmp_path: Path) -> None:
    cli = tmp_path / "claude"
    cli.write_text("#!/bin/sh\necho hello\nexit 3\n")
    cli.chmod(0o755)
    with Daemon(cli_path=str(cli), ready=False) as d:
        d.wait_listening()
        wait_for(lambda: checks(d)["cli"]["state"] == "fail", lambda: checks(d)["cli"])
        assert "version" in checks(d)["cli"]["text"]


def test_doctor_forgets_the_self_test_of_a_cli_that_is_gone(tmp_path: Path) -> None:
    cli = tmp_path / "claude"
    shutil.copy2(BIN_DIR / "claude-sim", cli)
    with Daemon(cli_path=str(cli)) as d:
        wait_settled(d)
        assert checks(d)["selftest.mention"]["state"] == "ok"
        cli.unlink()
        for worker in d.ctl("workers", "list")["workers"]:
            d.ctl_run("workers", "restart", str(worker["id"]), "--yes")
        wait_for(lambda: checks(d)["cli"]["state"] == "fail", lambda: checks(d)["cli"])
        assert checks(d)["selftest"]["state"] == "unknown"


def test_doctor_names_the_settings_file_and_its_first_error(tmp_path: Path) -> None:
    settings = tmp_path / "ccapi.conf"
    settings.write_text("")
    with Daemon(args=["--config", str(settings)]) as d:
        assert checks(d)["settings"]["text"] == str(settings)
        settings.write_text("pool.workers = 0\nnonsense = 1\n")
        row = checks(d)["settings"]
        assert row["state"] == "warn" and f"{settings}:1:" in row["text"] and "config check" in row["mend"]
        settings.unlink()
        assert str(settings) in checks(d)["settings"]["text"]


def test_doctor_tells_how_to_mend_the_ledger(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "ledger.db").write_text("no database" * 1000)
    with Daemon(state=str(state), ready=False) as d:
        d.wait_listening()
        row = checks(d)["store"]
        assert row["state"] == "fail" and "not a database" in row["text"] and "to mend" not in row["text"]
        assert f"mv {state}/ledger.db" in row["mend"]


def test_the_command_that_doctor_names_for_missing_keys_mends_it() -> None:
    with Daemon(options={"auth.required": True}) as d:
        for _ in range(2):
            row = checks(d)["keys"]
            assert row["state"] == "fail"
            for command in row["mend"].split(" && "):
                assert d.ctl_run(*command.split()[1:]).returncode == 0, command
            assert checks(d)["keys"]["state"] == "ok"
            for key in d.ctl("keys", "list")["keys"]:  # one that is revoked is good for nothing
                d.ctl_run("keys", "revoke", key["id"])


def test_doctor_names_what_else_is_wrong() -> None:
    with Daemon(options={"auth.required": True, "redis.url": "redis://127.0.0.1:1"}) as d:
        found = checks(d)
        assert found["keys"]["state"] == "fail" and "ccapictl keys create" in found["keys"]["mend"]
        wait_for(lambda: checks(d)["redis"]["state"] == "warn", "Redis to be found down")
        d.ctl("pause")
        found = checks(d)
        assert found["service"]["state"] == "warn" and found["service"]["mend"] == "ccapictl resume"
