"""Every action of the dashboard by its keys, against a daemon that says what the test tells it to: what is asked of
the daemon, and what the screen says came of it.  With a real daemon: test_ccapitop_real.py."""

import base64
import os

import pytest

from dashboard import TOP, Dashboard
from scripted_daemon import RpcError, ScriptedDaemon, fixture
from terminal import Pty, environment, wait_for

INVALID, NOT_FOUND, REFUSED = -32602, -32002, -32004


class Scripted(Dashboard):
    """With the daemon that it shows."""

    def __init__(self, directory, view, begins, right="admin"):
        self.daemon = ScriptedDaemon(directory / "control.sock", fixture("operator"), right=right)
        self.daemon.start()
        try:
            super().__init__(self.daemon.path, view, begins)
        except BaseException:
            self.daemon.stop()
            raise

    def __exit__(self, *error):
        super().__exit__(*error)
        self.daemon.stop()

    def asked(self, method, times=1):
        return self.daemon.wait_called(method, times)[times - 1].get("params")


@pytest.fixture
def dashboard(tmp_path):
    return lambda view, begins, **more: Scripted(tmp_path, view, begins, **more)


# ---- requests


def test_a_request_is_cancelled(dashboard):
    with dashboard("requests", "req_8f22") as d:
        d.daemon.answers["requests.cancel"] = {}
        d.keys("Down", "Down", "Down", "Enter")
        d.shows("dispatched w2 (warm)")
        d.keys("c")
        d.shows("Cancel req_8f2201b7c3a94f08bb")
        d.shows("the operator cancelled it")
        assert not d.daemon.called("requests.cancel")
        d.keys("Enter")
        assert d.asked("requests.cancel") == {"id": "req_8f2201b7c3a94f08bb"}
        d.shows("request req_8f2201b7c3a94f08bb cancelled")


def test_the_detail_follows_the_request(dashboard):
    with dashboard("requests", "req_8f22") as d:
        request = dict(d.daemon.snapshot["requests"]["live"][1])
        d.keys("Down", "Down", "Down", "Enter")
        d.shows("out 803 (estimated)")
        request.update(state="ended", outcome="timeout", status=504, error="it took too long",
                       ended_at="2026-11-24T14:02:40.120Z", output_tokens=1200, output_estimated=False)
        d.daemon.event("request", {"change": "ended", "request": request})
        d.shows("timeout, HTTP status 504")
        d.shows("it took too long")
        d.keys("c")
        d.shows("the request has ended already")
        d.keys("Escape")
        d.shows("STATE")


def test_its_worker_is_restarted(dashboard):
    with dashboard("requests", "req_8f22") as d:
        d.daemon.answers["workers.restart"] = {}
        d.keys("Down", "Down", "Down", "w")
        d.shows("Restart worker w2")
        d.keys("n")
        d.hides("Restart worker w2")
        d.keys("w", "y")
        assert d.asked("workers.restart") == {"id": 2}
        d.shows("worker w2 restarted")


def test_the_filter_is_of_requests(dashboard):
    with dashboard("requests", "req_8f22") as d:
        d.keys("/")
        d.text("overloaded")
        d.shows("1 of 9")
        d.hides("analyzer")
        d.keys("Escape")
        d.shows("analyzer")


# ---- budgets and projects


def test_a_budget_is_set(dashboard):
    with dashboard("budgets", "everybody") as d:
        def set_budget(params):
            budgets = d.daemon.answers["budgets.list"]["budgets"]
            docs = next(b for b in budgets if b.get("project") == "docs")
            docs["limit_tokens"] = params["tokens"]
            return docs
        d.daemon.answers["budgets.set"] = set_budget
        d.keys("Down", "Down", "Down", "Down", "b")
        d.shows("Budget of docs")
        d.fill("12M")
        d.keys("Enter")
        assert d.asked("budgets.set") == {"project": "docs", "tokens": 12000000, "usd": "40", "window": "month",
                                          "warn": 90}
        d.shows("budget of docs set to 12 M tokens and $40.00 per month")
        d.daemon.event("budget", {"project": "docs"})
        d.shows("9.4 M of 12 M")


