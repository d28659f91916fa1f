"""What the benchmarks share: raw `claude -p`, CPU and memory of process trees, an HTTP load tool, nginx as the yardstick."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from harness import Daemon, Stub, chat_body, processes, real_cli, wait_for  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Row:
    """One line of the table."""

    number: str
    what: str
    target: str
    measured: str
    met: Optional[bool]

    def markdown(self) -> str:
        verdict = {True: "yes", False: "**no**", None: "-"}[self.met]
        return f"| {self.number} | {self.what} | {self.target} | {self.measured} | {verdict} |"


def median(values: List[float]) -> float:
    return statistics.median(values)


def percentile(values: List[float], p: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p))]


# -- the rival: one process per request


class RawCli:
    """`claude -p PROMPT`, as every spawning wrapper runs it, with the same empty environment as our workers."""

    def __init__(self, upstream: Stub) -> None:
        self.home = tempfile.mkdtemp(prefix="ccapi-bench-")
        self.env = {
            "PATH": "/usr/bin:/bin", "HOME": self.home, "CLAUDE_CONFIG_DIR": self.home, "TMPDIR": self.home,
            "CLAUDE_CODE_TMPDIR": self.home, "ANTHROPIC_BASE_URL": upstream.url, "ANTHROPIC_API_KEY": "bench",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1",
        }  # fmt: skip
        self.base = [real_cli(), "-p", "hello there", "--model", "haiku", "--tools", "", "--strict-mcp-config",
                     "--setting-sources", "", "--no-session-persistence"]  # fmt: skip

    def once(self) -> float:
        """Seconds of one whole run."""
        t = time.monotonic()
        done = subprocess.run(self.base, env=self.env, cwd=self.home, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, check=True)  # fmt: skip
        assert b"hello" in done.stdout, done.stdout
        return time.monotonic() - t

    def first_token(self) -> float:
        """Seconds until the first text delta is printed."""
        argv = self.base + ["--output-format", "stream-json", "--verbose", "--include-partial-messages"]
        t = time.monotonic()
        with subprocess.Popen(argv, env=self.env, cwd=self.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as p:
            for line in p.stdout or []:
                if b"text_delta" in line:
                    took = time.monotonic() - t
                    break
            else:
                raise AssertionError("no text_delta")
            p.stdout.read()  # type: ignore[union-attr]
        return took

    def close(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)


def children_cpu() -> float:
    """CPU seconds of our reaped children."""
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    return r.ru_utime + r.ru_stime


# -- the daemon


def cpu_of(pid: int) -> float:
    """CPU seconds of one process so far."""
    rest = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(rest[11]) + int(rest[12])) / TICK


def cpu_of_tree(d: Daemon) -> float:
    return sum(cpu_of(pid) for pid in [d.pid] + d.workers())


def all_ready(d: Daemon, count: int) -> None:
    """Waits until so many worker processes have come to life."""
    wait_for(lambda: len(d.log_lines(r"starting -> ready")) >= count, f"{count} workers", 120)


def first_token_of_stream(d: Daemon) -> float:
    t = time.monotonic()
    s = d.send_raw(request_bytes({**chat_body("hello there"), "stream": True}))
    data = b""
    took = 0.0
    while b"[DONE]" not in data:
        got = s.recv(65536)
        assert got, data
        data += got
        if not took and b'"delta":{"content"' in data:
            took = time.monotonic() - t
    s.close()
    return took


def request_bytes(body: Dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    head = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n")  # fmt: skip
    return head.encode() + data


# -- load


@dataclass
class Load:
    rps: float
    p50_us: float
    p99_us: float
    errors: int


def wrk(url: str, connections: int, seconds: int, body: Optional[Dict[str, Any]] = None,
        headers: Optional[Dict[str, str]] = None, expect_errors: bool = False) -> Load:  # fmt: skip
    """One run of wrk with one thread."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if body is not None:
            script.write('wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n')
            script.write(f"wrk.body = {json.dumps(json.dumps(body))}\n")
        for name, value in (headers or {}).items():
            script.write(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}\n")
        script.flush()
        argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script.name, url]
        out = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout
    units = {"us": 1.0, "ms": 1e3, "s": 1e6}

    def lat(p: str) -> float:
        m = re.search(rf"^\s*{p}%\s+([\d.]+)(us|ms|s)", out, re.M)
        assert m, out
        return float(m.group(1)) * units[m.group(2)]

    errors = sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", out))
    errors = 0 if expect_errors else errors
    errors += sum(int(n) for n in re.findall(r"(?:connect|read|write|timeout) (\d+)", out))
    m = re.search(r"Requests/sec:\s+([\d.]+)", out)
    assert m, out
    return Load(float(m.group(1)), lat("50"), lat("99"), errors)


class Nginx:
    """nginx answering `return 200` from one process: what a plain HTTP answer costs on this machine."""

    def __init__(self) -> None:
        self.dir = tempfile.mkdtemp(prefix="ccapi-nginx-")
        self.port = free_port()
        conf = f"""
            daemon off; master_process off; pid {self.dir}/pid; error_log {self.dir}/error.log;
            events {{ worker_connections 1024; }}
            http {{ access_log off; keepalive_requests 100000000;
                client_body_temp_path {self.dir}/b; proxy_temp_path {self.dir}/p; fastcgi_temp_path {self.dir}/f;
                uwsgi_temp_path {self.dir}/u; scgi_temp_path {self.dir}/s;
                server {{ listen 127.0.0.1:{self.port};
                          location / {{ default_type application/json; return 200 '{{"status":"ok"}}'; }} }} }}
        """
        Path(self.dir, "nginx.conf").write_text(conf)
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.proc = subprocess.Popen([nginx, "-p", self.dir, "-c", f"{self.dir}/nginx.conf"])
        self.url = f"http://127.0.0.1:{self.port}/"
        wait_for(self._answers, "nginx", 10)

    def _answers(self) -> bool:
        import urllib.request

        try:
            return urllib.request.urlopen(self.url, timeout=2).status == 200
        except OSError:
            return False

    def close(self) -> None:
        self.proc.terminate()
        self.proc.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def free_port() -> int:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def sim_direct(sim: Path, requests: int) -> Tuple[float, float]:
    """p50 and p99 in microseconds of claude-sim driven with nothing in between."""
    out = subprocess.run([str(sim.parent / "sim-direct"), str(sim), str(requests)], stdout=subprocess.PIPE, text=True,
                         check=True).stdout  # fmt: skip
    p50, p99 = out.split()
    return float(p50), float(p99)


__all__ = [name for name in dir() if not name.startswith("_")]
_ = processes  # re-exported for run.py
