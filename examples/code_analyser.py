#!/usr/bin/env python3
"""Looks for bugs in a file or a folder of sources, and prints what it finds by file and line.

    PYTHONPATH=client/python python3 examples/code_analyser.py client/python
    PYTHONPATH=client/python python3 examples/code_analyser.py --json --fail-on high daemon/main.c

Each file is one request of a batch, asked for JSON by a schema; long files go in parts.  Whatever a source says stays
text: the worker that reads it has no tools.  Exit status: 0 nothing found, 1 found something of --fail-on or worse, 2 a
file could not be analysed or there was none, 3 the server was not reached or refused everything.

CCAPI_BASE_URL is the server (default http://localhost:8080), CCAPI_API_KEY the key, where it asks for one.
Needs python3-httpx and python3-websockets.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from ccapi import BatchItem, BatchProgress, CcapiError, ClaudeClient

SUFFIXES = {".c", ".cc", ".cpp", ".cs", ".go", ".h", ".hpp", ".java", ".js", ".kt", ".mjs", ".php", ".pl", ".py", ".rb",
            ".rs", ".sh", ".sql", ".swift", ".ts", ".tsx"}  # fmt: skip
SKIPPED = {".git", "node_modules", "build", "dist", "__pycache__", ".venv"}
PART_LINES = 400  # lines of one request: enough for an overview, few enough for a thorough look
MAX_BYTES = 1 << 20  # files above this are generated, mostly
MAX_FILES = 500
PER_BATCH = 50  # requests in one batch: a break costs no more than these
SEVERITIES = ["low", "medium", "high"]

SYSTEM = """\
You review source code. Report real defects only: wrong results, crashes, leaks, races, security holes. No style, no
praise. Give the line number as printed at the left. An empty list is a good answer."""
SCHEMA: Dict[str, Any] = {
    "type": "object", "additionalProperties": False, "required": ["findings"],
    "properties": {"findings": {"type": "array", "items": {
        "type": "object", "additionalProperties": False, "required": ["line", "severity", "message"],
        "properties": {"line": {"type": "integer"}, "severity": {"enum": SEVERITIES}, "message": {"type": "string"}},
    }}},
}  # fmt: skip


class Part(NamedTuple):
    """A piece of a file, as it is asked about."""

    path: Path
    first: int  # number of its first line
    last: int
    text: str


class Finding(NamedTuple):
    path: Path
    line: int
    severity: str
    message: str


def sources(root: Path) -> List[Path]:
    """The file itself, or the sources below a folder in the order of their names; links are not followed."""
    if root.is_file():
        return [root]
    found: List[Path] = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED)
        found += [Path(folder, name) for name in sorted(names) if Path(name).suffix in SUFFIXES]
    files = [path for path in found if path.is_file() and not path.is_symlink()]
    for path in files[MAX_FILES:]:
        print(f"{path}: left out, more than {MAX_FILES} files", file=sys.stderr)
    return files[:MAX_FILES]


def parts_of(path: Path) -> Iterator[Part]:
    """The file in parts, its lines numbered; OSError, ValueError: it cannot be read, or is no source."""
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    data = path.read_bytes()
    if b"\0" in data:
        raise ValueError("not a text")
    lines = data.decode("utf-8", "replace").splitlines()
    for start in range(0, len(lines), PART_LINES):
        piece = lines[start : start + PART_LINES]
        text = "\n".join(f"{number:5} {line}" for number, line in enumerate(piece, start + 1))
        if text.strip():
            yield Part(path, start + 1, start + len(piece), text)


def findings_of(part: Part, item: BatchItem) -> List[Finding]:
    """What an answer says; ValueError: it is not what was asked for."""
    if item.finish_reason != "stop":  # the server passes on what was cut short
        raise ValueError(f"the answer ended with {item.finish_reason}")
    rows = json.loads(item.content or "")["findings"]
    found = []
    for row in rows:
        if row["severity"] not in SEVERITIES:
            raise ValueError(f"a severity that does not exist: {row['severity']!r}")
        line = min(max(int(row["line"]), part.first), part.last)  # the model counts, and counts wrongly
        found.append(Finding(part.path, line, row["severity"], " ".join(str(row["message"]).split())))
    return found


class Analysis:
    """The run: what was found, what it cost, and what did not work."""

    def __init__(self) -> None:
        self.findings: List[Finding] = []
        self.failed: List[str] = []
        self.cost = 0.0

    def fail(self, path: Path, why: object) -> None:
        self.failed.append(f"{path}: {why}")
        print(f"{path}: not analysed: {why}", file=sys.stderr)

    def read(self, files: List[Path]) -> List[Part]:
        parts: List[Part] = []
        for path in files:
            try:
                parts += parts_of(path)
            except (OSError, ValueError) as error:
                self.fail(path, error)
        return parts

    def ask(self, client: ClaudeClient, parts: List[Part], model: str) -> None:
        """One batch; CcapiError: it failed as a whole."""
        requests = [
            {"custom_id": f"{part.path.name}:{part.first}"[-256:], "system": SYSTEM,
             "prompt": f"{part.path.name}, lines {part.first} to {part.last}:\n\n{part.text}",
             "response_format": {"type": "json_schema", "json_schema": {"name": "findings", "schema": SCHEMA}}}
            for part in parts
        ]  # fmt: skip
        results = client.batch(requests, model=model, progress=show_progress)
        self.cost += results.total_cost
        for part, item in zip(parts, results):
            if item.error:
                self.fail(part.path, item.error)
                continue
            try:
                self.findings += findings_of(part, item)
            except (ValueError, KeyError, TypeError) as error:
                self.fail(part.path, f"not the JSON that was asked for: {error}")


def show_progress(p: BatchProgress) -> None:
    if sys.stderr.isatty():
        print(f"\r{p.done} of {p.total}", end="\n" if p.done == p.total else "", file=sys.stderr, flush=True)


def report(analysis: Analysis, as_json: bool) -> None:
    order = sorted(analysis.findings, key=lambda f: (str(f.path), f.line))
    if as_json:
        rows = [{**f._asdict(), "path": str(f.path)} for f in order]
        print(json.dumps({"findings": rows, "failed": analysis.failed, "cost_usd": round(analysis.cost, 6)}, indent=1))
        return
    for f in order:
        print(f"{f.path}:{f.line}: {f.severity}: {''.join(c for c in f.message if c.isprintable())}")
    print(f"{len(order)} findings, {len(analysis.failed)} failures, ${analysis.cost:.6f}", file=sys.stderr)


def main(argv: Optional[List[str]] = None) -> int:
    p = argparse.ArgumentParser(description="Looks for bugs in a file or a folder of sources.")
    p.add_argument("path", type=Path, help="a file, or a folder")
    p.add_argument("--model", default="sonnet", help="sonnet (default), haiku, opus, auto, or a full id")
    p.add_argument("--json", action="store_true", help="prints JSON")
    p.add_argument("--fail-on", choices=SEVERITIES, default="low", help="least severity for exit status 1 (low)")
    arguments = p.parse_args(argv)
    analysis = Analysis()
    parts = analysis.read(sources(arguments.path) if arguments.path.exists() else [])
    if not parts:
        print(f"{arguments.path}: nothing to analyse", file=sys.stderr)
        return 2
    try:
        with ClaudeClient() as client:
            for start in range(0, len(parts), PER_BATCH):
                analysis.ask(client, parts[start : start + PER_BATCH], arguments.model)
    except CcapiError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 3
    report(analysis, arguments.json)
    grave = SEVERITIES[SEVERITIES.index(arguments.fail_on) :]
    if any(f.severity in grave for f in analysis.findings):
        return 1
    return 2 if analysis.failed else 0


if __name__ == "__main__":
    sys.exit(main())