def test_what_the_daemon_finds_wrong_stands_in_the_form(dashboard):
    with dashboard("budgets", "everybody") as d:
        d.daemon.answers["budgets.set"] = RpcError(INVALID, "a budget needs tokens, usd or both", "tokens")
        d.keys("Down", "b", "Enter")
        d.shows("tokens: a budget needs tokens, usd or both")
        d.fill("lots")
        d.keys("Enter")
        d.shows("tokens: must be a whole number")
        d.daemon.answers["budgets.set"] = lambda p: {"project": "analyzer", "window": "month", "limit_tokens": p["tokens"]}
        d.fill("250k")
        d.keys("Enter")
        assert d.asked("budgets.set", 2) == {"project": "analyzer", "tokens": 250000, "window": "month"}
        d.shows("budget of analyzer set to 250 k tokens per month")


def test_a_budget_is_reset_and_deleted(dashboard):
    with dashboard("budgets", "everybody") as d:
        d.daemon.answers.update({"budgets.reset": {}, "budgets.delete": {}})
        d.keys("Down", "Down", "r")
        d.shows("What was used of the budget of chatbot per day (512 k tokens, $1.55) is forgotten")
        d.keys("Enter")
        assert d.asked("budgets.reset") == {"project": "chatbot", "window": "day"}
        d.shows("budget of chatbot per day begins anew")
        d.keys("x")
        d.shows("Delete the budget of chatbot")
        d.keys("Enter")
        assert d.asked("budgets.delete") == {"project": "chatbot", "window": "day"}
        d.shows("budget of chatbot per day deleted")


def test_a_project_is_made_changed_and_deleted(dashboard):
    with dashboard("budgets", "everybody") as d:
        d.daemon.answers.update({"projects.create": {}, "projects.set": {}, "projects.delete": {}})
        d.keys("n")
        d.fill("new")
        d.keys("Down", "Down")
        d.fill("opus, haiku")
        d.keys("Enter")
        assert d.asked("projects.create") == {"name": "new", "models": ["opus", "haiku"]}
        d.shows("project new created")
        d.keys("Down", "e")
        d.shows("Project analyzer")
        d.keys("Tab", "Tab", "Tab", "Tab")
        d.fill("none")
        d.keys("Enter")
        assert d.asked("projects.set") == {"name": "analyzer", "requests_per_minute": 60, "concurrent": None}
        d.shows("project analyzer changed")
        d.keys("X")
        d.shows("Delete project analyzer")
        d.keys("Enter")  # is on cancel
        d.hides("Delete project analyzer")
        assert not d.daemon.called("projects.delete")
        d.keys("X", "Tab", "Enter")
        assert d.asked("projects.delete") == {"name": "analyzer"}
        d.shows("project analyzer deleted, its keys revoked")


def test_limits_of_everybody_are_set(dashboard):
    with dashboard("budgets", "everybody") as d:
        d.daemon.answers["limits.set"] = lambda p: p
        d.keys("e")
        d.shows("Limits of everybody")
        d.fill("1k")
        d.keys("Enter")
        assert d.asked("limits.set") == {"global": True, "requests_per_minute": 1000, "concurrent": 50}
        d.shows("limits of everybody: 1,000 requests a minute, 50 at one time")


# ---- keys


def test_a_key_is_made_and_its_secret_is_shown_once(dashboard):
    with dashboard("keys", "k_3fa2c19d") as d:
        d.daemon.answers["keys.create"] = {"id": "k_new", "key": "sk-once-and-never-again", "project": "chatbot"}
        d.keys("Down", "Down", "n")
        d.shows("New key")
        d.keys("Tab")
        d.fill("日本 ci")
        d.keys("Tab", "Tab", "Space", "Enter")
        assert d.asked("keys.create") == {"project": "chatbot", "label": "日本 ci", "scopes": ["chat", "usage"]}
        d.shows("sk-once-and-never-again")
        d.shows("This is the only time it is shown")
        d.keys("Enter")
        d.shows("It will not be shown again")
        d.keys("Escape")
        d.hides("sk-once-and-never-again")
        d.shows("key k_new of chatbot created")


