"""ccapictl doctor and top: what they find without a daemon, beside it, and in $PATH."""
import json
import os
import re
import shutil
import socket
import stat
import subprocess

import pytest

from ctl_support import CTL, FakeControl, control, ctl, environment  # noqa: F401 - control is a fixture
from control_support import NOBODY, as_root
from fake_control import METHOD_NOT_FOUND, Fault
from terminal import Pty

CHECK = {"name": "store", "title": "Store", "state": "ok", "text": "/x, 4 KiB", "mend": None}
NPM = "npm install -g @anthropic-ai/claude-code"


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


@pytest.fixture
def place(tmp_path):
    """A $PATH of our own: what else is on this machine is not found."""
    (tmp_path / "bin").mkdir()
    for name in ("sh", "env", "cat", "sleep"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    return tmp_path


def doctor(control, place, *more, check, **env):
    return ctl(control, "doctor", *more, check=check, env={"PATH": str(place / "bin"), "HOME": str(place), **env})


def items(r):
    return {c["name"]: c for c in json.loads(r.stdout)["checks"]}


# ---- with a daemon


def test_all_is_well(control, place):
    control.answer("doctor", {"ok": True, "checks": [CHECK]})
    lines = doctor(control, place, check=0).stdout.splitlines()
    assert [line[:7] for line in lines] == ["[ok]   "] * 4
    mode = stat.S_IMODE(os.stat(control.path).st_mode)
    assert str(control.path) in lines[0] or f"mode {mode:04o}" in lines[0]
    assert re.match(r"\[ok\]   Protocol +1, ccapid 0\.1\.0 \(pid 4711\)", lines[1])
    assert re.match(r"\[ok\]   What you may do +admin: everything", lines[2])
    assert re.match(r"\[ok\]   Store +/x, 4 KiB", lines[3])
    assert doctor(control, place, "-q", check=0).stdout == ""


def test_what_was_looked_at_from_here_is_not_told_twice(control, place):
    control.answer("doctor", {"ok": True, "checks": [{**CHECK, "name": "socket", "text": "from inside"}, CHECK]})
    text = doctor(control, place, check=0).stdout
    assert "from inside" not in text and text.count("Control socket") == 1 and "Store" in text


def test_what_fails_comes_with_what_mends_it(control, place):
    control.answer("doctor", {"ok": False, "checks": [
        CHECK, {**CHECK, "title": "Redis", "state": "warn", "text": "slow", "mend": "redis-cli ping"},
        {**CHECK, "title": "Disk", "state": "fail", "text": "full", "mend": "df -h /x"},
        {**CHECK, "title": "Empty prompt", "state": "unknown", "text": "not measured yet"}]})
    r = doctor(control, place, check=1)
    assert re.search(r"^\[warn\] Redis +slow\n +mend: redis-cli ping\n\[fail\] Disk +full\n +mend: df -h /x\n"
                     r"\[\?\]    Empty prompt +not measured yet$", r.stdout, re.M)
    assert doctor(control, place, "--quiet", check=1).stdout.startswith("[warn] Redis")
    assert json.loads(doctor(control, place, "--json", check=1).stdout)["ok"] is False


def test_a_warning_is_no_failure(control, place):
    control.answer("doctor", {"ok": True, "checks": [{**CHECK, "state": "warn"}]})
    assert json.loads(doctor(control, place, "--json", check=0).stdout)["ok"] is True


@pytest.mark.parametrize("right,says", [("read", "look at everything but secrets"), ("operate", "workers, requests, queue")])
def test_what_one_may_do_is_told(place, right, says):
    with FakeControl(hello={"right": right}, answers={"doctor": {"ok": True, "checks": []}}) as control:
        assert says in doctor(control, place, check=0).stdout


def test_a_daemon_of_another_version_is_told(place):
    with FakeControl(hello={"version": "0.0.9"}, answers={"doctor": {"ok": True, "checks": []}}) as control:
        item = items(doctor(control, place, "--json", check=0))["protocol"]
        assert item["state"] == "warn" and "0.0.9" in item["text"] and item["mend"] == "systemctl restart ccapid"


def test_a_daemon_of_another_protocol_fails(place):
    with FakeControl(hello={"protocol": 2, "version": "7.8.9"}) as control:
        item = items(doctor(control, place, "--json", check=1))["protocol"]
        assert item["state"] == "fail" and "7.8.9" in item["text"] and "upgrade" in item["mend"]


def test_a_daemon_that_cannot_say_fails(control, place):
    control.answer("doctor", Fault(METHOD_NOT_FOUND, "there is no method 'doctor'"))
    item = items(doctor(control, place, "--json", check=1))["daemon"]
    assert item["state"] == "fail" and "no method" in item["text"] and item["mend"]


def test_a_socket_that_everybody_may_open_is_told(control, place):
    control.answer("doctor", {"ok": True, "checks": []})
    os.chmod(control.path, 0o666)
    item = items(doctor(control, place, "--json", check=0))["socket"]
    assert item["state"] == "warn" and item["mend"] == f"chmod 0660 {control.path}"
    os.chmod(control.path, 0o660)
    item = items(doctor(control, place, "--json", check=0))["socket"]
    assert item["state"] == "ok" and "mode 0660" in item["text"] and "members of" in item["text"]


@as_root
def test_a_socket_that_may_not_be_opened_says_who_may(control, place):
    os.chmod(control.directory, 0o755)
    os.chmod(control.path, 0o660)
    os.chown(control.path, 0, 4)  # adm
    for parent in (place, *place.parents):
        if parent.stat().st_uid == 0 and parent != parent.parent:
            os.chmod(parent, parent.stat().st_mode | 0o055)
    r = doctor_as_nobody(control, place)
    item = items(r)["socket"]
    assert r.returncode == 4 and item["state"] == "fail" and "root:adm" in item["text"]
    assert item["mend"].startswith("usermod -aG adm nobody")


def doctor_as_nobody(control, place):
    """In a copy that nobody can reach."""
    copy = place / "ccapictl"
    shutil.copy(CTL, copy)
    return subprocess.run([copy, "doctor", "--json"], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True,
                          timeout=60, env=environment(control, PATH=str(place / "bin"), HOME="/"))


# ---- without one


def test_no_daemon(place):
    script(place / "bin" / "claude", 'env > "$HOME/env"\necho "2.1.330 (Claude Code)"\n')
    r = doctor(None, place, "--socket", str(place / "c.sock"), "--json", check=3, ANTHROPIC_API_KEY="sk-secret")
    found = items(r)
    assert found["socket"]["state"] == "fail" and "No such file" in found["socket"]["text"] and found["socket"]["mend"]
    assert found["cli"]["state"] == "ok" and found["cli"]["text"] == f"2.1.330 (Claude Code) at {place}/bin/claude"
    assert "unit" not in found  # there is no systemctl in this $PATH
    given = dict(line.split("=", 1) for line in (place / "env").read_text().splitlines())
    assert given["HOME"] == str(place) and "ANTHROPIC_API_KEY" not in given and "CCAPI_SOCKET" not in given
    text = doctor(None, place, "--socket", str(place / "c.sock"), check=3).stdout
    assert text.startswith("[fail] Control socket") and "mend:" in text.splitlines()[1]


def test_a_dead_socket_is_told_from_a_missing_one(place):
    path = place / "c.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
    item = items(doctor(None, place, "-s", str(path), "--json", check=3))["socket"]
    assert item["state"] == "fail" and "no daemon answers" in item["text"]
    path.unlink()
    path.write_text("")
    item = items(doctor(None, place, "-s", str(path), "--json", check=3))["socket"]
    assert item["state"] == "fail" and "is no socket" in item["text"]


@pytest.mark.parametrize("body,says", [(None, "no claude in"), ("exit 7\n", "exit code 7"), ("echo 'no sh' >&2; kill -9 $$\n", "exit code 137")])
def test_a_cli_that_is_not_well(place, body, says):
    if body:
        script(place / "bin" / "claude", body)
    item = items(doctor(None, place, "-s", str(place / "x"), "--json", check=3))["cli"]
    assert item["state"] == "fail" and says in item["text"] and item["mend"] == NPM


@pytest.mark.parametrize("answer,state,says,mend", [
    ("LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\n", "fail", "failed: exit-code", "journalctl -u ccapid -n 50"),
    ("LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\n", "fail", "inactive (dead)", "systemctl start ccapid"),
    ("LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\n", "ok", "active (running)", None),
    ("LoadState=not-found\nActiveState=inactive\nSubState=dead\n", "unknown", "no unit", None),
])
def test_the_unit_of_systemd(place, answer, state, says, mend):
    script(place / "bin" / "systemctl", f"cat <<'X'\n{answer}X\n")
    item = items(doctor(None, place, "-s", str(place / "x"), "--json", check=3))["unit"]
    assert (item["state"], item["mend"]) == (state, mend) and says in item["text"]


def test_the_program_of_the_daemon_is_looked_for(place):
    copy = place / "here" / "ccapictl"
    copy.parent.mkdir()
    shutil.copy(CTL, copy)

    def look():
        r = subprocess.run([copy, "doctor", "-s", str(place / "x"), "--json"], capture_output=True, text=True, timeout=60,
                           env=environment(None, PATH=str(place / "bin"), HOME=str(place)))
        return items(r)["ccapid"]

    if not any(os.path.exists(f"{d}/ccapid") for d in ("/usr/sbin", "/usr/local/sbin")):
        assert look()["state"] == "warn"
    elsewhere = script(place / "bin" / "ccapid", "")
    assert look()["text"] == str(elsewhere)
    beside = script(place / "here" / "ccapid", "")
    assert look()["text"] == str(beside)


# ---- colours


@pytest.mark.parametrize("env,coloured", [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_colours_only_where_they_are_wanted(control, place, env, coloured):
    control.answer("doctor", {"ok": True, "checks": [CHECK]})
    with Pty([CTL, "doctor"], env=environment(control, PATH=str(place / "bin"), HOME=str(place), TERM="xterm", **env)) as p:
        assert p.exit_status() == 0
        assert (b"\x1b[32m[ok]\x1b[0m" in p.output()) == coloured
        assert b"Store" in p.output()


# ---- top


def test_top_runs_the_dashboard_beside_it_then_the_one_in_path(tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    shutil.copy(CTL, here / "ccapictl")

    def top(*words):
        return subprocess.run([here / "ccapictl", "top", *words], capture_output=True, text=True, timeout=60,
                              env=environment(None, PATH=f"{tmp_path}/bin:relative"))

    (tmp_path / "bin").mkdir()
    r = top()
    assert r.returncode == 1 and r.stdout == "" and f"no ccapitop, neither in {here} nor in $PATH" in r.stderr
    script(tmp_path / "bin" / "ccapitop", 'echo in path "$@"\n')
    assert top("--socket", "/a b").stdout == "in path --socket /a b\n"
    script(here / "ccapitop", 'echo beside "$@"\nexit 7\n')
    r = top()
    assert (r.returncode, r.stdout) == (7, "beside\n")
