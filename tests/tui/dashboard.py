"""ccapitop in a terminal, as a person uses it.

    with Dashboard(socket, "keys", "k_3fa2c19d") as t:    # the view, and a text that says that it is there
        t.keys("R")
        t.fill("2h")
        t.shows("the words on the screen, also where a box has broken them")
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Union

from terminal import BIN, Tmux

TOP = BIN / "ccapitop"


class Dashboard:
    def __init__(self, socket: Union[str, Path], view: str, begins: str, columns: int = 120, rows: int = 40) -> None:
        self.tmux = Tmux([TOP, "--socket", socket, "--view", view], columns, rows)
        try:
            self.tmux.wait_for(begins)
        except BaseException:
            self.tmux.__exit__()
            raise

    def __enter__(self) -> "Dashboard":
        return self

    def __exit__(self, *_: Any) -> None:
        self.tmux.__exit__()

    def keys(self, *names: str) -> None:
        self.tmux.keys(*names)

    def text(self, text: str) -> None:
        self.tmux.keys("-l", text)

    def fill(self, text: str) -> None:
        """The field that one is in, from empty."""
        self.keys("End", "C-u")
        self.text(text)

    def shows(self, text: str) -> List[str]:
        def has(rows: List[str]) -> bool:
            joined = " ".join(" ".join(row.strip(" │") for row in rows).split())
            return any(text in row for row in rows) or text in joined
        return self.tmux.wait_for(has, f"{text!r}")

    def hides(self, text: str) -> List[str]:
        return self.tmux.wait_for(lambda rows: not any(text in row for row in rows), f"no {text!r}")
