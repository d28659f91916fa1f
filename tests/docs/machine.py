"""A scratch of a machine, and a reader at it who does what a page says, from its first command to its last.

    machine.py JOB        inside `unshare -m -n -p -f --mount-proc`, with the right to mount; JOB is a file of JSON:
                          {"dir", "repo", "bin", "build", "modules", "before": [...], "steps": [...]}
                          step: {"kind", "text"}; the results go to DIR/results, one line of JSON for each step that was begun

The sources are a copy; for root /etc, /usr, /var and /opt are overlays: what is written to them is gone at the end.  The
network has a loopback and nothing else, so the port is the one of the pages.  One shell runs all commands; programs of a page
run between them.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

TOKEN = "sk-ant-oat01-0123456789abcdefghijklmnopqrstuvwxyz\n"  # what a reader pastes where a command reads its input
STEP_SECONDS = 60


def mount(kind: str, source: str, target: str, data: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    args = [a.encode() for a in (source, target, kind)]
    if libc.mount(*args, 0, data.encode()):
        raise OSError(ctypes.get_errno(), f"mount {kind} on {target}")


def overlay(place: str, at: str, scratch: Path) -> None:
    name = at.strip("/").replace("/", "-")
    for part in ("upper", "work"):
        (scratch / name / part).mkdir(parents=True)
    mount("overlay", "overlay", at, f"lowerdir={place},upperdir={scratch}/{name}/upper,workdir={scratch}/{name}/work")


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 1 | 64))  # SIOCSIFFLAGS: IFF_UP | IFF_RUNNING


def prepare(job: Dict[str, Any]) -> Dict[str, str]:
    """Mounts; the environment of the reader's shell."""
    here = Path(__file__).resolve().parent
    scratch, tree, home = Path(job["dir"], "scratch"), Path(job["dir"], "tree"), Path(job["dir"], "home")
    for folder in (scratch, home):
        folder.mkdir()
    mount("tmpfs", "tmpfs", str(scratch))
    shutil.copytree(job["repo"], tree, symlinks=True, ignore=shutil.ignore_patterns("build", "node_modules", ".git"))
    (tree / ".git").symlink_to(Path(job["repo"], ".git"))
    root = os.geteuid() == 0
    for place in ("/etc", "/usr", "/var", "/opt") if root else ():
        overlay(place, place, scratch)
    mount("tmpfs", "tmpfs", "/run", "mode=755")
    loopback_up()
    standins = here / "standins"
    programs = Path("/usr/local/bin") if root else Path(job["dir"], "bin")  # where the service's user looks, too
    programs.mkdir(exist_ok=True)
    shutil.copy(standins / "claude.sh", programs / "claude")
    shutil.copy(Path(job["bin"], "claude-sim"), programs)
    # build/bin of the sources: programs that run on need their stand-ins there as well.
    (tree / "build/bin").mkdir(parents=True)
    for program in ("ccapid", "ccapictl", "ccapitop"):
        (tree / "build/bin" / program).symlink_to(standins / program)
    (tree / "build/bin/claude-sim").symlink_to(Path(job["bin"], "claude-sim"))
    return {
        "PATH": f"{standins}:{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{job['node']}",
        "HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb", "XDG_RUNTIME_DIR": "/run",
        "DOCS_DIR": job["dir"], "DOCS_BIN": job["bin"], "DOCS_BUILD": job["build"], "DOCS_STANDINS": str(standins),
        "DOCS_MODULES": job["modules"], "STATE_DIR": "/var/lib/ccapi" if root else f"{home}/.local/state/ccapi",
        **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
    }  # fmt: skip


class Shell:
    """One bash that reads a file of commands at a time, and tells of each command that failed."""

    def __init__(self, job: Dict[str, Any], env: Dict[str, str]) -> None:
        self.dir = Path(job["dir"])
        (self.dir / "token").write_text(TOKEN)
        self.bash = subprocess.Popen(["bash", "--norc"], env=env, cwd=self.dir / "tree", stdin=subprocess.PIPE, text=True,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        self.serial = 0

    def words(self) -> List[str]:
        """PLACEHOLDER VALUE, as what came before the page has written them: what a reader puts in a word's place."""
        path = self.dir / "words"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, text: str) -> Dict[str, Any]:
        self.serial += 1
        for line in self.words():
            word, _, value = line.partition(" ")
            text = text.replace(word, value)
        block, out, failed = (self.dir / f"{self.serial}.{name}" for name in ("sh", "out", "failed"))
        done = self.dir / f"{self.serial}.done"
        os.mkfifo(done)
        block.write_text(text + "\n")
        failed.touch()
        assert self.bash.stdin
        self.bash.stdin.write(
            f"set -E -o pipefail; trap 'echo \"$? $BASH_COMMAND\" >>{failed}' ERR\n"
            f". {block} >{out} 2>&1 <{self.dir}/token\n"
            f"trap - ERR; set +E +o pipefail; echo done >{done}\n"
        )
        self.bash.stdin.flush()
        late = subprocess.run(["timeout", str(STEP_SECONDS), "cat", str(done)], capture_output=True).returncode
        lines = failed.read_text().splitlines()
        if late:
            lines.append(f"124 not done after {STEP_SECONDS} s")
        return {"output": out.read_text(errors="replace") if out.exists() else "", "failed": lines, "stuck": bool(late)}


def program(job: Dict[str, Any], kind: str, text: str) -> str:
    """The command for a program that a page shows, which is written to a file first."""
    folder = Path(job["dir"], "programs")
    folder.mkdir(exist_ok=True)
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(job["modules"])
    if kind == "python":
        (folder / "block.py").write_text(text)
        return f"python3 {folder}/block.py"
    if kind == "conf":
        (folder / "block.conf").write_text(text)
        return f"ccapid --check-config --config {folder}/block.conf"
    if kind == "page":
        (folder / "page.mjs").write_text((Path(__file__).parent / "page.mjs").read_text())
        (folder / "block.js").write_text(text)
        return f"node {folder}/page.mjs {folder}/block.js"
    (folder / "block.mjs").write_text(text)
    return f"node {folder}/block.mjs"


def main() -> None:
    for number in (signal.SIGINT, signal.SIGQUIT):  # a shell that starts us in the background has us ignore them
        signal.signal(number, signal.SIG_DFL)
    job = json.loads(Path(sys.argv[1]).read_text())
    shell = Shell(job, prepare(job))
    steps: List[Dict[str, str]] = [{"kind": "sh", "text": text} for text in job["before"]] + job["steps"]
    with open(Path(job["dir"], "results"), "w") as results:
        for step in steps:
            text = step["text"] if step["kind"] == "sh" else program(job, step["kind"], step["text"])
            result = shell.run(text)
            results.write(json.dumps(result) + "\n")
            results.flush()
            if result["stuck"]:
                break


main()
