"""The package as it is shipped: types, old Python, documentation, a wheel that installs."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest
from harness import Daemon

import ccapi

PACKAGE = Path(__file__).resolve().parents[2] / "client" / "python"
SOURCES = sorted((PACKAGE / "ccapi").glob("*.py"))


def run(*argv: Any, cwd: Path, **env: str) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "PYTHONDONTWRITEBYTECODE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **env}
    p = subprocess.run([str(a) for a in argv], cwd=cwd, env=environment, capture_output=True, text=True, timeout=400)
    assert p.returncode == 0, p.stdout + p.stderr
    return p.stdout + p.stderr


def test_mypy_strict_finds_nothing(tmp_path: Path) -> None:
    program = tmp_path / "user.py"
    program.write_text(
        "from typing import List\nfrom ccapi import AsyncClaudeClient, ClaudeClient\n"
        "def f(c: ClaudeClient) -> float:\n"
        "    text: str = c.complete('x', max_tokens=3).content\n"
        "    with c.stream(text, transport='websocket') as s:\n        pieces: List[str] = list(s)\n"
        "    return sum(i.cost for i in c.batch(pieces)) + (s.cost or 0.0)\n"
        "async def g(c: AsyncClaudeClient) -> str:\n"
        "    async with c.stream('x') as s:\n        return ''.join([t async for t in s])\n"
    )
    mypy = [sys.executable, "-m", "mypy", "--cache-dir", tmp_path / "cache"]
    assert "no issues found" in run(*mypy, "--config-file", PACKAGE / "pyproject.toml", cwd=PACKAGE)
    assert "no issues found" in run(*mypy, "--strict", "--python-version", "3.8", program, cwd=tmp_path, MYPYPATH=str(PACKAGE))
    program.write_text("from ccapi import ClaudeClient\nx: int = ClaudeClient().complete('x').content\n")
    with pytest.raises(AssertionError, match="Incompatible types"):
        run(*mypy, "--strict", "--python-version", "3.8", program, cwd=tmp_path, MYPYPATH=str(PACKAGE))


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.name)
def test_sources_are_python_3_8(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 8))
    assert source.name in ("_version.py", "__init__.py", "__main__.py", "client.py") or "from __future__ import annotations" in text
    assert len(text.splitlines()) < 500 and max(map(len, text.splitlines())) <= 130


def public() -> Iterator[Tuple[str, Any]]:
    for name in ccapi.__all__:
        thing = getattr(ccapi, name)
        if not inspect.isclass(thing):
            continue
        yield name, thing
        for member, value in vars(thing).items():
            if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                yield f"{name}.{member}", value


def test_everything_public_is_documented() -> None:
    assert [name for name, thing in public() if not (thing.__doc__ or "").strip()] == []
    for name in ("complete", "stream", "batch_as_completed", "usage", "route", "models", "health", "get_session", "delete_session"):
        for client in (ccapi.ClaudeClient, ccapi.AsyncClaudeClient):
            doc = inspect.getdoc(getattr(client, name)) or ""
            assert "Raises" in doc and "seconds" in doc, name


def test_both_clients_have_the_same_calls() -> None:
    def calls(client: Any) -> Any:
        found = {}
        for name, value in vars(client).items():
            if inspect.isfunction(value) and (not name.startswith("_") or name == "__init__"):
                found[name] = [(p.name, p.kind, p.default) for p in inspect.signature(value).parameters.values()]
        return found

    assert calls(ccapi.ClaudeClient) == calls(ccapi.AsyncClaudeClient)


def test_only_httpx_and_websockets_are_needed() -> None:
    known = set(sys.stdlib_module_names) | {"httpx", "ccapi"}
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert all(n.split(".")[0] in known for n in names), (source.name, names)


def test_the_wheel_installs_in_a_fresh_environment_without_a_network(tmp_path: Path, daemon: Daemon) -> None:
    source = tmp_path / "source"
    run("cp", "-r", PACKAGE, source, cwd=tmp_path)
    pip = ["-m", "pip", "--no-cache-dir"]
    run("/usr/bin/python3", *pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", tmp_path / "dist", source, cwd=tmp_path)
    (wheel,) = (tmp_path / "dist").glob("ccapi-*.whl")
    assert wheel.name == f"ccapi-{ccapi.__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"ccapi/{p.name}" for p in SOURCES} | {"ccapi/py.typed"} <= set(names)
    assert not [n for n in names if not n.startswith(("ccapi/", "ccapi-"))]

    run("/usr/bin/python3", "-m", "venv", "--system-site-packages", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, *pip, "install", "--no-index", "--no-deps", wheel, cwd=tmp_path)
    assert "httpx" in run(python, *pip, "show", "ccapi", cwd=tmp_path)
    where = run(python, "-c", "import ccapi; print(ccapi.__file__)", cwd=tmp_path).strip()
    assert where.startswith(str(tmp_path / "venv"))
    url = f"http://127.0.0.1:{daemon.port}"
    assert run(python, "-m", "ccapi", "from a wheel", cwd=tmp_path, CCAPI_BASE_URL=url) == "You said: from a wheel\n"