def test_the_secret_is_copied_by_osc_52(tmp_path):
    path = tmp_path / "control.sock"
    with ScriptedDaemon(path, fixture("operator")) as daemon:
        daemon.answers["keys.rotate"] = {"id": "k_3fa2c19d", "key": "sk-copied", "project": "analyzer",
                                         "old_secret_until": "2099-01-01T00:00:00Z"}
        with Pty([TOP, "--socket", path, "--view", "keys"], 100, 30, environment()) as p:
            p.wait_for(b"k_3fa2c19d")
            p.send(b"R")
            p.wait_for(b"Rotate key")
            p.send(b"\r")
            p.wait_for(b"sk-copied")
            p.send(b"y")
            p.wait_for(b"\x1b]52;c;" + base64.b64encode(b"sk-copied"))
            assert daemon.wait_called("keys.rotate")[0]["params"] == {"id": "k_3fa2c19d", "grace": "24h"}
            p.send(b"\r\rq")
            assert p.exit_status() == 0
            assert p.is_sane()


def test_a_key_is_rotated(dashboard):
    with dashboard("keys", "k_3fa2c19d") as d:
        d.daemon.answers["keys.rotate"] = {"id": "k_3fa2c19d", "key": "sk-new", "project": "analyzer",
                                           "old_secret_until": "2099-01-01T00:00:00Z"}
        d.keys("R")
        d.shows('Rotate key k_3fa2c19d "ci" of analyzer')
        d.fill("31d")
        d.keys("Enter")
        d.shows("grace: must be 0s to 30d")
        d.fill("2h")
        d.keys("Enter")
        assert d.asked("keys.rotate") == {"id": "k_3fa2c19d", "grace": "2h"}
        d.shows("sk-new")
        d.keys("Enter", "Enter")
        d.shows("key k_3fa2c19d rotated; its old secret stops working 2099-01-01")


def test_a_key_is_changed_and_revoked(dashboard):
    with dashboard("keys", "k_3fa2c19d") as d:
        d.daemon.answers.update({"keys.set": {}, "keys.revoke": {}})
        d.keys("e")
        d.fill("builds")
        d.keys("Enter")
        assert d.asked("keys.set") == {"id": "k_3fa2c19d", "label": "builds", "scopes": ["chat", "batch", "usage"],
                                       "requests_per_minute": 30, "concurrent": 2}
        d.shows("key k_3fa2c19d changed")
        d.keys("x")
        d.shows("Revoke key k_3fa2c19d")
        d.keys("Enter")  # is on cancel
        d.hides("Revoke key")
        assert not d.daemon.called("keys.revoke")
        d.keys("x", "Tab", "Enter")
        assert d.asked("keys.revoke") == {"id": "k_3fa2c19d"}
        d.shows("key k_3fa2c19d revoked: it is worthless from now on")


# ---- routing


def test_an_override_is_set_and_cleared(dashboard):
    with dashboard("routing", "long_context") as d:
        def set_override(params):
            new = {"id": 11, "scope": "project", "project": params["project"], "action": "force",
                   "model": params["force"], "expires_at": "2099-01-01T00:00:00Z",
                   "created_at": "2026-11-24T14:02:31Z", "reason": params["reason"], "uid": 0}
            d.daemon.answers["routing.show"]["overrides"].append(new)
            return new
        d.daemon.answers.update({"routing.set": set_override, "routing.clear": {"cleared": 1}})
        d.keys("o")
        d.fill("opus")
        d.keys("Tab", "Tab", "Tab")
        d.fill("docs")
        d.keys("Tab", "Tab", "Tab")
        d.fill("2h")
        d.keys("Tab")
        d.fill("a launch")
        d.keys("Enter")
        assert d.asked("routing.set") == {"force": "opus", "project": "docs", "for": "2h", "reason": "a launch"}
        d.shows("override 11: force opus for docs, ends 2099-01-01")
        d.daemon.event("override", {"id": 11})
        d.shows("a launch")
        d.keys("x")
        d.shows("Override 7 (cap sonnet for everybody) ends now")
        d.keys("Enter")
        assert d.asked("routing.clear") == {"id": 7}
        d.shows("override 7 cleared")
        d.daemon.answers["routing.clear"] = {"cleared": 4}
        d.keys("X")
        d.shows("Every override (4) ends now")
        d.keys("Enter")
        assert d.asked("routing.clear", 2) == {"all": True}
        d.shows("all overrides cleared, 4")


