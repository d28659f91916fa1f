"""ClaudeClient and AsyncClaudeClient behind one face, so that a test is written once."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, Callable, List, Tuple

from ccapi import AsyncClaudeClient, ClaudeClient


class Both:
    """Calls the client's functions by their names; streams are read with read(), or a piece at a time with next()."""

    def __init__(self, kind: str, url: str, **options: Any) -> None:
        self.kind = kind
        self.loop = asyncio.new_event_loop()
        self.client: Any = ClaudeClient(url, **options) if kind == "sync" else None
        if kind == "async":
            self.client = self.run(self._make(url, options))

    @staticmethod
    async def _make(url: str, options: Any) -> AsyncClaudeClient:
        return AsyncClaudeClient(url, **options)

    def run(self, value: Any) -> Any:
        """The value, awaited if it has to be."""
        return self.loop.run_until_complete(value) if inspect.isawaitable(value) else value

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(self.client, name)
        if not callable(function):
            return function  # type: ignore[no-any-return]
        return lambda *args, **options: self.run(function(*args, **options))

    def next(self, stream: Any) -> Any:
        return next(stream) if self.kind == "sync" else self.run(stream.__anext__())

    def read(self, *args: Any, **options: Any) -> Tuple[List[Any], Any]:
        """A stream's pieces, and the stream."""
        stream = self.client.stream(*args, **options)
        return self.all(stream), stream

    def all(self, stream: Any) -> List[Any]:
        if self.kind == "sync":
            return list(stream)

        async def collect() -> List[Any]:
            return [x async for x in stream]

        return list(self.run(collect()))

    def close(self) -> None:
        self.run(self.client.close())
        self.loop.close()
