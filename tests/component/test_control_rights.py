"""Who may do what: every verb is tried by peers of other users and groups."""
import json
import os
import shutil
import stat
import subprocess

import pytest

from control_support import (ADMINS, BIN, DEADLINE, GROUP, NOBODY, NOT_PERMITTED, OPERATORS, Refused, acting_as, as_root, gid, probe,
                             verb_rights, with_probe)  # noqa: F401 - probe is a fixture

pytestmark = as_root

# Parameters with which each verb would work, if it were permitted.
GOOD = {
    "projects.create": {"name": "new"},
    "projects.show": {"name": "demo"},
    "projects.set": {"name": "demo", "concurrent": 1},
    "projects.delete": {"name": "demo"},
    "keys.create": {"project": "demo"},
    "keys.show": {"id": "KEY"},
    "keys.set": {"id": "KEY", "label": "changed"},
    "keys.rotate": {"id": "KEY"},
    "keys.revoke": {"id": "KEY"},
    "budgets.show": {"project": "demo"},
    "budgets.set": {"project": "demo", "tokens": 5},
    "budgets.reset": {"project": "demo"},
    "budgets.delete": {"project": "demo"},
    "limits.set": {"project": "demo", "concurrent": 1},
    "routing.set": {"global": True, "deny": "opus"},
    "routing.clear": {"all": True},
    "routing.test": {"text": "hello"},
    "hello": {"protocol": 1},
    "workers.restart": {"id": 1},
    "workers.drain": {"id": 1},
    "workers.scale": {"workers": 2},
    "requests.show": {"id": "req_1"},
    "requests.cancel": {"id": "req_1"},
    "chat": {"text": "hello"},
    "login.set": {"token": "sk-ant-oat01-abc"},
}
ORDER = ["read", "operate", "admin"]


def state(probe):
    with probe.peer() as p:
        found = [p.call(m) for m in ("projects.list", "keys.list", "budgets.list", "routing.show", "limits.show", "config.show")]
    return json.dumps(found)


def prepare(probe):
    with probe.peer() as p:
        p.call("projects.create", name="demo")
        key = p.call("keys.create", project="demo")["id"]
        p.call("budgets.set", project="demo", tokens=1000)
        p.call("routing.set", project="demo", cap="sonnet")
    return key


def try_all(probe, who, right):
    """Every verb as that peer; those above its right must be refused, and then nothing has changed."""
    key = prepare(probe)
    before = state(probe)
    with acting_as(*who):
        peer = probe.peer()
    assert peer.hello["params"]["right"] == right
    for method, needed in verb_rights().items():
        params = {k: key if v == "KEY" else v for k, v in GOOD.get(method, {}).items()}
        if ORDER.index(needed) > ORDER.index(right):
            with pytest.raises(Refused) as e:
                peer.call(method, **params)
            assert e.value.code == NOT_PERMITTED, method
            assert "control." in e.value.data["hint"]
    peer.close()
    assert state(probe) == before


@with_probe(groups=True)
def test_a_reader_can_change_nothing(probe):
    try_all(probe, (NOBODY, gid(GROUP)), "read")
    assert f"uid {NOBODY}" in probe.log()


@with_probe(groups=True)
def test_an_operator_can_not_give_or_take_access_or_money(probe):
    try_all(probe, (NOBODY, gid(GROUP), [gid(OPERATORS)]), "operate")


@with_probe(groups=True)
def test_a_reader_can_look_at_everything(probe):
    key = prepare(probe)
    with acting_as(NOBODY, gid(GROUP)):
        peer = probe.peer()
    for method, needed in verb_rights().items():
        params = {k: key if v == "KEY" else v for k, v in GOOD.get(method, {}).items()}
        if needed != "read" or method in ("routing.test", "requests.show"):  # there is no model and no request
            continue
        assert isinstance(peer.call(method, **params), dict), method
    peer.close()


@with_probe(groups=True)
def test_an_operator_can_steer(probe):
    with acting_as(NOBODY, gid(OPERATORS), [gid(GROUP)]):
        peer = probe.peer()
    override = peer.call("routing.set", deny="opus", **{"global": True})
    assert override["uid"] == NOBODY
    assert peer.call("routing.clear", all=True) == {"cleared": 1}
    assert peer.call("cache.flush") == {"flushed": 0}
    assert peer.call("config.check")["ok"] and peer.call("config.reload")["reloaded"]
    peer.close()


@with_probe(groups=True)
def test_an_admin_of_the_group_can_do_everything(probe):
    with acting_as(NOBODY, gid(GROUP), [1, 2, 3, gid(ADMINS)]):
        peer = probe.peer()
    peer.call("projects.create", name="demo")
    peer.call("projects.delete", name="demo")
    peer.close()
    assert f"uid={NOBODY}" in probe.log()


@with_probe(groups=True)
def test_the_group_is_let_in_and_others_are_not(probe):
    st = os.stat(probe.path)
    assert stat.S_IMODE(st.st_mode) == 0o660 and st.st_gid == gid(GROUP)
    assert os.stat(probe.path.parent).st_gid == gid(GROUP)
    with acting_as(NOBODY, NOBODY), pytest.raises(PermissionError):
        probe.peer()


def test_without_groups_only_owner_and_root_get_in(probe):
    with acting_as(NOBODY, gid(GROUP), [gid(OPERATORS), gid(ADMINS)]), pytest.raises(PermissionError):
        probe.peer()


@with_probe(groups=True)
def test_rights_are_those_of_the_connection(probe):
    """What a process is when it connects counts, not what it becomes."""
    with acting_as(NOBODY, gid(GROUP)):
        peer = probe.peer()
    with pytest.raises(Refused) as e:
        peer.call("projects.create", name="demo")
    assert e.value.code == NOT_PERMITTED
    peer.close()


@with_probe(groups=True)
def test_ccapictl_says_4(probe):
    shutil.copy(BIN / "ccapictl", probe.root)  # the build's folder may be closed to others

    def run(group, *words):
        argv = ["setpriv", f"--reuid={NOBODY}", f"--regid={group}", "--clear-groups", str(probe.root / "ccapictl"), *words]
        return subprocess.run(argv, env={"CCAPI_SOCKET": str(probe.path)}, capture_output=True, text=True, timeout=DEADLINE)

    assert run(gid(GROUP), "projects", "list").returncode == 0
    r = run(gid(GROUP), "projects", "create", "demo")
    assert r.returncode == 4 and "needs the right 'admin'" in r.stderr and "control.admin_group" in r.stderr
    r = run(NOBODY, "projects", "list")
    assert r.returncode == 4 and "control.group" in r.stderr
