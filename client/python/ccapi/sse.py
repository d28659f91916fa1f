"""Reads an event stream piece by piece, however it was cut on the way."""

from __future__ import annotations

from typing import List

from .errors import ProtocolError
from .settings import MAX_ANSWER


class SseParser:
    """Bytes in, the data of whole events out.  Comments, and fields other than `data`, are left out."""

    def __init__(self, limit: int = MAX_ANSWER) -> None:
        self._limit = limit
        self._line = bytearray()
        self._data: List[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> List[str]:
        """The events that end in this chunk.  ProtocolError: an event is too large, or not UTF-8."""
        events: List[str] = []
        self._line += chunk
        if b"\n" in chunk:
            # A line ends with LF or CR LF; a CR alone, which the format allows too, no server of this API writes.
            *lines, rest = self._line.split(b"\n")
            self._line = rest
            for line in lines:
                self._take(line[:-1] if line.endswith(b"\r") else line, events)
        if len(self._line) + self._size > self._limit:
            raise ProtocolError(f"an event of the stream is larger than {self._limit} bytes")
        return events

    def _take(self, line: bytearray, events: List[str]) -> None:
        if not line:
            if self._data:
                events.append(_text(b"\n".join(self._data)))
            self._data, self._size = [], 0
        elif line == b"data" or line.startswith(b"data:"):
            value = bytes(line[6:] if line.startswith(b"data: ") else line[5:])
            self._data.append(value)
            self._size += len(value)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise ProtocolError("the stream is not UTF-8") from exc
