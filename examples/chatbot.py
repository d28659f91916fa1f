#!/usr/bin/env python3
"""A chatbot for the terminal.  The server keeps the conversation, so each turn sends only what is new.

    PYTHONPATH=client/python python3 examples/chatbot.py
    PYTHONPATH=client/python python3 examples/chatbot.py --model sonnet --system "You are a patient teacher."
    PYTHONPATH=client/python python3 examples/chatbot.py --session sess_...      # goes on with an earlier one

Ctrl-C stops an answer, Ctrl-D ends the program.  /new begins another conversation, /info tells about this one, /delete
removes it from the server, /quit ends.  CCAPI_BASE_URL is the server (default http://localhost:8080), CCAPI_API_KEY the
key, where it asks for one.  Needs python3-httpx and python3-websockets.
"""

import argparse
import sys
from typing import Optional

try:
    import readline  # noqa: F401  input() then has a history and can be edited
except ImportError:
    pass

from ccapi import CcapiError, ClaudeClient, Session, SessionNotFoundError

HELP = "/new  /info  /delete  /quit; Ctrl-C stops an answer"


def visible(text: str) -> str:
    """Text of the model must not steer the terminal: its control characters are shown as a sign."""
    return "".join(c if c in "\n\t" or not (ord(c) < 32 or 127 <= ord(c) < 160) else "\ufffd" for c in text)


class Bot:
    """One conversation at a time, and what all of them have cost."""

    def __init__(self, client: ClaudeClient, model: str, system: Optional[str], session_id: Optional[str]) -> None:
        self.client = client
        self.model = model
        self.system = system
        self.cost = 0.0
        self.session = self.begin(session_id)

    def begin(self, session_id: Optional[str] = None) -> Session:
        """A new conversation, or an old one by its id; nothing is sent yet."""
        self.session = self.client.session(session_id, model=self.model, system=self.system)
        return self.session

    def answer(self, text: str) -> None:
        """One turn.  Ctrl-C leaves the answer: the server stops it, and forgets the turn."""
        with self.session.stream(text) as stream:
            try:
                for token in stream:
                    print(visible(token), end="", flush=True)
            except KeyboardInterrupt:
                print("\n[stopped; this turn is not part of the conversation]")
                return
        print()
        self.cost += stream.cost or 0.0
        tokens = stream.usage.total_tokens if stream.usage else 0
        print(f"[{stream.model}, {tokens} tokens, ${stream.cost or 0:.6f}, ${self.cost:.6f} so far]")

    def info(self) -> None:
        """The conversation as the server keeps it."""
        if self.session.id is None:
            print("[nothing was said yet]")
            return
        kept = self.session.info()
        print(f"[{kept.id}: {kept.turns} turns, {kept.bytes} bytes; chatbot.py --session {kept.id} goes on with it]")

    def command(self, line: str) -> bool:
        """Does what a line with a slash says; False ends the program."""
        if line == "/quit":
            return False
        if line == "/new":
            self.begin()
            print("[a new conversation]")
        elif line == "/info":
            self.info()
        elif line == "/delete":
            if self.session.id is not None:
                self.session.delete()
            self.begin()
            print("[deleted]")
        else:
            print(f"[{HELP}]")
        return True

    def line(self, line: str) -> bool:
        """One line that was typed; False ends the program.  Errors are told, and the program goes on."""
        try:
            if line.startswith("/"):
                return self.command(line)
            if line:
                self.answer(line)
        except SessionNotFoundError:
            print("[the server has no such conversation any more; a new one begins]")
            self.begin()
        except CcapiError as error:
            print(f"[{error}]")
        return True


def main() -> int:
    p = argparse.ArgumentParser(description="A chatbot for the terminal.")
    p.add_argument("--model", default="auto", help="auto (default), haiku, sonnet, opus, or a full id")
    p.add_argument("--system", help="system prompt")
    p.add_argument("--session", metavar="ID", help="goes on with this conversation")
    arguments = p.parse_args()
    prompt = "> " if sys.stdin.isatty() else ""
    with ClaudeClient() as client:
        bot = Bot(client, arguments.model, arguments.system, arguments.session)
        if prompt:
            print(f"[{HELP}]")
        while True:
            try:
                line = input(prompt).strip()
            except EOFError:
                return 0
            except KeyboardInterrupt:
                print()
                continue
            if not bot.line(line):
                return 0


if __name__ == "__main__":
    sys.exit(main())
