"""What the tests of ccapictl against a scripted server share."""
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from fake_control import DEADLINE, FakeControl, wait_for  # noqa: E402

BIN = Path(os.environ.get("CCAPI_BIN_DIR", Path(__file__).resolve().parents[2] / "build" / "bin")).resolve()
CTL = str(BIN / "ccapictl")
HOSTILE = "\x1b[2J\x1b]0;x\x07\r\n\x7f\u009b31m\u202egnp"


@pytest.fixture
def control():
    with FakeControl() as c:
        yield c


def environment(control=None, **more):
    """None takes a variable away."""
    env = {"PATH": os.environ["PATH"], **({"CCAPI_SOCKET": str(control.path)} if control else {}), **more}
    env.update({name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")})
    return {name: value for name, value in env.items() if value is not None}


def ctl(control, *words, check=0, given="", env=None, **kw):
    """Runs it to its end; `given` is its stdin, a pipe."""
    r = subprocess.run([CTL, *words], input=given, capture_output=True, text=True, timeout=DEADLINE,
                       env=environment(control, **(env or {})), **kw)
    assert check is None or r.returncode == check, f"{words}: {r.returncode}\n{r.stdout}\n{r.stderr}"
    assert "Sanitizer" not in r.stderr, r.stderr
    return r


class Running:
    """One that goes on; its output is read as it comes."""

    def __init__(self, control, *words, stdout=subprocess.PIPE, **kw):
        self.process = subprocess.Popen([CTL, *words], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                                        env=environment(control), **kw)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for f in (self.process.stdout, self.process.stderr):
            if f:
                f.close()

    def line(self):
        """The next line; it is there as soon as it was printed, whatever else comes."""
        while b"\n" not in self.rest:
            assert select.select([self.process.stdout], [], [], DEADLINE)[0], f"no line; have {self.rest}"
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, f"ended; {self.rest} {self.process.stderr.read()}"
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def interrupt(self, number=signal.SIGINT):
        self.process.send_signal(number)

    def end(self):
        """Waits for it: exit code (negative: by a signal), what is left of stdout, stderr."""
        out, err = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, (self.rest + (out or b"")).decode(), err.decode()


def clean(text):
    """Whether a terminal would take nothing in it for a command."""
    return not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


__all__ = ["BIN", "CTL", "DEADLINE", "HOSTILE", "FakeControl", "Running", "clean", "control", "ctl", "environment", "wait_for"]
