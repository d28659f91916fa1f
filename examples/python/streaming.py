#!/usr/bin/env python3
"""An answer as it is written: over SSE, over a WebSocket, and one that is left early.

    PYTHONPATH=client/python python3 examples/python/streaming.py "Write a story about a lighthouse."

CCAPI_BASE_URL is the server (default http://localhost:8080), CCAPI_API_KEY the key, where it asks for one.
Needs python3-httpx and python3-websockets.
"""

import sys

from ccapi import CcapiError, ClaudeClient

ENOUGH = 40  # characters of the answer that is left early


def show(client: ClaudeClient, question: str, transport: str) -> None:
    """Prints the answer piece by piece, then what is known at its end."""
    print(f"== over {transport}")
    stream = client.stream(question, transport=transport)
    for token in stream:
        print(token, end="", flush=True)
    print()
    tokens = stream.usage.total_tokens if stream.usage else 0
    print(f"-- {stream.model} ({stream.route}), {tokens} tokens, ${stream.cost or 0:.6f}, {stream.finish_reason}")


def leave_early(client: ClaudeClient, question: str) -> None:
    """Leaving the block cancels the answer at the server; only what was written until then is charged."""
    print("== left early")
    with client.stream(question, cache={"no_cache": True}) as stream:
        for token in stream:
            print(token, end="", flush=True)
            if len(stream.content) >= ENOUGH:
                break
    print(f"\n-- left after {len(stream.content)} characters")


def main() -> int:
    question = " ".join(sys.argv[1:]) or "Write a story about a lighthouse."
    with ClaudeClient() as client:
        try:
            show(client, question, "sse")
            show(client, question, "websocket")
            leave_early(client, question)
        except CcapiError as error:
            print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
