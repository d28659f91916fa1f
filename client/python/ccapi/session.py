"""Conversations that the server keeps: only what is new is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional

from .settings import UNSET, Timeout
from .streaming import StreamState
from .streams import AsyncStream, Stream
from .types import Completion, Prompt, SessionInfo

if TYPE_CHECKING:
    from .aio import AsyncClaudeClient
    from .blocking import ClaudeClient


class _Conversation:
    """The part that both kinds share: what a turn sends, and what is learned from its answer."""

    def __init__(self, id: Optional[str], model: str, system: Optional[str], project_id: Optional[str]) -> None:
        self.id = id
        """None until the first answer is whole."""
        self.model = model
        self.system = system
        self.project_id = project_id

    def _turn(self, options: Mapping[str, Any]) -> Dict[str, Any]:
        begins = self.id is None  # the server remembers the system prompt from then on
        return {
            "model": self.model, "system": self.system if begins else None, "session_id": self.id or "new",
            "project_id": self.project_id, **options,
        }  # fmt: skip

    def _learn(self, answer: Completion) -> None:
        self.id = answer.session_id or self.id

    def _watch(self, state: StreamState) -> None:
        state.on_finish = self._learn

    def _known(self) -> str:
        if self.id is None:
            raise ValueError("the session has not begun: nothing was answered in it yet")
        return self.id


class Session(_Conversation):
    """A conversation, one turn at a time; made by ClaudeClient.session().

    A turn that fails leaves the session as it was.  One thread at a time: a second turn meanwhile is a ConflictError.
    """

    def __init__(
        self, client: ClaudeClient, id: Optional[str], model: str, system: Optional[str], project_id: Optional[str]
    ) -> None:
        super().__init__(id, model, system, project_id)
        self._client = client

    def send(
        self, prompt: Prompt, *, max_tokens: Optional[int] = None, timeout: Timeout = UNSET,
        extra: Optional[Mapping[str, Any]] = None,
    ) -> Completion:  # fmt: skip
        """The next turn: sends text or messages, waits for the whole answer.

        max_tokens, timeout (seconds), extra and errors: as ClaudeClient.complete(); also SessionNotFoundError when the
        session has run out, and ConflictError while another turn of it is under way.
        """
        turn = self._turn({"max_tokens": max_tokens, "timeout": timeout, "extra": extra})
        answer = self._client.complete(prompt, **turn)
        self._learn(answer)
        return answer

    def stream(
        self, prompt: Prompt, *, max_tokens: Optional[int] = None, transport: str = "sse", timeout: Timeout = UNSET,
        extra: Optional[Mapping[str, Any]] = None,
    ) -> Stream:  # fmt: skip
        """The next turn as a Stream; the turn is part of the session when the stream is finished.

        Arguments and errors: as ClaudeClient.stream(), and those of send().
        """
        turn = self._turn({"max_tokens": max_tokens, "timeout": timeout, "extra": extra, "transport": transport})
        stream = self._client.stream(prompt, **turn)
        self._watch(stream._state)
        return stream

    def info(self) -> SessionInfo:
        """The conversation as the server keeps it.  ValueError: nothing was answered yet; SessionNotFoundError."""
        return self._client.get_session(self._known(), project_id=self.project_id)

    def delete(self) -> None:
        """Ends the conversation; the next turn begins another one.  Errors: those of info(), ConflictError."""
        self._client.delete_session(self._known(), project_id=self.project_id)
        self.id = None


class AsyncSession(_Conversation):
    """As Session, awaited; made by AsyncClaudeClient.session()."""

    def __init__(
        self, client: AsyncClaudeClient, id: Optional[str], model: str, system: Optional[str], project_id: Optional[str]
    ) -> None:
        super().__init__(id, model, system, project_id)
        self._client = client

    async def send(
        self, prompt: Prompt, *, max_tokens: Optional[int] = None, timeout: Timeout = UNSET,
        extra: Optional[Mapping[str, Any]] = None,
    ) -> Completion:  # fmt: skip
        """As Session.send(): the whole answer of the next turn, with the same arguments, units and errors."""
        turn = self._turn({"max_tokens": max_tokens, "timeout": timeout, "extra": extra})
        answer = await self._client.complete(prompt, **turn)
        self._learn(answer)
        return answer

    def stream(
        self, prompt: Prompt, *, max_tokens: Optional[int] = None, transport: str = "sse", timeout: Timeout = UNSET,
        extra: Optional[Mapping[str, Any]] = None,
    ) -> AsyncStream:  # fmt: skip
        """As Session.stream(): an AsyncStream, with the same arguments, units and errors."""
        turn = self._turn({"max_tokens": max_tokens, "timeout": timeout, "extra": extra, "transport": transport})
        stream = self._client.stream(prompt, **turn)
        self._watch(stream._state)
        return stream

    async def info(self) -> SessionInfo:
        """As Session.info(), with the same errors."""
        return await self._client.get_session(self._known(), project_id=self.project_id)

    async def delete(self) -> None:
        """As Session.delete(), with the same errors."""
        await self._client.delete_session(self._known(), project_id=self.project_id)
        self.id = None
