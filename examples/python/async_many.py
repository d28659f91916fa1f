#!/usr/bin/env python3
"""Several questions at the same time on one event loop, one of them streamed, one of them given up.

    PYTHONPATH=client/python python3 examples/python/async_many.py "What is TCP?" "What is UDP?"

CCAPI_BASE_URL is the server (default http://localhost:8080), CCAPI_API_KEY the key, where it asks for one.
Needs python3-httpx and python3-websockets.
"""

import asyncio
import sys
from typing import List

from ccapi import AsyncClaudeClient, CcapiError, Completion

AT_ONE_TIME = 4  # more would only wait in the server's queue
PATIENCE = 0.2  # seconds until the last question is given up


async def ask_all(client: AsyncClaudeClient, questions: List[str]) -> List[Completion]:
    """The answers in the order of the questions; the first error ends all."""
    room = asyncio.Semaphore(AT_ONE_TIME)

    async def ask(question: str) -> Completion:
        async with room:
            return await client.complete(question, model="haiku")

    return await asyncio.gather(*(ask(question) for question in questions))


async def read_stream(client: AsyncClaudeClient, question: str) -> int:
    """The number of pieces of a streamed answer."""
    pieces = 0
    async with client.stream(question, model="haiku") as stream:
        async for _ in stream:
            pieces += 1
    return pieces


async def give_up(client: AsyncClaudeClient) -> str:
    """A call that is cancelled cancels its work at the server, too."""
    try:
        await asyncio.wait_for(client.complete("Write a long story.", cache={"no_cache": True}), PATIENCE)
    except asyncio.TimeoutError:
        return "given up"
    return "answered in time"


async def main() -> int:
    questions = sys.argv[1:] or ["What is TCP?", "What is UDP?", "What is QUIC?"]
    async with AsyncClaudeClient() as client:
        try:
            answers, pieces, end = await asyncio.gather(
                ask_all(client, questions), read_stream(client, "Count to ten."), give_up(client)
            )
        except CcapiError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return 1
    for question, answer in zip(questions, answers):
        print(f"{question}\n    {answer.content}")
    print(f"the stream came in {pieces} pieces; the long story was {end}")
    print(f"${sum(answer.cost for answer in answers):.6f} for {len(answers)} answers")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
