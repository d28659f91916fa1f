#!/usr/bin/python3
"""Draws what a terminal shows as an SVG picture:  tmux capture-pane -ep | scripts/screen-svg.py [TITLE] > docs/images/overview.svg

Reads lines with SGR escapes (colours of 8, 16 and 256, bold, dim, reverse, underline); everything else is text."""

import html
import re
import sys
import unicodedata
from typing import Dict, List, Tuple

CELL_W, CELL_H, PAD, BAR = 8.4, 18, 14, 28
BACK, FORE = "#16181d", "#d7dae0"
BASE = ["#3b4048", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0",
        "#7f848e", "#ef8d95", "#b5dba0", "#f0d39b", "#86c3f5", "#d8a0e6", "#83ccd6", "#ffffff"]  # fmt: skip
SGR = re.compile(r"\x1b\[([0-9;]*)m")


def colour(n: int) -> str:
    if n < 16:
        return BASE[n]
    if n >= 232:
        level = 8 + 10 * (n - 232)
        return f"#{level:02x}{level:02x}{level:02x}"
    n -= 16
    return "#" + "".join(f"{0 if v == 0 else 55 + 40 * v:02x}" for v in (n // 36, n // 6 % 6, n % 6))


class Style:
    def __init__(self) -> None:
        self.fore, self.back = FORE, BACK
        self.bold = self.dim = self.underline = self.reverse = False

    def apply(self, codes: List[int]) -> None:
        i = 0
        while i < len(codes):
            c = codes[i]
            if c == 0:
                self.__init__()  # type: ignore[misc]
            elif c == 1:
                self.bold = True
            elif c == 2:
                self.dim = True
            elif c == 4:
                self.underline = True
            elif c == 7:
                self.reverse = True
            elif c == 22:
                self.bold = self.dim = False
            elif c == 24:
                self.underline = False
            elif c == 27:
                self.reverse = False
            elif c in (38, 48) and codes[i + 1 : i + 2] == [5]:
                if c == 38:
                    self.fore = colour(codes[i + 2])
                else:
                    self.back = colour(codes[i + 2])
                i += 2
            elif 30 <= c <= 37 or 90 <= c <= 97:
                self.fore = colour(c - 30 if c < 40 else c - 82)
            elif 40 <= c <= 47 or 100 <= c <= 107:
                self.back = colour(c - 40 if c < 50 else c - 92)
            elif c == 39:
                self.fore = FORE
            elif c == 49:
                self.back = BACK
            i += 1

    def look(self) -> Tuple[str, str, str]:
        fore, back = (self.back, self.fore) if self.reverse else (self.fore, self.back)
        extra = ' font-weight="bold"' if self.bold else ""
        extra += ' opacity="0.6"' if self.dim else ""
        extra += ' text-decoration="underline"' if self.underline else ""
        return fore, back, extra


def width(c: str) -> int:
    if unicodedata.combining(c):
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


def runs(line: str, style: Style) -> List[Tuple[int, int, str, Tuple[str, str, str]]]:
    """(column, columns, text, look) of each piece of one look."""
    found = []
    column, at = 0, 0
    for m in list(SGR.finditer(line)) + [None]:
        text = line[at : m.start() if m else len(line)]
        if text:
            cells = sum(width(c) for c in text)
            found.append((column, cells, text, style.look()))
            column += cells
        if m:
            style.apply([int(c or 0) for c in m.group(1).split(";")])
            at = m.end()
    return found


def main() -> None:
    title = sys.argv[1] if len(sys.argv) > 1 else "ccapitop"
    lines = sys.stdin.read().rstrip("\n").split("\n")
    style = Style()
    rows = [runs(line, style) for line in lines]
    columns = max(80, max((r[-1][0] + r[-1][1] for r in rows if r), default=80))
    w, h = columns * CELL_W + 2 * PAD, len(rows) * CELL_H + 2 * PAD + BAR
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w:.0f}" height="{h:.0f}" viewBox="0 0 {w:.0f} {h:.0f}" '
        f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">',
        f"<title>{html.escape(title)}</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>',
        f'<text x="{w / 2:.0f}" y="20" fill="#7f848e" text-anchor="middle" font-size="13">{html.escape(title)}</text>',
    ]
    for y, row in enumerate(rows):
        top = BAR + PAD + y * CELL_H
        for column, cells, text, (fore, back, extra) in row:
            x = PAD + column * CELL_W
            if back != BACK:
                out.append(f'<rect x="{x:.1f}" y="{top}" width="{cells * CELL_W:.1f}" height="{CELL_H}" fill="{back}"/>')
            if text.strip():
                out.append(
                    f'<text x="{x:.1f}" y="{top + 14}" fill="{fore}"{extra} xml:space="preserve" '
                    f'textLength="{cells * CELL_W:.1f}" lengthAdjust="spacingAndGlyphs">{html.escape(text)}</text>'
                )
    out.append("</svg>")
    print("\n".join(out))


main()
