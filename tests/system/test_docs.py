"""/docs and what it loads: found where it is installed, served from memory that does not grow, and nothing else is."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Iterator

import pytest
from harness import BIN_DIR, Daemon, wait_for
from system_support import MEMORY_FACTOR

UI_DIR = BIN_DIR.parent / "share/ccapi/docs-ui"
BUNDLE = "/docs/swagger-ui-bundle.js"
TYPES = {"docs.css": "text/css; charset=utf-8", "docs.js": "text/javascript; charset=utf-8",
         "swagger-ui.css": "text/css; charset=utf-8", "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
         "favicon-32x32.png": "image/png"}  # fmt: skip


@pytest.fixture(scope="module")
def d() -> Iterator[Daemon]:
    with Daemon(options={"auth.required": True, "http.cors_origins": "http://app.example"}) as daemon:
        yield daemon


def is_interactive(d: Daemon) -> bool:
    page = d.request("GET", "/docs")
    assert page.status == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    return b"swagger-ui-bundle.js" in page.body


def test_the_page_and_its_files_need_no_key_and_have_a_strict_policy(d: Daemon) -> None:
    assert is_interactive(d)
    page = d.request("GET", "/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy and "//" not in policy
    assert b"<script>" not in page.body and b"style=" not in page.body and b"http" not in page.body
    for name, kind in TYPES.items():
        r = d.request("GET", f"/docs/{name}")
        assert (r.status, r.headers["content-type"], r.headers["x-content-type-options"]) == (200, kind, "nosniff")
        assert f"docs/{name}?v=".encode() in page.body
    assert d.request("GET", BUNDLE).body == (UI_DIR / "swagger-ui-bundle.js").read_bytes()


def test_files_of_this_version_may_be_kept_for_good(d: Daemon) -> None:
    version = d.request("GET", "/docs").body.split(b"docs.js?v=")[1].split(b'"')[0].decode()
    assert "immutable" in d.request("GET", f"{BUNDLE}?v={version}").headers["cache-control"]
    for query in ("", "?v=", "?v=0000000000000000", f"?v={version}x"):
        assert d.request("GET", BUNDLE + query).headers["cache-control"] == "no-cache"


def test_a_client_that_has_it_is_told_so(d: Daemon) -> None:
    for path in ("/docs", "/openapi.json", BUNDLE):
        tag = d.request("GET", path).headers["etag"]
        for known in (tag, f'"a", {tag}', f"W/{tag},", "*"):
            r = d.request("GET", path, headers={"If-None-Match": known})
            assert (r.status, r.body, r.headers["etag"]) == (304, b"", tag), known
        assert d.request("GET", path, headers={"If-None-Match": '"a", b'}).status == 200
        head = d.request("HEAD", path)
        assert (head.status, head.body) == (200, b"") and int(head.headers["content-length"]) > 500


@pytest.mark.parametrize("path", [
    "/docs/", "/docs/index.html", "/docs/LICENSE", "/docs/openapi.json", "/docs/docs.html", "/docs/../ccapid", "/docs/..%2fccapid",
    "/docs/%2e%2e/ccapid", "/docs/docs.css/x", "/docs/docs.css%00", "/docs//docs.css", "/docs/DOCS.CSS", "/docs/.", "/Docs"])  # fmt: skip
def test_nothing_else_is_served(d: Daemon, path: str) -> None:
    r = d.request("GET", path)
    assert r.status in (400, 404) and r.error["message"], path


def test_other_pages_may_read_the_document_where_they_may_call_the_api(d: Daemon) -> None:
    r = d.request("GET", "/openapi.json", headers={"Origin": "http://app.example"})
    assert r.headers["access-control-allow-origin"] == "http://app.example"
    assert "access-control-allow-origin" not in d.request("GET", "/openapi.json").headers


def test_readers_that_stand_still_cost_no_copy(d: Daemon) -> None:
    request = f"GET {BUNDLE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    d.request("GET", BUNDLE)
    before = d.rss_kb()
    sockets = [d.send_raw(request, rcvbuf=4096) for _ in range(100)]
    try:
        for s in sockets:
            assert s.recv(16).startswith(b"HTTP/1.1 200")
        assert d.rss_kb() - before < 20000 * MEMORY_FACTOR  # a copy each would be 170 MB
    finally:
        for s in sockets:
            s.close()


def test_switched_off_there_is_no_page_until_a_reload(tmp_path: Path) -> None:
    conf = tmp_path / "ccapid.conf"
    conf.write_text("docs: { enabled = false; };\n")
    with Daemon(args=["--config", str(conf)]) as d:
        for path in ("/docs", "/docs/docs.css", BUNDLE):
            r = d.request("GET", path)
            assert (r.status, r.error["code"]) == (404, "not_found")
        assert d.request("GET", "/openapi.json").status == 200
        conf.write_text("")
        d.signal(signal.SIGHUP)
        wait_for(lambda: d.request("GET", "/docs").status == 200, "the reload")


def test_without_the_package_the_page_says_how_to_get_it(tmp_path: Path) -> None:
    with Daemon(options={"docs.ui_dir": tmp_path}) as d:
        assert not is_interactive(d)
        page = d.request("GET", "/docs").body
        assert b"make deps" in page and b'href="openapi.json"' in page
        assert d.request("GET", BUNDLE).status == 404
        assert d.request("GET", "/docs/docs.css").status == 200


@pytest.mark.parametrize("what", ["a folder", "a pipe", "too large", "missing"])
def test_files_that_are_none_are_not_read(tmp_path: Path, what: str) -> None:
    shutil.copytree(UI_DIR, tmp_path / "ui")
    victim = tmp_path / "ui/swagger-ui.css"
    victim.unlink()
    if what == "a folder":
        victim.mkdir()
    elif what == "a pipe":
        os.mkfifo(victim)
    elif what == "too large":
        with victim.open("wb") as f:
            f.truncate((16 << 20) + 1)
    with Daemon(options={"docs.ui_dir": tmp_path / "ui"}) as d:
        assert not is_interactive(d)
        assert d.request("GET", "/docs/swagger-ui.css").status == 404


def test_it_is_found_where_make_install_puts_it(tmp_path: Path) -> None:
    (tmp_path / "sbin").mkdir()
    shutil.copy(BIN_DIR / "ccapid", tmp_path / "sbin/ccapid")
    shutil.copytree(UI_DIR, tmp_path / "share/ccapi/docs-ui")
    installed = ["/bin/sh", "-c", f'shift; exec {tmp_path}/sbin/ccapid "$@"', "sh"]
    with Daemon(prefix=installed) as d:
        assert is_interactive(d)
    shutil.rmtree(tmp_path / "share")
    with Daemon(prefix=installed) as d:
        assert not is_interactive(d)
