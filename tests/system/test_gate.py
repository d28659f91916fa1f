"""What must hold before the CLI serves: self-test items, version, login, the program itself, and how it recovers."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Iterator, Tuple

import pytest

from control_feed import ControlFeed
from harness import BIN_DIR, Daemon, Stub, chat_body, wait_for
from system_support import (
    gone,
    held,
    log_index,
    ready_reason,
    wait_reason,
    wait_settled,
    worker_of,
    worker_pids,
    worker_states,
)

SIM = BIN_DIR / "claude-sim"
ONE = {"pool.workers": 1, "pool.spares": 0}


def listening(**kw: object) -> Daemon:
    """A daemon that is not expected to become ready."""
    options = {**ONE, **kw.pop("options", {})}  # type: ignore[dict-item]
    d = Daemon(ready=False, options=options, **kw)  # type: ignore[arg-type]
    d.wait_listening()
    return d


def assert_unavailable(d: Daemon, reason: str) -> None:
    wait_reason(d, reason)
    assert d.request("GET", "/ready").status == 503
    r = d.chat("hello")
    assert (r.status, r.error["type"], r.error["code"]) == (503, "server_error", "backend_unavailable")
    assert r.headers["x-should-retry"] == "false"
    for word in (str(BIN_DIR), d.state, "claude-sim", "stderr"):
        assert word not in r.body.decode(), "a client learns nothing of the host"
    assert d.request("GET", "/health").status == 200


def wrapper(tmp_path: Path) -> Tuple[Path, Path]:
    """A CLI whose environment is the file's lines at every start but the self-test's, and that file."""
    settings, cli = tmp_path / "settings", tmp_path / "claude"
    settings.write_text("")
    cli.write_text(
        f'#!/bin/sh\nset -a\n[ "$ANTHROPIC_API_KEY" = selftest ] || . "{settings}"\nset +a\nexec "{SIM}" "$@"\n'
    )
    cli.chmod(0o755)
    return cli, settings


def copy_of_sim(to: Path) -> Path:
    shutil.copy2(SIM, to)
    return to


@pytest.fixture(scope="module", autouse=True)
def recovering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict]:
    """Daemons that mend by themselves, which takes them ten seconds: started first, looked at last."""
    tmp = tmp_path_factory.mktemp("recovering")
    cli, settings = wrapper(tmp)
    with listening(cli_path=str(tmp / "later")) as missing, Daemon(cli_path=str(cli), options=ONE) as failing:
        wait_reason(missing, "cli_not_found")
        copy_of_sim(tmp / "later")
        settings.write_text("CLAUDE_SIM_FAULTS=start_fail\n")
        wait_settled(failing, 1)
        os.kill(failing.workers()[0], signal.SIGKILL)
        yield {"missing": missing, "failing": failing, "settings": settings}


# -- safety items


@pytest.mark.parametrize("fault", ["leak_mention", "leak_tools", "leak_email", "swap_history"])
def test_unsafe_cli_is_not_served(fault: str) -> None:
    with listening(faults=fault) as d:
        assert_unavailable(d, "cli_unsafe")
        assert d.log_lines("NOT safe") and not d.log_lines("ready to serve")
        assert not d.workers()


@pytest.mark.parametrize("fault", ["ignore_system_prompt", "ignore_rewind"])
def test_cli_whose_workers_cannot_be_used_twice_serves_one_request_per_process(fault: str) -> None:
    with Stub() as stub, Daemon(upstream=stub, faults=fault, options={"pool.workers": 2, "pool.spares": 1}) as d:
        served = []
        for i in range(5):
            messages = [{"role": "system", "content": f"system {i}"}, {"role": "user", "content": f"marker-{i}"}]
            served.append(worker_of(d, messages))
            body = json.dumps(stub.bodies()[-1])
            assert f"system {i}" in body and f"marker-{i}" in body and f"marker-{i - 1}" not in body
        assert len(set(served)) == 5
        wait_settled(d)


def test_cli_that_drops_the_body_is_served_by_replay() -> None:
    turns = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"},
             {"role": "user", "content": "three"}]  # fmt: skip
    with Stub() as stub, Daemon(upstream=stub, faults="ignore_body", options=ONE) as d:
        assert d.log_lines("conversations are replayed")
        assert d.chat(turns).text == "echo: three"
        roles = [m["role"] for m in stub.bodies()[-1]["messages"] if m["role"] in ("user", "assistant")]
        assert roles == ["user", "assistant", "user"]
        r = d.chat("x", temperature=0.5)
        assert (r.status, r.error["code"], r.error["param"]) == (400, "unsupported_by_cli", "temperature")
        r = d.chat("x", stop="y")
        assert (r.status, r.error["code"], r.error["param"]) == (400, "unsupported_by_cli", "stop")


def test_history_replay_on_request_and_body_only_where_honoured() -> None:
    with Daemon(options={**ONE, "claude.history": "replay"}) as d:
        assert d.log_lines("conversations are replayed") and d.chat("hi").text == "You said: hi"
    with listening(faults="ignore_body", options={"claude.history": "body"}) as d:
        assert_unavailable(d, "cli_unsafe")


def test_cli_that_ignores_max_tokens_is_served_with_a_warning() -> None:
    with Daemon(faults="ignore_max_tokens", options=ONE) as d:
        assert d.log_lines("warn .*max_tokens") and d.chat("hi").status == 200


def test_old_version_is_refused() -> None:
    with listening(faults="version=2.1.200") as d:
        assert_unavailable(d, "cli_too_old")
        assert d.log_lines(r"2\.1\.200.*2\.1\.257.*claude update")


def test_sim_is_announced_loudly() -> None:
    with Daemon(options=ONE) as d:
        assert d.log_lines(r"warn .*claude-sim.*NO ANSWER IS REAL")


# -- the self-test's cache


def test_self_test_runs_once_for_a_program_file(tmp_path: Path) -> None:
    state, cli = str(tmp_path / "state"), copy_of_sim(tmp_path / "claude")
    for tested in (True, False):
        with Daemon(state=state, cli_path=str(cli), options=ONE) as d:
            assert bool(d.log_lines("self-test of")) == tested
            assert d.chat("x").status == 200
    stat = os.stat(cli)
    os.utime(cli, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))
    with Daemon(state=state, cli_path=str(cli), options=ONE) as d:
        assert d.log_lines("self-test of"), "a changed file is tested again"


def test_what_the_self_test_found_is_kept_too(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    with listening(state=state, faults="leak_tools") as d:
        wait_reason(d, "cli_unsafe")
    with listening(state=state, faults="leak_tools") as d:
        assert_unavailable(d, "cli_unsafe")
        assert not d.log_lines("self-test of")


def test_broken_cache_is_no_obstacle(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Daemon(state=str(state), options=ONE):
        pass
    (state / "selftest.json").write_text('{"path":')
    with Daemon(state=str(state), options=ONE) as d:
        assert d.log_lines("self-test of")


def test_program_replaced_under_a_running_daemon_is_tested_before_it_serves(tmp_path: Path) -> None:
    cli = copy_of_sim(tmp_path / "claude")
    with Daemon(cli_path=str(cli), options=ONE) as d:
        wait_settled(d, 1)
        os.replace(copy_of_sim(tmp_path / "fresh"), cli)
        os.utime(cli)
        os.kill(d.workers()[0], signal.SIGKILL)
        d.wait_log("program file has changed")
        wait_for(lambda: len(d.log_lines("self-test of .* safe")) == 2, "the second self-test")
        wait_reason(d, None)
        assert d.chat("x").status == 200


def test_unsafe_replacement_stops_the_service(tmp_path: Path) -> None:
    cli = copy_of_sim(tmp_path / "claude")
    bad = tmp_path / "bad"
    bad.write_text(f'#!/bin/sh\nCLAUDE_SIM_FAULTS=leak_tools exec "{SIM}" "$@"\n')
    bad.chmod(0o755)
    with Daemon(cli_path=str(cli), options=ONE) as d:
        wait_settled(d, 1)
        os.replace(bad, cli)
        os.kill(d.workers()[0], signal.SIGKILL)
        wait_reason(d, "cli_unsafe")
        assert d.chat("x").status == 503


def test_a_cli_that_is_not_the_version_it_tells_is_not_tested_over_and_over(tmp_path: Path) -> None:
    cli = tmp_path / "claude"
    cli.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec echo "2.1.999 (Claude Code)"\nexec "{SIM}" "$@"\n')
    cli.chmod(0o755)
    with listening(cli_path=str(cli), options=ONE) as d:
        wait_reason(d, "failing")
        assert d.log_lines("--version. says 2.1.999 .*its workers say")
        assert len(d.log_lines("self-test of .* safe")) == 2


# -- the program


def test_missing_cli_is_told_with_the_cure() -> None:
    with listening(cli_path="/nonexistent/claude") as d:
        assert_unavailable(d, "cli_not_found")
        assert d.log_lines(r"error .*claude\.path.*/nonexistent/claude")


def test_a_cli_that_is_not_executable_is_not_found(tmp_path: Path) -> None:
    cli = copy_of_sim(tmp_path / "claude")
    cli.chmod(0o600)
    with listening(cli_path=str(cli)) as d:
        assert_unavailable(d, "cli_not_found")


def test_cli_is_searched_in_path_and_below_home(tmp_path: Path) -> None:
    where = tmp_path / ".local/bin"
    where.mkdir(parents=True)
    copy_of_sim(where / "claude")
    for env in ({"HOME": str(tmp_path)}, {"PATH": f"relative::{where}:/usr/bin"}):
        with Daemon(env=env, options={**ONE, "claude.path": ""}) as d:
            assert d.log_lines(f"using {where}/claude") and d.chat("x").status == 200


def test_missing_cli_that_appears_is_found_after_sighup(tmp_path: Path) -> None:
    with listening(cli_path=str(tmp_path / "claude")) as d:
        wait_reason(d, "cli_not_found")
        copy_of_sim(tmp_path / "claude")
        d.signal(signal.SIGHUP)
        wait_reason(d, None)
        assert d.chat("x").status == 200


# -- login


def test_missing_login_is_told_with_the_cure_and_mended_by_sighup(tmp_path: Path) -> None:
    cli, settings = wrapper(tmp_path)
    settings.write_text("CLAUDE_SIM_LOGIN=none\n")
    with listening(cli_path=str(cli)) as d:
        assert_unavailable(d, "not_logged_in")
        line = d.log_lines("cannot serve .not_logged_in.")[-1]
        assert "setup-token" in line and "claude-token" in line and "0600" in line
        settings.write_text("")
        d.signal(signal.SIGHUP)
        wait_reason(d, None)
        assert d.chat("x").text == "You said: x"


def test_login_none_is_not_logged_in() -> None:
    with listening(options={"claude.env.CLAUDE_SIM_LOGIN": "none"}) as d:
        assert_unavailable(d, "not_logged_in")


def test_login_rejected_upstream_closes_the_pool_without_a_storm(tmp_path: Path) -> None:
    with Daemon(options={"pool.workers": 2, "pool.spares": 1}) as d:
        wait_settled(d, 3)
        r = d.chat("[[sim:error=401]] x")
        assert (r.status, r.error["code"]) == (503, "backend_unavailable")
        assert_unavailable(d, "not_logged_in")
        assert len(d.log_lines(r"worker: \d+ starts")) <= 5, "no new worker is started meanwhile"
        d.signal(signal.SIGHUP)
        wait_reason(d, None)
        assert d.chat("x").status == 200


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_token_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    token = tmp_path / "token"
    token.write_text("sk-ant-oat01-secret\n")
    token.chmod(mode)
    with listening(options={"claude.token_file": str(token)}) as d:
        assert_unavailable(d, "not_logged_in")
        assert d.log_lines(rf"token file {token} is open to others: chmod 600")
        assert not d.log_lines("oat01-secret")
        token.chmod(0o600)
        d.signal(signal.SIGHUP)
        wait_reason(d, None)


def test_a_token_that_comes_while_the_one_before_is_looked_at_is_used(tmp_path: Path) -> None:
    cli, settings = wrapper(tmp_path)
    asked, go_on = tmp_path / "asked", tmp_path / "go-on"
    wait = f'[ "$2" != status ] || {{ echo $$ > "{asked}"; while [ ! -e "{go_on}" ]; do sleep 0.02; done; }}\n'
    cli.write_text(cli.read_text().replace("exec ", wait + "exec "))
    settings.write_text("CLAUDE_SIM_LOGIN=none\n")
    go_on.touch()
    with listening(cli_path=str(cli), options=ONE) as d:
        assert_unavailable(d, "not_logged_in")
        # Who is logged in is asked after that is said: what follows begins when this question is over.
        pid = wait_for(lambda: asked.exists() and asked.read_text().strip(), "the question at the start")
        wait_for(lambda: not Path(f"/proc/{pid}").exists(), "its answer")
        settings.write_text("")
        go_on.unlink()
        asked.unlink()
        with ControlFeed(d.socket) as f:
            f.ask("login.set", token="sk-ant-oat01-first")
            wait_for(asked.exists, "the question for the first one")
            f.ask("login.set", token="sk-ant-oat01-second")
        go_on.touch()
        wait_reason(d, None)
        wait_for(lambda: tokens(d) == ["sk-ant-oat01-second"], lambda: f"the second token, not {tokens(d)}")
        assert d.chat("x").status == 200


def tokens(d: Daemon) -> list:
    """Of the workers, each once; one that just ends tells nothing."""
    found = set()
    for pid in d.workers():
        try:
            text = Path(f"/proc/{pid}/environ").read_bytes().decode()
        except OSError:
            continue
        found |= {item.split("=", 1)[1] for item in text.split("\0") if item.startswith("CLAUDE_CODE_OAUTH_TOKEN=")}
    return sorted(found)


def worker_env(d: Daemon) -> dict:
    wait_settled(d, 1)
    text = Path(f"/proc/{d.workers()[0]}/environ").read_bytes().decode()
    return dict(item.split("=", 1) for item in text.split("\0") if item)


def test_token_in_the_state_directory_is_used_and_kept_out_of_the_log(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "claude-token").write_text("sk-ant-oat01-secret\n")
    (state / "claude-token").chmod(0o600)
    with Daemon(state=str(state), options=ONE) as d:
        env = worker_env(d)
        assert env["CLAUDE_CODE_OAUTH_TOKEN"] == "sk-ant-oat01-secret"
        assert not d.log_lines("oat01-secret")
        assert "own login" in d.wait_log("served by (.*)").group(1)


def test_a_worker_at_work_while_the_login_changes_serves_nobody_afterwards(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "claude-token").write_text("former\n")
    (state / "claude-token").chmod(0o600)
    with Daemon(state=str(state), options={**ONE, "pool.workers": 2, "pool.reuse": "always"}) as d:
        wait_settled(d, 2)
        with held(d):
            former = next(n for n, what in worker_states(d).items() if what == "busy")
            (state / "claude-token").write_text("latter\n")
            d.signal(signal.SIGHUP)
            wait_for(lambda: len(d.log_lines("worker: \\d+ starts, pid")) >= 4, "workers of the new login")
        wait_for(lambda: worker_states(d).get(former) not in ("busy", "resetting"), "its end")
        assert worker_of(d) > 2  # the former one has served the project, and would be preferred
        wait_for(lambda: gone([worker_pids(d)[former]]), "the former login's worker to go")


def test_systemd_credential_is_used_whatever_its_mode(tmp_path: Path) -> None:
    (tmp_path / "claude-token").write_text("sk-ant-oat01-credential\n")
    (tmp_path / "claude-token").chmod(0o440)
    with Daemon(env={"CREDENTIALS_DIRECTORY": str(tmp_path)}, options=ONE) as d:
        assert worker_env(d)["CLAUDE_CODE_OAUTH_TOKEN"] == "sk-ant-oat01-credential"


def test_login_own_has_private_directories_and_an_environment_of_its_own() -> None:
    env = {"ANTHROPIC_API_KEY": "sk-not-this-one", "SECRET": "x"}
    with Daemon(options={**ONE, "claude.login": "own"}, env=env) as d:
        got = worker_env(d)
        assert got["CLAUDE_CONFIG_DIR"].startswith(d.state) and got["HOME"].startswith(d.state)
        assert got["TMPDIR"].startswith(d.state)
        assert "ANTHROPIC_API_KEY" not in got and "SECRET" not in got
        assert os.readlink(f"/proc/{d.workers()[0]}/cwd").startswith(d.state)


def test_login_user_takes_the_users_own_place() -> None:
    with Daemon(options={**ONE, "claude.login": "user"}) as d:
        got = worker_env(d)
        assert got["HOME"] == d.root and "CLAUDE_CONFIG_DIR" not in got
        assert "user who started" in d.wait_log("served by (.*)").group(1)


def test_login_user_is_not_served_by_replay() -> None:
    with listening(options={"claude.login": "user", "claude.history": "replay"}) as d:
        assert_unavailable(d, "cli_unsafe")


def test_login_auto_prefers_the_daemons_own_and_root_has_no_other() -> None:
    with Daemon(options={**ONE, "claude.env.ANTHROPIC_API_KEY": "sk-x"}) as d:
        assert "own login" in d.wait_log("served by (.*)").group(1)
    with Daemon(options=ONE) as d:
        expected = "own login" if os.geteuid() == 0 else "user who started"
        assert expected in d.wait_log("served by (.*)").group(1)


def test_email_of_a_login_is_not_served_by_replay() -> None:
    env = {"claude.env.CLAUDE_SIM_LOGIN": "claude.ai", "claude.env.CLAUDE_SIM_EMAIL": "owner@example.org"}
    with listening(options={**env, "claude.history": "replay"}) as d:
        wait_reason(d, "cli_unsafe")
    with Stub() as stub:
        url = {"claude.env.ANTHROPIC_BASE_URL": stub.url}
        with Daemon(options={**ONE, **env, **url}) as d:
            assert d.chat("x").status == 200
            assert "owner@example.org" not in json.dumps(stub.bodies())


# -- workers that do not start


def test_worker_that_never_answers_is_killed_at_start_timeout(tmp_path: Path) -> None:
    cli, settings = wrapper(tmp_path)
    with Daemon(cli_path=str(cli), options={**ONE, "pool.start_timeout": "1s"}) as d:
        wait_settled(d, 1)
        settings.write_text("CLAUDE_SIM_FAULTS=start_hang\n")
        os.kill(d.workers()[0], signal.SIGKILL)
        d.wait_log("did not answer initialize in time")
        settings.write_text("")
        wait_for(lambda: d.chat("x").status == 200, "the next worker")


def test_requests_wait_for_the_first_worker() -> None:
    d = Daemon(ready=False, faults="start_delay=1000", options=ONE)
    with d:
        d.wait_listening()
        assert ready_reason(d) == "starting"
        r = d.request("POST", "/v1/chat/completions", chat_body("early"))
        assert r.status == 200 and r.text == "You said: early"


def test_waiting_for_the_first_worker_past_its_limit_is_504() -> None:
    d = Daemon(ready=False, faults="start_hang", options=ONE)
    with d:
        d.wait_listening()
        r = d.chat("early", timeout=0.3)
        assert (r.status, r.error["type"], r.error["code"]) == (504, "server_error", "timeout")
        assert "x-should-retry" not in r.headers


def test_breaker_opens_after_several_failed_starts_and_closes_again(recovering: dict) -> None:
    d, settings = recovering["failing"], recovering["settings"]
    wait_reason(d, "failing", 40)
    assert log_index(d, "cannot serve .failing") > log_index(d, "did not start"), "it was tried before"
    assert len(d.log_lines("did not start")) >= 5
    assert d.log_lines("cannot serve .failing.*workers in a row did not start")
    assert d.chat("x").status == 503
    settings.write_text("")
    wait_reason(d, None, 40)
    assert d.chat("x").text == "You said: x"


def test_missing_cli_that_appears_is_found_by_itself(recovering: dict) -> None:
    d = recovering["missing"]
    wait_reason(d, None, 40)
    assert d.chat("x").text == "You said: x"
