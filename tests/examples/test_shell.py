"""The examples for a shell: curl.sh, budgets.sh."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import Any, Dict

from conftest import run, start
from harness import REPO, Daemon, Stub, wait_for


def sections(output: str) -> Dict[str, str]:
    """What was printed below each title."""
    parts = re.split(r"^== (.*)$", output, flags=re.M)
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2])}


def find(parts: Dict[str, str], word: str) -> str:
    return next(body for title, body in parts.items() if word in title)


def test_curl_shows_every_route(daemon: Daemon, upstream: Stub) -> None:
    parts = sections(run(daemon, "curl.sh").stdout)
    assert '{"status":"ready"}' in find(parts, "Is it there")
    assert json.loads(find(parts, "one model"))["id"] == "haiku"
    answer = find(parts, "One answer")
    assert "x-ccapi-route: auto:" in answer and "echo: Say hello." in answer
    stream = find(parts, "as a stream")
    assert stream.endswith("data: [DONE]") and '"usage":{' in stream
    first, second, gone = find(parts, "conversation").splitlines()
    assert "echo: My name is Ada." in first and "echo: What is my name?" in second and '"deleted":true' in gone
    turns = [m["role"] for m in next(b for b in upstream.bodies() if "What is my name" in json.dumps(b))["messages"]]
    assert turns == ["user", "assistant", "user"]
    assert json.loads(find(parts, "Three answers"))["succeeded"] == 3
    assert json.loads(find(parts, "Which model"))["recommended_model"] == "opus"
    assert json.loads(find(parts, "What was used"))["requests"] >= 7
    assert json.loads(find(parts, "An error"))["error"]["code"] == "model_not_found"


def test_curl_uses_the_key_and_fails_without_one(keyed: Daemon) -> None:
    run(keyed, "curl.sh", key=keyed.new_key("shell"))
    assert "invalid_api_key" in run(keyed, "curl.sh", status=22).stdout


def test_the_key_is_on_no_command_line() -> None:
    """Each use of a key goes through curl's -K, whose argument is a pipe."""
    for name in ("curl.sh", "budgets.sh"):
        for line in (REPO / "examples" / name).read_text().splitlines():
            if "Bearer" in line:
                assert "printf" in line, line


def projects(d: Daemon) -> Any:
    return [row["name"] for row in d.ctl("projects", "list")["projects"] if row["name"].startswith("example-")]


def test_budgets_refuse_and_are_cleaned_up(daemon: Daemon, upstream: Stub) -> None:
    parts = sections(run(daemon, "budgets.sh").stdout)
    refusal = json.loads(find(parts, "held before"))["error"]
    assert refusal["code"] == "insufficient_quota" and "lower max_tokens" in refusal["message"]
    web, lab = (json.loads(line)["budget"] for line in find(parts, "its client sees").splitlines())
    assert (web["limit_tokens"], web["limit_usd"], lab["limit_tokens"]) == (2000000, 5, 600)
    assert 0 < lab["used_tokens"] < 600 and lab["remaining_tokens"] == 600 - lab["used_tokens"]
    assert "echo: Write a long report." in find(parts, "More for the lab")
    assert find(parts, "Cleaning up").count("deleted") == 2
    assert projects(daemon) == []


def test_budgets_are_cleaned_up_after_an_interrupt(daemon: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "Say hello", "delay_ms": 60000})
    p = start(daemon, "budgets.sh", start_new_session=True)
    wait_for(lambda: upstream.count() == 1, "the first question")
    os.killpg(p.pid, signal.SIGINT)  # as Ctrl-C does
    out, err = p.communicate(timeout=60)
    assert p.returncode != 0 and "deleted" in out, out + err
    assert projects(daemon) == []
