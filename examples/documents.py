#!/usr/bin/env python3
"""Works through a folder of texts and writes one line of JSON for each; may be stopped and started again at any time.

    PYTHONPATH=client/python python3 examples/documents.py texts/ summaries.jsonl
    PYTHONPATH=client/python python3 examples/documents.py --ask "List the people named." --model haiku texts/ people.jsonl

A line is {"file", "sha256", "status", "answer", "error", "model", "tokens", "cost_usd"}.  A document is done when there
is a line for this text and this question with "status": "ok"; everything else is asked (again) at the next run: what
failed, what has changed, what is new.  The last line that counts for a file is its last one.

Exit status: 0 all done, 1 some documents failed (run it again), 2 the command line or a file is wrong, 3 the server was not
reached or refused everything, 130 interrupted.  CCAPI_BASE_URL is the server (default http://localhost:8080),
CCAPI_API_KEY the key, where it asks for one.  Needs python3-httpx and python3-websockets.
"""

import argparse
import fcntl
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from ccapi import BatchItem, CcapiError, ClaudeClient

SUFFIXES = {".txt", ".md", ".rst", ".text"}
PER_BATCH = 100  # documents in one request, at most
BATCH_BYTES = 4 << 20  # and bytes of text
MAX_BYTES = 2 << 20  # a longer document is refused here; the model's context would refuse it, too
QUESTION = "Summarize this document in three sentences."


class Document(NamedTuple):
    name: str  # path below the folder
    text: str
    digest: str  # of the text and of what is asked about it


def digest_of(data: bytes, question: str, model: str) -> str:
    """The same question about the same text has the same digest."""
    h = hashlib.sha256()
    for part in (question.encode(), model.encode(), data):
        h.update(len(part).to_bytes(8, "big") + part)
    return h.hexdigest()


class Output:
    """The file of lines.  A line is in it whole or not at all: half of one, left by a crash, is cut off at the start."""

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = open(path, "a+b")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.file.close()
            raise ValueError(f"{path}: another run writes it")
        self.done = self._read()

    def _read(self) -> Set[Tuple[str, str]]:
        """(file, digest) of what is answered; ValueError: a line is not ours."""
        last: Dict[str, Tuple[str, bool]] = {}
        good = 0  # bytes of whole lines
        self.file.seek(0)
        for number, line in enumerate(self.file, 1):
            if not line.endswith(b"\n"):
                break
            try:
                row = json.loads(line)
                last[row["file"]] = (row["sha256"], row["status"] == "ok")
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{self.file.name}, line {number}: not a line of this program: {error!r}")
            good += len(line)
        self.file.truncate(good)
        return {(name, digest) for name, (digest, ok) in last.items() if ok}

    def add(self, row: Dict[str, Any]) -> None:
        """Writes a line by one call, so that nobody ever reads half of it."""
        self.file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        self.file.flush()

    def close(self) -> None:
        os.fsync(self.file.fileno())
        self.file.close()


def documents(folder: Path, question: str, model: str) -> Iterator[Document]:
    """The texts below the folder, in the order of their names; what cannot be read is told and left out."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix in SUFFIXES and p.is_file()):
        name = str(path.relative_to(folder))
        if path.stat().st_size > MAX_BYTES:
            print(f"{name}: larger than {MAX_BYTES} bytes, left out", file=sys.stderr)
            continue
        data = path.read_bytes()
        text = data.decode("utf-8", "replace").replace("\0", "\ufffd")
        if text.strip():
            yield Document(name, text, digest_of(data, question, model))


def in_batches(todo: Iterator[Document]) -> Iterator[List[Document]]:
    """Groups that are small enough for one request."""
    batch: List[Document] = []
    size = 0
    for document in todo:
        if batch and (len(batch) == PER_BATCH or size + len(document.text) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += len(document.text)
    if batch:
        yield batch


def row_of(document: Document, item: BatchItem) -> Dict[str, Any]:
    whole = item.ok and item.finish_reason == "stop"
    error = item.error.message if item.error else None if whole else f"the answer ended with {item.finish_reason}"
    return {
        "file": document.name, "sha256": document.digest, "status": "ok" if whole else "error",
        "answer": item.content, "error": error, "model": item.model,
        "tokens": item.usage.total_tokens if item.usage else 0, "cost_usd": item.cost,
    }  # fmt: skip


class Run:
    """What one run has done."""

    def __init__(self, client: ClaudeClient, output: Output, question: str, model: str) -> None:
        self.client = client
        self.output = output
        self.question = question
        self.model = model
        self.answered = self.failed = 0
        self.cost = 0.0

    def batch(self, batch: List[Document]) -> None:
        """Asks about a group; each answer is written as it comes.  CcapiError: the rest of it was not answered."""
        requests = [{"prompt": f"{self.question}\n\n<document>\n{d.text}\n</document>"} for d in batch]
        with self.client.batch_as_completed(requests, model=self.model) as items:
            for item in items:
                row = row_of(batch[item.index], item)
                self.output.add(row)
                self.answered += row["status"] == "ok"
                self.failed += row["status"] != "ok"
                self.cost += item.cost
                print(f"{row['file']}: {row['error'] or 'ok'}", file=sys.stderr)


def work(arguments: argparse.Namespace, client: ClaudeClient, output: Output) -> int:
    run = Run(client, output, arguments.ask, arguments.model)
    found = documents(arguments.folder, arguments.ask, arguments.model)
    todo = (d for d in found if (d.name, d.digest) not in output.done)
    status = 0
    try:
        for batch in in_batches(todo):
            run.batch(batch)
    except CcapiError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        status = 3
    except KeyboardInterrupt:
        status = 130
    print(f"{len(output.done)} done before, {run.answered} now, {run.failed} failed, ${run.cost:.6f}", file=sys.stderr)
    return status or (1 if run.failed else 0)


def main(argv: Optional[List[str]] = None) -> int:
    p = argparse.ArgumentParser(description="Asks the same about each text of a folder.")
    p.add_argument("folder", type=Path)
    p.add_argument("output", type=Path, help="JSON lines; those that are there already are not asked again")
    p.add_argument("--ask", default=QUESTION, metavar="TEXT", help=f"what to ask ({QUESTION})")
    p.add_argument("--model", default="auto", help="auto (default), haiku, sonnet, opus, or a full id")
    arguments = p.parse_args(argv)
    if not arguments.folder.is_dir():
        p.error(f"{arguments.folder} is not a folder")
    try:
        output = Output(arguments.output)
    except (OSError, ValueError) as error:
        p.error(str(error))
    try:
        with ClaudeClient() as client:
            return work(arguments, client, output)
    finally:
        output.close()


if __name__ == "__main__":
    sys.exit(main())
