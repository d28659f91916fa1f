"""Drives one CLI worker (the real Claude Code CLI or claude-sim) over stdin and stdout, and the Messages API stub.

Nothing here sleeps: every wait is for a line, with a deadline.  Workers get an empty environment, their own directories
and a dummy key; nothing of the invoking user's configuration or credentials reaches them.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any, Callable

REPO = Path(__file__).resolve().parents[2]
DEADLINE = 20.0

ARGV = [
    "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose",
    "--include-partial-messages", "--no-session-persistence", "--model", "haiku", "--tools", "",
    "--strict-mcp-config", "--setting-sources", "", "--restricted", "--disable-slash-commands",
    "--permission-prompts", "none", "--max-turns", "1",
]

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "CLAUDE_CODE_MAX_RETRIES": "0",
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK": "1",
    "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1",
    "DISABLE_AUTO_COMPACT": "1",
    "API_TIMEOUT_MS": "15000",
    "CLAUDE_CODE_STARTUP_FAILURE_RESULTS": "1",
}

API_KEY = {"ANTHROPIC_API_KEY": "dummy"}
SUBSCRIPTION = {"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-dummy"}

Line = dict[str, Any]
Predicate = Callable[[Line], bool]


def new_uuid() -> str:
    return str(uuid.uuid4())


def sim_path() -> str:
    """claude-sim, from CCAPI_BIN_DIR or the default build directory."""
    path = Path(os.environ.get("CCAPI_BIN_DIR", REPO / "build" / "bin")) / "claude-sim"
    assert path.exists(), f"{path} is missing: build claude-sim or set CCAPI_BIN_DIR"
    return str(path)


def real_path() -> str:
    """The real CLI, which must be named: a test that silently skipped it would prove nothing."""
    path = os.environ.get("CCAPI_REAL_CLI")
    assert path, "CCAPI_REAL_CLI is not set: it must name the real `claude` executable"
    assert os.access(path, os.X_OK), f"CCAPI_REAL_CLI={path} is not executable"
    return path


class LineReader:
    """Reads a pipe in a thread; get() waits for the next line."""

    def __init__(self, stream: Any) -> None:
        self.lines: queue.Queue[bytes | None] = queue.Queue()
        self.thread = threading.Thread(target=self._pump, args=(stream,), daemon=True)
        self.thread.start()

    def _pump(self, stream: Any) -> None:
        for line in stream:
            self.lines.put(line)
        self.lines.put(None)

    def get(self, deadline: float) -> bytes | None:
        """The next line, None at the end of the stream."""
        try:
            return self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise TimeoutError("no line before the deadline") from None


class Stub:
    """tests/lib/upstream_stub.mjs on a free port."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("upstream_stub.mjs")
        self.process = subprocess.Popen(["node", str(script)], stdout=subprocess.PIPE)
        line = LineReader(self.process.stdout).get(time.monotonic() + DEADLINE)
        assert line, "the stub did not start"
        self.port = int(line.rsplit(b":", 1)[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, data=data)
        with urllib.request.urlopen(request, timeout=DEADLINE) as reply:
            return json.loads(reply.read())

    def script(self, *rules: dict[str, Any]) -> None:
        self._ask("PUT", "/_stub/script", {"rules": list(rules)})

    def reset(self) -> None:
        self._ask("DELETE", "/_stub/requests")

    def requests(self) -> list[dict[str, Any]]:
        return [r for r in self._ask("GET", "/_stub/requests") if r["method"] == "POST"]

    def bodies(self) -> list[dict[str, Any]]:
        return [r["body"] for r in self.requests()]

    def messages(self) -> int:
        return self._ask("GET", "/_stub/count")["messages"]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(DEADLINE)


class Worker:
    """One CLI process."""

    def __init__(self, exe: str, directory: Path, base_url: str | None = None,
                 env: dict[str, str] | None = None, argv: list[str] | None = None) -> None:
        for name in ("home", "config", "tmp", "empty"):
            (directory / name).mkdir(parents=True)
        self.cwd = directory / "empty"
        environment = dict(ENVIRONMENT, HOME=str(directory / "home"), CLAUDE_CONFIG_DIR=str(directory / "config"),
                           CLAUDE_CODE_TMPDIR=str(directory / "tmp"))
        if base_url:
            environment["ANTHROPIC_BASE_URL"] = base_url
        environment.update(API_KEY if env is None else env)
        self.process = subprocess.Popen([exe, *(argv or ARGV)], env=environment, cwd=self.cwd,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out = LineReader(self.process.stdout)
        self.err = LineReader(self.process.stderr)
        self.log: list[Line] = []

    # --- lines ---

    def write(self, *lines: Line | str) -> None:
        """All lines in one write."""
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        assert self.process.stdin
        self.process.stdin.write("".join(text + "\n" for text in texts).encode())
        self.process.stdin.flush()

    def line(self, deadline: float | None = None) -> Line | None:
        raw = self.out.get(deadline or time.monotonic() + DEADLINE)
        if raw is None:
            return None
        value: Line = json.loads(raw)
        self.log.append(value)
        return value

    def until(self, wanted: Predicate, timeout: float = DEADLINE) -> list[Line]:
        """The lines up to and including the first wanted one."""
        deadline = time.monotonic() + timeout
        lines: list[Line] = []
        while True:
            line = self.line(deadline)
            assert line is not None, f"the worker ended; its last lines: {self.log[-3:]}"
            lines.append(line)
            if wanted(line):
                return lines

    def rest(self) -> list[Line]:
        """All lines until stdout closes."""
        deadline = time.monotonic() + DEADLINE
        lines: list[Line] = []
        while (line := self.line(deadline)) is not None:
            lines.append(line)
        return lines

    def output(self) -> bytes:
        """All of stdout, for commands that print no lines of the protocol."""
        deadline = time.monotonic() + DEADLINE
        parts = []
        while (raw := self.out.get(deadline)) is not None:
            parts.append(raw)
        return b"".join(parts)

    # --- requests ---

    @staticmethod
    def control(subtype: str, **fields: Any) -> Line:
        return {"type": "control_request", "request_id": new_uuid(), "request": {"subtype": subtype, **fields}}

    @staticmethod
    def user(text: Any, message_uuid: str | None = None, **fields: Any) -> Line:
        return {"type": "user", "uuid": message_uuid or new_uuid(), "client_composed": True,
                "message": {"role": "user", "content": text}, "parent_tool_use_id": None, "session_id": "", **fields}

    @staticmethod
    def assistant(text: str) -> Line:
        return {"type": "assistant", "message": {"role": "assistant", "content": [{"type": "text", "text": text}]},
                "parent_tool_use_id": None, "session_id": ""}

    def reply(self, request: Line) -> Line:
        """Waits for the reply to a control request that was written."""
        return self.until(lambda line: replies_to(line, request))[-1]["response"]

    def ask(self, subtype: str, **fields: Any) -> Line:
        request = self.control(subtype, **fields)
        self.write(request)
        return self.reply(request)

    def initialize(self) -> Line:
        return self.ask("initialize", systemPrompt=["You are a helpful assistant."], systemPromptSnapshot=False)

    def set_env(self, **env: str | None) -> None:
        assert self.ask("apply_flag_settings", settings={"env": env})["subtype"] == "success"

    def turn(self, text: Any, **fields: Any) -> tuple[str, list[Line]]:
        """One user line and everything up to the end of its turn."""
        line = self.user(text, **fields)
        self.write(line)
        return line["uuid"], self.until(turn_ended)

    def rewind(self, first: str, last: str | None = None) -> Line:
        return self.ask("rewind_conversation", target_message_uuid=first,
                        last_seen_user_message_uuid=last or first)["response"]

    # --- end ---

    def close(self) -> tuple[int, str]:
        """Closes stdin and waits: exit status and stderr."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.wait()

    def wait(self) -> tuple[int, str]:
        self.rest()
        status = self.process.wait(DEADLINE)
        deadline = time.monotonic() + DEADLINE
        errors = b""
        while (line := self.err.get(deadline)) is not None:
            errors += line
        return status, errors.decode()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)


# --- what a line is ---


def replies_to(line: Line, request: Line) -> bool:
    return line["type"] == "control_response" and line["response"]["request_id"] == request["request_id"]


def turn_ended(line: Line) -> bool:
    return line["type"] == "command_lifecycle" and line["state"] in ("completed", "cancelled")


def is_event(line: Line, kind: str) -> bool:
    return line["type"] == "stream_event" and line["event"]["type"] == kind


def is_status(line: Line) -> bool:
    return line["type"] == "system" and line["subtype"] == "status"


def result_of(lines: list[Line]) -> Line:
    results = [line for line in lines if line["type"] == "result"]
    assert len(results) == 1, f"{len(results)} results in {names(lines)}"
    return results[0]


def text_of(lines: list[Line]) -> str:
    """The answer as streamed."""
    return "".join(line["event"]["delta"].get("text", "") for line in lines if is_event(line, "content_block_delta"))


def names(lines: list[Line]) -> list[str]:
    """Short names of lines, for comparing sequences."""
    return [name_of(line) for line in lines]


def name_of(line: Line) -> str:
    if line["type"] == "stream_event":
        return line["event"]["type"]
    if line["type"] == "command_lifecycle":
        return line["state"]
    return line.get("subtype", line["type"]) if line["type"] == "system" else line["type"]
