"""A developer's own login serves in body mode only, because the CLI would tell the model its owner's e-mail address."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from expect import OWNER, assert_alone, assert_error, assistant, dump, only_body, user
from harness import Daemon, Stub, wait_for

FAR_FUTURE_MS = 4102444800000
TOKEN = "sk-ant-oat01-no-real-token"

# The CLI gets nothing but the login under test, and cannot leave the machine even if it wanted to.
LOGIN_ONLY = {
    "claude.env.ANTHROPIC_API_KEY": None,
    "claude.env.HTTPS_PROXY": "http://127.0.0.1:9",
    "claude.env.NO_PROXY": "127.0.0.1",
}


def write_login(config: Path, state_file: Path) -> None:
    """What an interactive /login leaves behind."""
    config.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = {
        "accountUuid": "11111111-2222-4333-8444-555555555555",
        "emailAddress": OWNER,
        "organizationUuid": "66666666-7777-4888-9999-000000000000",
        "organizationName": "Example Organization",
        "displayName": "Olivia Owner",
        "organizationRole": "admin",
    }
    oauth = {
        "accessToken": TOKEN,
        "refreshToken": "sk-ant-ort01-no-real-token",
        "expiresAt": FAR_FUTURE_MS,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "max",
    }
    state_file.write_text(json.dumps({"oauthAccount": account, "hasCompletedOnboarding": True, "numStartups": 3}))
    credentials = config / ".credentials.json"
    credentials.write_text(json.dumps({"claudeAiOauth": oauth}))
    credentials.chmod(0o600)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of somebody who uses the CLI by hand."""
    path = tmp_path_factory.mktemp("home")
    write_login(path / ".claude", path / ".claude.json")
    (path / ".claude" / "CLAUDE.md").write_text("Always mention the word marmalade-canary.")
    return path


@pytest.fixture(scope="module")
def users(start: Callable[..., Daemon], home: Path) -> Daemon:
    return start({"claude.login": "user", **LOGIN_ONLY}, env={"HOME": str(home)})


def assert_owner_unknown(body: Dict[str, Any], home: Path) -> None:
    everything = dump(body)
    for trace in (OWNER, "owner@", "Olivia", "Example Organization", "marmalade-canary", str(home), TOKEN):
        assert trace not in everything


def test_users_login_serves_and_its_owner_stays_unknown_to_the_model(users: Daemon, upstream: Stub, home: Path) -> None:
    question = [{"role": "user", "content": "I am Bob."}, {"role": "assistant", "content": "Hello Bob."},
                {"role": "user", "content": "What is my e-mail address?"}]  # fmt: skip
    r = users.chat(question)
    assert (r.status, r.text) == (200, "echo: What is my e-mail address?")
    s = users.stream(question, reasoning_effort="high")
    assert s.done
    for request in upstream.requests():
        assert request["headers"]["authorization"] == f"Bearer {TOKEN}"
        assert "x-api-key" not in request["headers"]
        assert_alone(request["body"], [user("I am Bob."), assistant("Hello Bob."), user("What is my e-mail address?")], users)
        assert_owner_unknown(request["body"], home)


def test_owner_stays_unknown_after_errors_and_cancelled_requests(users: Daemon, upstream: Stub, home: Path) -> None:
    upstream.script({"match": "fail", "times": 1, "status": 429}, {"match": "hang", "stall": "mid_stream"})
    assert users.chat("fail").status == 429
    with users.open_stream("hang") as s:
        assert s.recv(100)
    wait_for(lambda: upstream.requests()[-1]["aborted"], "the cancelled request to be aborted upstream")
    assert users.chat("and now?").status == 200
    for body in upstream.bodies():
        assert_owner_unknown(body, home)


def test_log_says_whose_login_serves(users: Daemon) -> None:
    users.wait_log(r"served by the login of the user who started the daemon")


def refused_as_unsafe(daemon: Daemon, upstream: Stub) -> None:
    daemon.wait_listening()
    wait_for(lambda: daemon.request("GET", "/ready").json.get("reason") == "cli_unsafe", "the login to be refused", 30)
    assert_error(daemon.chat("hello"), 503, "server_error", "backend_unavailable", retry=False)
    assert upstream.count() == 0
    assert re.search(r"cannot serve \(cli_unsafe\)", "\n".join(daemon.log_lines()))


def test_users_login_is_refused_in_replay_mode(start: Callable[..., Daemon], upstream: Stub, home: Path) -> None:
    options = {"claude.login": "user", "claude.history": "replay", **LOGIN_ONLY}
    refused_as_unsafe(start(options, env={"HOME": str(home)}, ready=False), upstream)


def test_own_login_that_knows_an_address_is_refused_in_replay_mode(
    start: Callable[..., Daemon], upstream: Stub, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.mkdir(mode=0o700)
    write_login(config, config / ".claude.json")
    options = {"claude.login": "own", "claude.config_dir": str(config), "claude.history": "replay", **LOGIN_ONLY}
    refused_as_unsafe(start(options, ready=False), upstream)
