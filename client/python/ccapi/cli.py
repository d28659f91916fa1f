"""python -m ccapi: asks a question and prints the answer as it comes.

Standard output has the answer and nothing else; notes and errors go to standard error.  Exit status: see EPILOG.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import List, Optional, Sequence, TextIO

from . import __version__
from .blocking import ClaudeClient
from .errors import ApiError, CcapiError
from .settings import DEFAULT_TIMEOUT
from .streams import Stream
from .types import Completion

ANSWERED, REFUSED, USAGE, UNREACHED, CUT_SHORT, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 3, 4, 130, 141

EPILOG = """\
exit status:
  0  the answer is complete
  1  the server answered with an error
  2  the command line, or the environment, cannot be used
  3  the server was not reached, or gave no whole answer in time
  4  the answer was cut short: token limit, or the model refused
  130 and 141  interrupted; nobody reads the output any more

environment:
  CCAPI_BASE_URL (default http://localhost:8080), CCAPI_API_KEY, CCAPI_PROJECT

examples:
  python -m ccapi "What is a mutex?"
  python -m ccapi --model haiku "Summarize this:" - < report.txt
  git diff | python -m ccapi --system "You review code." --stats
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m ccapi", description="Asks a ccapid, and prints the answer as it comes.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument("question", nargs="*", help="words of the question; - stands for standard input, also when none is given")
    p.add_argument("-m", "--model", default="auto", help="auto (default), haiku, sonnet, opus, or a full id")
    p.add_argument("-p", "--project", metavar="NAME", help="project, instead of CCAPI_PROJECT")
    p.add_argument("-s", "--system", metavar="TEXT", help="system prompt")
    p.add_argument("--max-tokens", type=int, metavar="N", help="longest answer, in tokens")
    p.add_argument("--session", metavar="ID", help='goes on with a session, or begins one: "new"; its id is noted')
    p.add_argument("--base-url", metavar="URL", help="the server, instead of CCAPI_BASE_URL")
    p.add_argument("--timeout", type=float, default=DEFAULT_TIMEOUT, metavar="S", help="seconds of silence (%(default)g)")
    p.add_argument("--transport", choices=("sse", "websocket"), default="sse", help="how the answer comes")
    p.add_argument("--no-stream", action="store_true", help="prints the answer when it is complete")
    p.add_argument("--json", action="store_true", help="prints answer, usage and cost as one JSON object")
    p.add_argument("--stats", action="store_true", help="notes model, tokens and cost on standard error")
    p.add_argument("--version", action="version", version=f"ccapi {__version__}")
    return p


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Runs the command; its exit status."""
    arguments = parser().parse_args(argv)
    for output in (sys.stdout, sys.stderr):
        if hasattr(output, "reconfigure"):
            output.reconfigure(errors="replace")
    try:
        return _ask(arguments)
    except (ValueError, TypeError) as error:
        return _fail(str(error), USAGE)
    except ApiError as error:
        return _fail(str(error), REFUSED)
    except CcapiError as error:
        return _fail(str(error), UNREACHED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is left in the buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _fail(message: str, status: int) -> int:
    print(f"ccapi: {_visible(message)}", file=sys.stderr)
    return status


def question_of(words: Sequence[str], stdin: TextIO) -> str:
    """The question; ValueError: there is none."""
    parts: List[str] = []
    for word in words or ["-"]:
        # Python gives bytes that are not text as halves of surrogate pairs, which JSON cannot carry.
        text = stdin.read() if word == "-" else word
        parts.append(text.encode("utf-8", "replace").decode())
    question = ("\n\n" if "-" in words else " ").join(part.strip("\n") for part in parts)
    if not question.strip():
        raise ValueError("there is no question, neither as an argument nor on standard input")
    return question


def _ask(arguments: argparse.Namespace) -> int:
    question = question_of(arguments.question, sys.stdin)
    with ClaudeClient(arguments.base_url, project_id=arguments.project, timeout=arguments.timeout) as client:
        with client.stream(
            question, arguments.model, system=arguments.system, max_tokens=arguments.max_tokens,
            session_id=arguments.session, transport=arguments.transport,
        ) as stream:  # fmt: skip
            answer = stream.read() if arguments.json or arguments.no_stream else _print(stream)
    if arguments.json:
        print(json.dumps(_record(answer)))
    elif arguments.no_stream:
        print(_safe(answer.content))
    _note(answer, arguments)
    return ANSWERED if answer.finish_reason in ("stop", None) else CUT_SHORT


def _print(stream: Stream) -> Completion:
    last = "\n"
    try:
        for token in stream:
            last = token[-1:] or last
            print(_safe(token), end="", flush=True)
    finally:
        if last != "\n":  # an error's line begins at the left, too
            print(flush=True)
    return stream.completion()


def _safe(text: str) -> str:
    """What a terminal would take for commands is made visible; files and pipes get every byte."""
    return _visible(text) if sys.stdout.isatty() else text


def _visible(text: str) -> str:
    return "".join(c if c in "\n\t" or not (ord(c) < 32 or 127 <= ord(c) < 160) else "\ufffd" for c in text)


def _record(answer: Completion) -> "dict[str, object]":
    usage = answer.usage
    return {
        "content": answer.content, "model": answer.model, "route": answer.route, "finish_reason": answer.finish_reason,
        "cached": answer.cached, "cost_usd": answer.cost, "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens, "session_id": answer.session_id, "request_id": answer.request_id,
    }  # fmt: skip


def _note(answer: Completion, arguments: argparse.Namespace) -> None:
    notes = []
    if arguments.stats:
        usage = answer.usage
        notes.append(
            f"{answer.model} ({answer.route}), {usage.prompt_tokens} + {usage.completion_tokens} tokens, "
            f"${answer.cost:.6f}{', from the cache' if answer.cached else ''}"
        )
    if arguments.session == "new" and not arguments.json:
        notes.append(f"session {answer.session_id}")
    if answer.finish_reason == "length":
        notes.append("the answer was cut short by the token limit")
    elif answer.finish_reason == "content_filter":
        notes.append("the model refused to answer")
    for note in notes:
        print(f"ccapi: {_visible(note)}", file=sys.stderr)
