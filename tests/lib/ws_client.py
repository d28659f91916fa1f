"""A WebSocket client for tests that are not asynchronous themselves: python3-websockets in an event loop of its own, which
runs while the test waits for something."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Callable, Dict, List, Optional

import websockets

Message = Dict[str, Any]


class WebSocket:
    """Everything that comes is kept in `got`, in order.  Refused upgrades are websockets.InvalidStatusCode."""

    def __init__(self, url: str, headers: Optional[Dict[str, str]], timeout: float, **options: Any) -> None:
        self.got: List[Message] = []
        self._timeout = timeout
        self._loop = asyncio.new_event_loop()
        options = {"ping_interval": None, "max_size": None, "close_timeout": timeout, **options}
        try:
            self._ws = self._run(self._open(url, extra_headers=headers, open_timeout=timeout, **options))
        except BaseException:
            self._loop.close()
            raise

    @staticmethod
    async def _open(url: str, **options: Any) -> Any:
        return await websockets.connect(url, **options)  # which has to be made in the loop

    def _run(self, awaitable: Any) -> Any:
        async def wait() -> Any:
            return await asyncio.wait_for(awaitable, self._timeout)

        return self._loop.run_until_complete(wait())

    @property
    def subprotocol(self) -> Optional[str]:
        return self._ws.subprotocol

    # -- speaking

    def send(self, data: Any) -> None:
        """A dict is sent as JSON; a string, or bytes as a binary message, as they are."""
        self._run(self._ws.send(json.dumps(data) if isinstance(data, dict) else data))

    def chat(self, id_: Optional[str], prompt: str, **params: Any) -> None:
        message = {"type": "chat", "model": "haiku", "messages": [{"role": "user", "content": prompt}], **params}
        self.send(message if id_ is None else {**message, "id": id_})

    # -- listening

    def next(self) -> Message:
        message = json.loads(self._run(self._ws.recv()))
        self.got.append(message)
        return dict(message)

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        while not wanted(m := self.next()):
            pass
        return m

    def end_of(self, id_: str) -> Message:
        """The `done` or `error` of a chat, which may have come already."""

        def is_it(m: Message) -> bool:
            return m.get("id") == id_ and m["type"] in ("done", "error")

        return next((m for m in self.got if is_it(m)), None) or self.until(is_it)

    def ask(self, id_: str, prompt: str, **params: Any) -> Message:
        self.chat(id_, prompt, **params)
        return self.end_of(id_)

    def text(self, id_: str) -> str:
        return "".join(m["content"] for m in self.got if m["type"] == "token" and m["id"] == id_)

    def alive(self) -> bool:
        """Answers a ping."""
        self.send({"type": "ping"})
        return self.until(lambda m: m["type"] in ("pong", "error"))["type"] == "pong"

    def wait_closed(self) -> int:
        """Reads what comes until the server has closed; the close code (1006: none came)."""
        try:
            while True:
                self.next()
        except websockets.ConnectionClosed:
            return int(self._ws.close_code)

    @property
    def close_reason(self) -> str:
        return str(self._ws.close_reason)

    # -- the end

    def close(self) -> None:
        if not self._loop.is_closed():
            self._run(self._ws.close())
            self._loop.close()

    def break_off(self) -> None:
        """The connection is gone without a close frame."""
        self._ws.transport.abort()
        self._run(self._ws.wait_closed())
        self._loop.close()

    def __enter__(self) -> "WebSocket":
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()