def test_a_text_is_tried(dashboard):
    with dashboard("routing", "long_context", right="read") as d:
        d.daemon.answers["routing.test"] = {"recommended_model": "opus", "model_id": "claude-opus-5-5",
                                            "rule": "design", "score": 7.5, "reasoning": '"design" +4',
                                            "alternatives": []}
        d.keys("t")
        d.fill("design a cache")
        d.keys("Enter")
        assert d.asked("routing.test") == {"text": "design a cache"}
        d.shows('opus would answer, by rule design, score 7.5: "design" +4')


# ---- what can go wrong


@pytest.mark.parametrize("view, key, ready", [("requests", "c", "req_8f22"), ("budgets", "b", "everybody"),
                                              ("keys", "n", "k_3fa2c19d"), ("routing", "o", "long_context")])
def test_a_reader_is_told_which_right_is_missing(dashboard, view, key, ready):
    with dashboard(view, ready, right="read") as d:
        d.keys(key)
        d.shows("needs the right")
        d.shows("you have the right read")


def test_an_error_without_a_field_stays_until_it_is_read(dashboard):
    with dashboard("routing", "long_context") as d:
        d.daemon.answers["routing.clear"] = RpcError(NOT_FOUND, "there is no override 7 in force", "id", "look again")
        d.keys("x", "Enter")
        d.shows("routing clear: there is no override 7 in force - look again")
        d.daemon.event("override", {"id": 7})
        d.keys("Down", "Up")
        d.shows("there is no override 7 in force")
        d.keys("Escape")
        d.hides("there is no override 7 in force")


def test_a_call_whose_answer_never_comes_says_so(dashboard):
    with dashboard("keys", "k_3fa2c19d") as d:
        hold = {"n": 0}

        def silent(_):
            hold["n"] += 1
            wait_for(lambda: d.daemon.stopping.is_set(), "the end of the daemon")
            return {}
        d.daemon.answers["keys.rotate"] = silent
        d.keys("R", "Enter")
        wait_for(lambda: hold["n"] == 1, "the call")
        d.daemon.stop()
        d.shows("not known whether it was done")
        d.hides("Rotate key")
        d.daemon.start()
        d.shows("k_3fa2c19d")
        d.keys("Escape")
        d.hides("not known whether it was done")


def test_boxes_survive_a_resize(dashboard):
    with dashboard("keys", "k_3fa2c19d") as d:
        d.keys("n")
        d.shows("New key")
        d.keys("Tab")
        d.fill("kept")
        for columns, rows in [(40, 10), (30, 5), (200, 50), (80, 24)]:
            d.tmux.resize(columns, rows)
        d.shows("kept")
        d.keys("Escape")
        d.hides("New key")


def test_control_characters_in_an_error_do_not_reach_the_terminal(tmp_path):
    path = tmp_path / "control.sock"
    evil = "\x1b]0;owned\x07\x1b[31m\u202eno"
    with ScriptedDaemon(path, fixture("operator")) as daemon:
        daemon.answers["routing.set"] = RpcError(INVALID, evil, "force", evil)
        daemon.answers["routing.clear"] = RpcError(REFUSED, evil, None, evil)
        with Pty([TOP, "--socket", path, "--view", "routing"], 100, 30, environment()) as p:
            p.wait_for(b"score +4")
            p.send(b"o\r")
            daemon.wait_called("routing.set")
            p.wait_for("␛]0;owned".encode())
            start = len(p.output())
            p.send(b"\x1b")
            p.wait_for(b"clear all", start)  # the hints of the view again: the box is closed
            p.send(b"x")
            p.wait_for(b"Clear override")
            p.send(b"y")
            daemon.wait_called("routing.clear")
            p.wait_for(b"routing clear")
            out = p.output()
            assert b"\x1b]0;owned" not in out
            assert "\u202e".encode() not in out
            os.kill(p.process.pid, 15)
            assert p.exit_status() == -15
