#!/usr/bin/env python3
"""One question, one answer, and everything that the server tells about it.

    PYTHONPATH=client/python python3 examples/python/basic.py "What is a mutex?"

CCAPI_BASE_URL is the server (default http://localhost:8080), CCAPI_API_KEY the key, where it asks for one.
Needs python3-httpx and python3-websockets.
"""

import sys

from ccapi import ApiError, BudgetExceededError, ClaudeClient, RateLimitError, TransportError


def main() -> int:
    question = " ".join(sys.argv[1:]) or "What is a mutex?"
    with ClaudeClient() as client:
        try:
            answer = client.complete(question, system="Answer in one paragraph.", max_tokens=500)
        except BudgetExceededError as error:  # not tried again: it would be refused again
            print(f"The budget is used up: {error.message}", file=sys.stderr)
            return 1
        except RateLimitError as error:  # by now the client has tried three times
            print(f"Too many requests; come back in {error.retry_after} s.", file=sys.stderr)
            return 1
        except (ApiError, TransportError) as error:  # everything else; each kind has a class
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return 1
    print(answer.content)
    print()
    print(f"model     {answer.model}, because: {answer.route}")
    print(f"tokens    {answer.usage.prompt_tokens} in, {answer.usage.completion_tokens} out")
    print(f"cost      ${answer.cost:.6f}{' (from the cache)' if answer.cached else ''}")
    print(f"ended by  {answer.finish_reason}")
    print(f"request   {answer.request_id}, the same id as in the server's log")
    return 0


if __name__ == "__main__":
    sys.exit(main())
