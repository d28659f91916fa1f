"""What the tests of the control socket share: control_probe as the daemon, peers of any user, ccapictl.

Runs control_probe and ccapictl of CCAPI_BIN_DIR (default build/bin).  Nothing sleeps for a guessed time: waits have a
condition and a deadline."""
import contextlib
import grp
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CCAPI_BIN_DIR", REPO / "build" / "bin")).resolve()
DEADLINE = float(os.environ.get("CCAPI_TEST_DEADLINE", "20"))
WRAPPER = os.environ.get("CCAPI_TEST_WRAPPER", "").split()
NOBODY = 65534
# Sanitizers keep freed memory for a while: bounds then only catch what grows without end.
MEMORY_FACTOR = 20 if b"__asan_init" in (BIN / "control_probe").read_bytes() else 1

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_PERMITTED, NOT_FOUND, CONFLICT, REFUSED = -32001, -32002, -32003, -32004
TOO_MANY, TIMEOUT = -32006, -32007

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="peers of other users need root")

# Groups that every Debian has, for who may connect, operate and administer.
GROUP, OPERATORS, ADMINS = "users", "operator", "adm"


def gid(name):
    return grp.getgrnam(name).gr_gid


def wait_for(condition, what, timeout=DEADLINE):
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, f"timed out waiting for {what}"
        time.sleep(0.005)
    return value


class Refused(Exception):
    def __init__(self, error):
        super().__init__(error)
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data") or {}


class Peer:
    """One connection, lines in and out."""

    def __init__(self, path, rcvbuf=None):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if rcvbuf:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.s.connect(str(path))  # blocking: with a timeout a full backlog would be an error
        self.s.settimeout(DEADLINE)
        self.rest = b""
        self.id = 0

    def line(self):
        """The next line as JSON; None at the end."""
        while b"\n" not in self.rest:
            try:
                piece = self.s.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                assert self.rest == b"", self.rest
                return None
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def lines(self):
        """Everything until the other side closes."""
        found = []
        while (line := self.line()) is not None:
            found.append(line)
        return found

    def send(self, data):
        self.s.sendall(data)

    def ask(self, method, **params):
        """Sends a request; its id."""
        self.id += 1
        self.send(json.dumps({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}).encode() + b"\n")
        return self.id

    def call(self, method, **params):
        wanted = self.ask(method, **params)
        while True:
            answer = self.line()
            assert answer is not None, "closed"
            if answer.get("id") == wanted:
                break
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def close(self):
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@contextlib.contextmanager
def acting_as(uid, gid_, groups=()):
    """What the kernel will tell of sockets that are connected meanwhile."""
    before = os.getgroups()
    os.setgroups(list(groups))
    os.setegid(gid_)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


class Probe:
    def __init__(self, *options, limits=None, root=None, groups=False, env=None):
        self.root = Path(root or tempfile.mkdtemp(prefix="ccapi-control-"))
        os.chmod(self.root, 0o755)
        self.path = self.root / "run" / "c.sock"
        given = [f"state_dir={self.root}/state", f"control.socket={self.path}", "log.level=debug"]
        if groups:
            given += [f"control.group={GROUP}", f"control.operator_group={OPERATORS}", f"control.admin_group={ADMINS}"]
        argv = [*WRAPPER, str(BIN / "control_probe")]
        for option in [*given, *options]:
            argv += ["-o", option]
        for name, value in {"sweep_ms": 20, **(limits or {})}.items():
            argv += ["--limit", f"{name}={value}"]
        self.log_file = open(self.root / "log", "a+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=self.log_file, text=True,
                                        env={**os.environ, **(env or {})})
        self.said = self.process.stdout.readline().strip()

    def ready(self):
        assert self.said == "ready", f"{self.said}\n{self.log()}"
        return self

    def peer(self, hello=True, **kw):
        p = Peer(self.path, **kw)
        if hello:
            p.hello = p.line()
            assert p.hello["method"] == "hello", p.hello
        return p

    def call(self, method, **params):
        with self.peer() as p:
            return p.call(method, **params)

    def has_room(self):
        """Whether one more connection is served."""
        with self.peer(hello=False) as p:
            return p.line().get("method") == "hello"

    def connections(self):
        """How many there are, this one counted; None when there is no place to ask from."""
        with self.peer(hello=False) as p:
            return p.call("status")["control_connections"] if p.line().get("method") == "hello" else None

    def ctl(self, *words, check=0, env=None, prefix=(), **kw):
        r = subprocess.run([*prefix, str(BIN / "ccapictl"), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           timeout=DEADLINE, env={"PATH": os.environ["PATH"], "CCAPI_SOCKET": str(self.path), **(env or {})}, **kw)
        assert check is None or r.returncode == check, f"{words}: {r.returncode}\n{r.stdout}\n{r.stderr}"
        return r

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def signal(self, number):
        self.process.send_signal(number)

    def log(self):
        with open(self.root / "log", encoding="utf-8", errors="replace") as f:
            return f.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=DEADLINE)
        self.process.stdout.close()
        self.log_file.close()
        log = self.log()
        shutil.rmtree(self.root, ignore_errors=True)
        assert self.process.returncode == 0, log
        assert "ERROR" not in log and "runtime error" not in log, log


@pytest.fixture
def probe(request):
    p = Probe(**getattr(request, "param", {})).ready()
    yield p
    p.stop()


def with_probe(**kw):
    return pytest.mark.parametrize("probe", [kw], indirect=True)


def verb_rights():
    """Method to right, from the generated page of verbs."""
    text = (REPO / "docs" / "control-verbs.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^## (\S+)\n\n[^\n]*Right: (\w+)\.$", text, re.M))
    assert len(found) > 25
    return found
