#!/usr/bin/env python3
"""Many questions in one request: with progress, with parameters of their own, and with one that fails.

    PYTHONPATH=client/python python3 examples/python/batch.py

CCAPI_BASE_URL is the server (default http://localhost:8080), CCAPI_API_KEY the key, where it asks for one.
Needs python3-httpx and python3-websockets.
"""

import sys

from ccapi import BatchProgress, CcapiError, ClaudeClient

REQUESTS = [
    "What is 2+2?",  # a prompt
    [{"role": "user", "content": "My name is Ada."}, {"role": "assistant", "content": "Hello Ada."},
     {"role": "user", "content": "What is my name?"}],  # a conversation
    {"prompt": "Say hello.", "custom_id": "greeting", "system": "Be terse.", "max_tokens": 50},  # as the API takes it
    {"prompt": "Hi", "custom_id": "lost", "model": "no-such-model"},  # fails, and fails alone
]  # fmt: skip


def progress(p: BatchProgress) -> None:
    """Called when an item has ended, in the order in which they end."""
    print(f"{p.done} of {p.total}: {'ok' if p.item.ok else 'failed'}, ${p.cost:.6f} so far", file=sys.stderr)


def main() -> int:
    with ClaudeClient() as client:
        try:
            results = client.batch(REQUESTS, model="haiku", progress=progress)
        except CcapiError as error:  # the batch as a whole: not reached, no key, not valid
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return 1
    for item in results:  # in the order of the requests
        name = item.custom_id or item.index
        print(f"{name}: {item.content}" if item.ok else f"{name}: FAILED: {item.error}")
    print(f"{results.succeeded} answered, {results.failed} failed, {results.total_tokens} tokens, ${results.total_cost:.6f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
