"""What the tests on the real CLI expect again and again."""

from __future__ import annotations

import datetime
import json
import os
import re
from typing import Any, Dict, List

from harness import Daemon, Response, Stub

OWNER = "owner@example.com"

# What the CLI says of the machine and its owner when it composes a conversation itself.
HOST_WORDS = (
    "# Environment", "Primary working directory", "Is a git repository", "OS Version", "Platform:", "Today's date",
    "CLAUDE.md", "userEmail", "email address", "system-reminder", OWNER,
)  # fmt: skip


def text(words: str) -> Dict[str, str]:
    return {"type": "text", "text": words}


def user(*blocks: Any) -> Dict[str, Any]:
    """A user message as it must arrive upstream."""
    return {"role": "user", "content": [text(b) if isinstance(b, str) else b for b in blocks]}


def assistant(*blocks: Any) -> Dict[str, Any]:
    return {**user(*blocks), "role": "assistant"}


def dump(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False)


def host_traces(daemon: Daemon) -> List[str]:
    """Strings that would tell the model about the machine."""
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [name for name in (os.uname().nodename,) if len(name) > 7]  # a short one may be part of any word
    return [
        daemon.state, daemon.root, os.path.dirname(daemon.state), os.uname().release, os.uname().version,
        now.strftime("%Y-%m-%d"), now.astimezone().strftime("%Y-%m-%d"), *names,
    ]  # fmt: skip


def assert_alone(body: Dict[str, Any], messages: List[Dict[str, Any]], daemon: Daemon, client_words: str = "") -> None:
    """The upstream body holds these messages, no tools, and nothing of the host.  client_words: text in which the client
    itself used words that are otherwise a sign of a leak."""
    assert body["messages"] == messages
    assert body["tools"] == []
    everything = dump(body)
    for trace in host_traces(daemon):
        assert trace not in everything, f"{trace!r} is in the upstream body"
    for words in HOST_WORDS:
        assert everything.count(words) == dump(messages).count(words), f"{words!r} is in the upstream body"
        assert words in client_words or words not in everything, f"{words!r} is in the upstream body"


def turns(body: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The conversation without what the CLI adds in replay mode: role system, and cache_control on blocks."""
    found = []
    for message in body["messages"]:
        if message["role"] == "system":
            continue
        content = message["content"]
        blocks = [text(content)] if isinstance(content, str) else content
        found.append({"role": message["role"],
                      "content": [{k: v for k, v in b.items() if k != "cache_control"} for b in blocks]})  # fmt: skip
    return found


def system_prompt(body: Dict[str, Any]) -> str:
    """The prompt behind the CLI's two introductory blocks."""
    assert len(body["system"]) == 3, body["system"]
    return body["system"][2]["text"]


def only_body(upstream: Stub) -> Dict[str, Any]:
    """The body of the one request that reached upstream."""
    bodies = upstream.bodies()
    assert len(bodies) == 1, f"{len(bodies)} requests reached upstream"
    return bodies[0]


def assert_error(r: Response, status: int, kind: str, code: Any, retry: bool) -> Dict[str, Any]:
    """One row of the table of errors; returns the error object."""
    assert r.status == status, r.body
    error = r.error
    assert (error["type"], error["code"]) == (kind, code)
    assert r.headers["content-type"] == "application/json"
    assert r.headers["x-request-id"] and r.headers["openai-processing-ms"]
    assert r.headers.get("x-should-retry") == (None if retry else "false")
    assert_discreet(error["message"])
    return error


def assert_discreet(message: str) -> None:
    """An error's words name no host, address, path, help page or CLI."""
    assert message and not re.search(r"://\w", message), message
    for trace in ("127.0.0.1", "localhost", "/home", "/tmp", "/var", "api.", "claude.", "ANTHROPIC_", "/login",
                  "ECONN", "gateway", "API Error"):  # fmt: skip
        assert trace not in message, f"{trace!r} is in the message: {message}"


def assert_serves(daemon: Daemon, upstream: Stub) -> None:
    """The next request works and nothing of earlier ones is in it."""
    upstream.reset()
    r = daemon.chat("still there?")
    assert (r.status, r.text) == (200, "echo: still there?"), r.body
    assert turns(only_body(upstream)) == [user("still there?")]
