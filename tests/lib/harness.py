"""Runs the real programs for the system tests: ccapid on a free port with fresh state, over claude-sim or the real CLI, and
the stub of the Messages API upstream.

    with Daemon(cli="sim") as d:
        r = d.chat("hello")
        assert r.status == 200

Everything waits on conditions with deadlines; nothing sleeps for luck.  When a test fails the daemon's log is shown.
Environment: CCAPI_BIN_DIR (default <repo>/build/bin), CCAPI_REAL_CLI (needed for cli="real"), CCAPI_VALGRIND=1 (runs ccapid
under valgrind, which makes it slow: deadlines grow), CCAPI_LONG=1 (the long forms of some tests).
"""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

if TYPE_CHECKING:
    from ws_client import WebSocket

REPO = Path(__file__).resolve().parents[2]
BIN_DIR = Path(os.environ.get("CCAPI_BIN_DIR", REPO / "build" / "bin")).resolve()
VALGRIND = os.environ.get("CCAPI_VALGRIND") == "1"
LONG = os.environ.get("CCAPI_LONG") == "1"
SLOWNESS = 8 if VALGRIND else 4 if "ASAN_OPTIONS" in os.environ else 1


def real_cli() -> str:
    """Path of the pinned CLI; a missing one is an error, not a skip."""
    path = os.environ.get("CCAPI_REAL_CLI") or str(
        REPO / "tests/node_modules/@anthropic-ai/claude-code-linux-x64/claude"
    )
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"no real CLI at {path}: run `make deps`, or set CCAPI_REAL_CLI")
    return str(Path(path).resolve())


def wait_for(condition: Callable[[], Any], what: Any, timeout: float = 10.0) -> Any:
    """Polls until the condition is true and returns its value; `what` is the text of the failure or makes it."""
    end = time.monotonic() + timeout * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out waiting for {what() if callable(what) else what}")
        time.sleep(0.005)


