"""A control connection that asks and listens: JSON-RPC by lines, answers by id, notifications in their order."""

import json
import socket
import time
from typing import Any, Callable, Dict, List, Optional

from tests.lib.harness import SLOWNESS


class RpcError(Exception):
    def __init__(self, error: Dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code = error["code"]
        self.field = (error.get("data") or {}).get("field")
        self.hint = (error.get("data") or {}).get("hint", "")


class ControlFeed:
    def __init__(self, path: str, receive_buffer: Optional[int] = None) -> None:
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if receive_buffer:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.s.settimeout(60 * SLOWNESS)
        self.s.connect(path)
        self.rest = b""
        self.notes: List[Dict[str, Any]] = []  # notifications that came, in their order
        self.id = 0
        self.hello = self.read()["params"]

    def read(self) -> Dict[str, Any]:
        """The next line; EOFError when the daemon has closed."""
        while b"\n" not in self.rest:
            more = self.s.recv(1 << 16)
            if not more:
                raise EOFError
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        message: Dict[str, Any] = json.loads(line)
        return message

    def send(self, method: str, **params: Any) -> int:
        self.id += 1
        request = {"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}
        self.s.sendall(json.dumps(request).encode() + b"\n")
        return self.id

    def answer(self, id: int) -> Any:
        while True:
            message = self.read()
            if message.get("id") == id:
                if "error" in message:
                    raise RpcError(message["error"])
                return message["result"]
            self.notes.append(message)

    def ask(self, method: str, **params: Any) -> Any:
        return self.answer(self.send(method, **params))

    def next(self) -> Dict[str, Any]:
        """The next notification."""
        return self.notes.pop(0) if self.notes else self.read()

    def until(self, wanted: Callable[[Dict[str, Any]], bool], timeout: float = 30) -> Dict[str, Any]:
        """The first notification that is wanted; what comes before it is passed over."""
        end = time.monotonic() + timeout * SLOWNESS
        while time.monotonic() < end:
            note = self.next()
            if wanted(note):
                return note
        raise AssertionError("the notification did not come")

    def event(self, topic: str, wanted: Callable[[Dict[str, Any]], bool] = lambda data: True, timeout: float = 30) -> Any:
        """The data of the first event of the topic that is wanted."""
        note = self.until(
            lambda n: n["method"] == "event" and n["params"]["topic"] == topic and wanted(n["params"]["data"]), timeout
        )
        return note["params"]["data"]

    def close(self) -> None:
        self.s.close()

    def __enter__(self) -> "ControlFeed":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
