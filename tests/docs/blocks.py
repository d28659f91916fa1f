"""The code blocks of a Markdown page, and what is to be done with each.

    ```sh, and blocks that are only indented    commands, run in the page's order by one shell
    ```console, or a bare ``` that begins `$ `   commands behind `$ `, each followed by what it prints
    ```python, ```js                             programs; "js page": in a web page of the daemon
    ```conf                                      settings, which `ccapid --check-config` must take
    a bare ```, ```text, ```yaml, ```json        output, pictures: not run; a bare one behind commands is what they print
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Tuple

FENCE = re.compile(r"^( *)```(.*)$")
KINDS = {"sh": "sh", "console": "console", "python": "python", "js": "js", "js page": "page", "conf": "conf", "": "text",
         "text": "text", "yaml": "text", "json": "text"}  # fmt: skip
# What no block of output may begin a line with: such a block is a command that nobody runs.
COMMANDS = re.compile(r"^\s*(sudo |curl |make( |$)|ccapictl |ccapid( |$)|ccapitop|claude( |$)|npm |node |python3 |apt-get |apt |"
                      r"systemctl |journalctl |install |export |git |pip |sqlite3 |docker |redis-cli |build/bin/)")  # fmt: skip


@dataclass
class Block:
    page: str
    line: int
    kind: str
    text: str
    expect: str = ""  # what it prints, as the page shows it


def _lines(text: str) -> Iterator[Tuple[int, str, str]]:
    """(line, info, text) of every block; info "indented" for those without a fence."""
    lines = text.split("\n") + [""]
    i = 0
    while i < len(lines):
        fence = FENCE.match(lines[i])
        if fence:
            end = i + 1
            while not re.match(r"^ *```\s*$", lines[end]):
                end += 1
            cut = len(fence.group(1))
            yield i + 1, fence.group(2).strip(), "\n".join(line[cut:] for line in lines[i + 1 : end])
            i = end + 1
        elif re.match(r"^ {4,}\S", lines[i]) and (i == 0 or not lines[i - 1].strip()):
            end = i
            while end < len(lines) and (re.match(r"^ {4,}", lines[end]) or not lines[end].strip()):
                end += 1
            yield i + 1, "indented", "\n".join(line[4:] for line in lines[i:end]).rstrip()
            i = end
        else:
            i += 1


def blocks_of(path: Path, page: str) -> List[Block]:
    """The page's blocks; ValueError: one of a kind that nobody knows, or a command that is dressed as output."""
    found: List[Block] = []
    for line, info, text in _lines(path.read_text()):
        kind = "sh" if info == "indented" else KINDS.get(info)
        if kind is None:
            raise ValueError(f"{page}:{line}: nobody knows what to do with a block of kind {info!r}")
        if kind == "text" and text.startswith("$ "):
            kind = "console"
        if kind == "text" and not info:
            synopsis = page == "docs/ccapictl.md" and found and re.match(r"ccapictl [a-z]+", text)
            if synopsis:
                kind = "synopsis"
            elif any(COMMANDS.match(row) for row in text.split("\n")):
                raise ValueError(f"{page}:{line}: this looks like a command: mark the block as sh")
            elif found and found[-1].kind == "sh" and _adjoins(path, found[-1].line, line):
                found[-1].expect = text
        found.append(Block(page, line, kind, text))
    return found


def _adjoins(path: Path, first: int, second: int) -> bool:
    """Nothing but a block and blank lines stands between the beginnings of two blocks."""
    between = path.read_text().split("\n")[first - 1 : second - 1]
    text = "\n".join(between)
    text = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    return not [row for row in text.split("\n") if row.strip() and not row.startswith("    ")]


def dialogue(text: str) -> List[Tuple[str, str]]:
    """(command, output) of a console block; a command that ends in a backslash goes on."""
    steps: List[Tuple[str, str]] = []
    for row in text.split("\n"):
        if row.startswith("$ "):
            steps.append((row[2:], ""))
        elif steps and steps[-1][0].endswith("\\") and not steps[-1][1]:
            steps[-1] = (steps[-1][0] + "\n" + row, "")
        elif steps:
            steps[-1] = (steps[-1][0], steps[-1][1] + row + "\n")
    return steps


def plain(text: str) -> str:
    """Without what differs from run to run: blanks, numbers, ids."""
    text = re.sub(r"\b(req_|chatcmpl-|sess_|k_|py-)[0-9a-f]{8,}(\.\d+)?", "ID", text)
    text = re.sub(r"\bsess_\.\.\.", "ID", text)
    text = re.sub(r"\d+(\.\d+)?", "0", text)
    return re.sub(r"\s+", "", text)


def missing(expect: str, output: str) -> str:
    """The first part of what the page shows that the output has not, in its order; "" if all is there.  `...` stands for
    anything.  Of a head of HTTP each line must occur."""
    head, _, body = expect.partition("\n\n") if expect.startswith("HTTP/") else ("", "", expect)
    have = plain(output)
    for row in head.split("\n"):
        if plain(row) not in have:
            return row
    at = 0
    for part in body.replace("sess_...", "sess_00000000").split("..."):
        found = have.find(plain(part), at)
        if found < 0:
            return part.strip()
        at = found + len(plain(part))
    return ""