@dataclass
class Response:
    status: int
    headers: Dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The answer of a chat completion."""
        return self.json["choices"][0]["message"]["content"]

    @property
    def error(self) -> Dict[str, Any]:
        return self.json["error"]


@dataclass
class Stream:
    """A streamed chat completion, read to its end."""

    status: int
    headers: Dict[str, str]
    frames: List[Dict[str, Any]] = field(default_factory=list)
    done: bool = False
    pings: int = 0
    body: bytes = b""

    @property
    def text(self) -> str:
        return "".join(
            c["delta"].get("content", "") for f in self.frames for c in f.get("choices", []) if "delta" in c
        )

    @property
    def finish_reason(self) -> Optional[str]:
        for f in self.frames:
            for c in f.get("choices", []):
                if c.get("finish_reason"):
                    return c["finish_reason"]
        return None

    @property
    def error(self) -> Optional[Dict[str, Any]]:
        for f in self.frames:
            if "error" in f:
                return f["error"]
        return json.loads(self.body)["error"] if self.status != 200 else None


class _Process:
    """A child whose output is collected by a thread.  Who looks at the lines takes what is in the pipe first, so that they
    hold all that the child has written until then, however late the thread runs."""

    def __init__(
        self, argv: Sequence[str], env: Dict[str, str], stream: str, cwd: Optional[str] = None, pass_fds: Sequence[int] = ()
    ) -> None:
        self._lines: List[str] = []
        self._part = b""
        self._lock = threading.Lock()
        self.proc = subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            pass_fds=pass_fds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if stream == "stdout" else subprocess.DEVNULL,
            stderr=subprocess.PIPE if stream == "stderr" else subprocess.DEVNULL,
            bufsize=0,
        )
        self._pipe: Any = self.proc.stdout if stream == "stdout" else self.proc.stderr
        os.set_blocking(self._pipe.fileno(), False)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while self._take():
            select.select([self._pipe], [], [])

    def _take(self) -> bool:
        """Takes what is in the pipe; False at its end."""
        with self._lock:
            while data := self._pipe.read(1 << 16):
                *whole, self._part = (self._part + data).split(b"\n")
                self._lines += [line.decode(errors="replace") for line in whole]
            return data is None

    @property
    def lines(self) -> List[str]:
        """What the child has written by now, line by line."""
        self._take()
        return list(self._lines)

    def find(self, pattern: str) -> Optional["re.Match[str]"]:
        return next(filter(None, (re.search(pattern, line) for line in self.lines)), None)

    def wait_line(self, pattern: str, timeout: float = 15.0) -> "re.Match[str]":
        def look() -> Any:
            m = self.find(pattern)
            if not m and self.proc.poll() is not None:
                m = self.find(pattern)
                if not m:
                    raise AssertionError(f"process ended ({self.proc.returncode}) before {pattern!r}:\n" + self.tail())
            return m

        return wait_for(look, lambda: f"{pattern!r} in:\n{self.tail()}", timeout)

    def tail(self, n: int = 60) -> str:
        return "\n".join(self.lines[-n:])


class Stub:
    """tests/lib/upstream_stub.mjs, a Messages API that answers at once and remembers what it was asked."""

    def __init__(self) -> None:
        node = shutil.which("node") or "node"
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
        self._p = _Process([node, str(REPO / "tests/lib/upstream_stub.mjs"), "--port", "0"], env, "stdout")
        self.port = int(self._p.wait_line(r"listening on 127\.0\.0\.1:(\d+)").group(1))
        self.url = f"http://127.0.0.1:{self.port}"

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            c.request(method, path, json.dumps(body) if body is not None else None)
            data = c.getresponse().read()
            return json.loads(data) if data else None
        finally:
            c.close()

    def script(self, *rules: Dict[str, Any]) -> None:
        self._call("PUT", "/_stub/script", {"rules": list(rules)})

    def reset(self) -> None:
        self._call("DELETE", "/_stub/requests")

    def requests(self) -> List[Dict[str, Any]]:
        got = self._call("GET", "/_stub/requests")
        rows = got["requests"] if isinstance(got, dict) else got
        return [r for r in rows if r["url"].startswith("/v1/messages")]

    def bodies(self) -> List[Dict[str, Any]]:
        return [r["body"] for r in self.requests()]

    def count(self) -> int:
        return int(self._call("GET", "/_stub/count")["messages"])

    def stop(self) -> None:
        self._p.proc.kill()
        self._p.proc.wait()

    def __enter__(self) -> "Stub":
        return self

    def __exit__(self, *exc: Any) -> None:
        self.stop()


def processes() -> List[Tuple[int, int, str, str]]:
    """(pid, parent, state, command line) of every process."""
    rows = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
            cmd = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        rest = stat[stat.rindex(")") + 2 :].split()
        rows.append((int(entry), int(rest[1]), rest[0], cmd))
    return rows


class Daemon:
    """ccapid with fresh state.  Options are -o settings; `faults` is CLAUDE_SIM_FAULTS; `prefix` is a command that execs
    what follows it (prlimit, sh -c 'exec "$@"' sh)."""

    def __init__(
        self,
        cli: str = "sim",
        upstream: Optional[Stub] = None,
        options: Optional[Dict[str, Any]] = None,
        faults: Optional[str] = None,
        args: Sequence[str] = (),
        env: Optional[Dict[str, str]] = None,
        state: Optional[str] = None,
        ready: bool = True,
        cli_path: Optional[str] = None,
        prefix: Sequence[str] = (),
        pass_fds: Sequence[int] = (),
        keep: bool = False,
    ) -> None:
        self.keep = keep  # the state stays when the daemon has ended: the caller removes root
        self.root = tempfile.mkdtemp(prefix="ccapi-test-")
        self.state = state or os.path.join(self.root, "state")
        self.socket = os.path.join(self.root, "control.sock")
        path = cli_path or (real_cli() if cli == "real" else str(BIN_DIR / "claude-sim"))
        opts: Dict[str, Any] = {
            "listen": "127.0.0.1:0",
            "state_dir": self.state,
            "control.socket": self.socket,
            "auth.required": False,
            "cache.enabled": False,  # most tests ask the same thing more than once
            "claude.path": path,
            "pool.workers": 2,
            "pool.spares": 1,
            "log.level": "debug",
        }
        if cli == "real" and upstream is None:
            raise ValueError("the real CLI is only run with a stub upstream")
        if upstream is not None:
            opts["claude.env.ANTHROPIC_BASE_URL"] = upstream.url
            opts["claude.env.ANTHROPIC_API_KEY"] = "test-key"
        if faults:
            opts["claude.env.CLAUDE_SIM_FAULTS"] = faults
        opts.update(options or {})
        self._quiet_port = 0
        if opts["log.level"] in ("error", "warn"):  # such a log does not tell the port
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._quiet_port = probe.getsockname()[1]
            opts["listen"] = f"127.0.0.1:{self._quiet_port}"
        argv = [str(BIN_DIR / "ccapid")]
        if VALGRIND:
            argv = [
                "valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite",
                "--child-silent-after-fork=yes", f"--log-file={self.root}/valgrind.%p",
            ] + argv  # fmt: skip
        for key, value in opts.items():
            if value is None:  # not even the harness's own
                continue
            for one in value if isinstance(value, (list, tuple)) else [value]:
                text = str(one).lower() if isinstance(one, bool) else str(one)
                argv += ["-o", f"{key}={text}"]
        environ = {"HOME": self.root, "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": self.root}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                environ[name] = os.environ[name]
        environ.update(env or {})
        self._p = _Process(list(prefix) + argv + list(args), environ, "stderr", pass_fds=pass_fds)
        self.pid = self._p.proc.pid
        self.exit_status: Optional[int] = None
        self.port = 0
        if ready:
            try:
                self.wait_listening()
                self.wait_ready()
            except BaseException:
                self.kill()
                shutil.rmtree(self.root, ignore_errors=True)
                raise

    # -- life

    def wait_listening(self) -> int:
        if self._quiet_port:
            self.port = self._quiet_port
            wait_for(self._accepts, "the port to be open")
        else:
            self.port = int(self.wait_log(r"listening on \S+:(\d+)").group(1))
        return self.port

    def _accepts(self) -> bool:
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def wait_ready(self, timeout: float = 30.0) -> None:
        wait_for(lambda: self.request("GET", "/ready").status == 200, lambda: "ready; log:\n" + self._p.tail(), timeout)

    def wait_log(self, pattern: str, timeout: float = 15.0) -> "re.Match[str]":
        return self._p.wait_line(pattern, timeout)

    def log_lines(self, pattern: str = "") -> List[str]:
        return [line for line in self._p.lines if re.search(pattern, line)]

    def signal(self, signum: int) -> None:
        os.kill(self.pid, signum)

    def wait_exit(self, timeout: float = 20.0) -> int:
        self.exit_status = wait_for(lambda: (self._p.proc.poll() is not None) and (self._p.proc.returncode or 0, True),
                                    "ccapid to end; log:\n" + self._p.tail(), timeout)[0]  # fmt: skip
        return self.exit_status

    def stop(self) -> int:
        """SIGTERM and wait; a sanitizer's or valgrind's finding makes the exit status non-zero."""
        if self._p.proc.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait_exit()

    def kill(self) -> None:
        """Power cut."""
        self._p.proc.kill()
        self._p.proc.wait()
        self.exit_status = -9

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        try:
            if self._p.proc.poll() is None:
                try:
                    self.stop()
                except AssertionError:
                    self.kill()
                    if kind is None:
                        raise
            if kind is not None:
                print(f"---- log of ccapid {self.pid} ----\n{self._p.tail(200)}\n----")
            elif self.exit_status not in (0, -9):
                raise AssertionError(f"ccapid ended with {self.exit_status}:\n{self._p.tail()}\n{self._valgrind()}")
            elif self.log_lines(r" daemon: bug: "):
                raise AssertionError(f"ccapid found a bug in itself:\n{self._p.tail()}")
        finally:
            if not self.keep:
                shutil.rmtree(self.root, ignore_errors=True)

    def _valgrind(self) -> str:
        return "\n".join(p.read_text()[-4000:] for p in Path(self.root).glob("valgrind.*"))

    # -- the operator

    def ctl_run(self, *args: str, uid: Optional[int] = None) -> "subprocess.CompletedProcess[str]":
        """ccapictl on this daemon's socket, as it is."""
        argv = [str(BIN_DIR / "ccapictl"), "--socket", self.socket, *args]
        if uid is not None:
            argv = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *argv]
        env = {"PATH": "/usr/bin:/bin", **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
        return subprocess.run(argv, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=60 * SLOWNESS)  # fmt: skip

    def ctl(self, *args: str) -> Any:
        """ccapictl --json that has to succeed; its result."""
        p = self.ctl_run("--json", *args)
        assert p.returncode == 0, f"ccapictl {' '.join(args)}: {p.returncode}\n{p.stdout}{p.stderr}"
        return json.loads(p.stdout) if p.stdout.strip() else None

    def new_key(self, project: str, *args: str) -> str:
        """A key of the project, which is made if it does not exist; the secret."""
        if project not in [row["name"] for row in self.ctl("projects", "list")["projects"]]:
            self.ctl("projects", "create", project)
        return str(self.ctl("keys", "create", "--project", project, *args)["key"])

    # -- what it holds

    def workers(self) -> List[int]:
        """Pids of the worker processes (zombies included)."""
        return [pid for pid, parent, _, _ in processes() if parent == self.pid]

    def worker_pid(self, index: int = 0) -> int:
        return sorted(self.workers())[index]

    def fds(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def rss_kb(self, pid: Optional[int] = None) -> int:
        text = Path(f"/proc/{pid or self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))  # type: ignore[union-attr]

    # -- requests

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Optional[Dict[str, str]] = None,
        timeout: float = 60.0,
    ) -> Response:
        """One request on a connection of its own; a dict or list body is sent as JSON."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout * SLOWNESS)
        try:
            hdrs = dict(headers or {})
            if isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
                hdrs.setdefault("Content-Type", "application/json")
            c.request(method, path, body, hdrs)
            r = c.getresponse()
            return Response(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())
        finally:
            c.close()

    def chat(self, prompt: Any = "hello", headers: Optional[Dict[str, str]] = None, **params: Any) -> Response:
        return self.request("POST", "/v1/chat/completions", chat_body(prompt, **params), headers)

    def stream(self, prompt: Any = "hello", headers: Optional[Dict[str, str]] = None, **params: Any) -> Stream:
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60 * SLOWNESS)
        try:
            hdrs = {"Content-Type": "application/json", **(headers or {})}
            c.request("POST", "/v1/chat/completions", json.dumps(chat_body(prompt, stream=True, **params)), hdrs)
            r = c.getresponse()
            s = Stream(r.status, {k.lower(): v for k, v in r.getheaders()})
            if r.status != 200:
                s.body = r.read()
                return s
            for kind, data in sse_frames(r):
                if kind == "ping":
                    s.pings += 1
                elif data == "[DONE]":
                    s.done = True
                else:
                    s.frames.append(json.loads(data))
            return s
        finally:
            c.close()

    def open_stream(self, prompt: Any = "hello", rcvbuf: int = 0, **params: Any) -> socket.socket:
        """Sends a streamed request and hands out the socket unread."""
        return self.send_raw(chat_request(chat_body(prompt, stream=True, **params)), rcvbuf)

    def websocket(self, headers: Optional[Dict[str, str]] = None, path: str = "/v1/stream", **options: Any) -> "WebSocket":
        """An open WebSocket; options are those of websockets.connect."""
        from ws_client import WebSocket  # most tests do without the package

        return WebSocket(f"ws://127.0.0.1:{self.port}{path}", headers, 30 * SLOWNESS, **options)

    def send_raw(self, data: bytes, rcvbuf: int = 0) -> socket.socket:
        s = socket.socket()
        if rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        s.settimeout(30 * SLOWNESS)
        s.connect(("127.0.0.1", self.port))
        s.sendall(data)
        return s


def bearer(key: str, **headers: str) -> Dict[str, str]:
    return {"Authorization": f"Bearer {key}", **headers}


def chat_body(prompt: Any = "hello", **params: Any) -> Dict[str, Any]:
    messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    return {"model": "haiku", "messages": messages, **params}


def chat_request(body: Dict[str, Any], headers: Optional[Dict[str, str]] = None) -> bytes:
    """A chat request as bytes for a raw socket."""
    data = json.dumps(body).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        + f"Content-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def sse_frames(r: Any) -> Iterator[Tuple[str, str]]:
    """("data"|"ping", text) for every frame of an event stream."""
    for raw in r:
        line = raw.decode().rstrip("\n").rstrip("\r")
        if line.startswith("data: "):
            yield "data", line[6:]
        elif line.startswith(": ping"):
            yield "ping", ""
        elif line:
            raise AssertionError(f"unexpected line in the stream: {line!r}")


def in_parallel(count: int, work: Callable[[int], Any]) -> List[Any]:
    """Runs work(0..count-1) in threads; an exception is raised after all have ended."""
    results: List[Any] = [None] * count
    errors: List[BaseException] = []

    def run(i: int) -> None:
        try:
            results[i] = work(i)
        except BaseException as e:  # noqa: BLE001 - handed to the caller below
            errors.append(e)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return results
