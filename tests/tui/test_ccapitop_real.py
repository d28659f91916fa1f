"""Every action of the dashboard by its keys, with ccapid and claude-sim, and what it did seen through the API and
through ccapictl."""

import re
import threading

import pytest

from dashboard import Dashboard
from harness import Daemon
from terminal import wait_for

HOLD = "[[sim:delay=3600000]] held"


class Asking:
    """A chat request under way."""

    def __init__(self, d, prompt, **params):
        self.answer = None
        self.thread = threading.Thread(target=self._ask, args=(d, prompt, params), daemon=True)
        self.thread.start()
        self.row = wait_for(lambda: self._find(d), "the request to run")
        self.id = self.row["id"]

    def _ask(self, d, prompt, params):
        self.answer = d.chat(prompt, **params)

    def _find(self, d):
        rows = d.ctl("requests", "list", "--state", "live")["requests"]
        return next((r for r in rows if r["state"] == "running"), None)

    def wait(self):
        return wait_for(lambda: self.answer, "the answer")


@pytest.fixture(scope="module")
def daemon():
    with Daemon(options={"auth.required": True}) as d:
        yield d


@pytest.fixture
def shown(daemon):
    return lambda view, begins: Dashboard(daemon.socket, view, begins)


def row_of(rows, **wanted):
    return next((r for r in rows if all(r.get(k) == v for k, v in wanted.items())), None)


def down_to(t, column, text):
    """Moves the selection to the one row that has the text: the others are filtered out."""
    t.tmux.wait_for(lambda rows: any(text in row for row in rows[2:-2]), f"a row with {text!r}")
    t.keys("/")
    t.text(text)
    t.tmux.wait_for(lambda rows: any(f"/{text} " in row and " 1 of " in row for row in rows), f"/{text} 1 of")
    t.keys("Enter")
    t.shows(column)


# ---- requests and workers


def test_a_running_request_is_cancelled():
    with Daemon() as d:
        asking = Asking(d, HOLD)
        with Dashboard(d.socket, "requests", asking.id[:9]) as t:
            t.shows("running")
            t.keys("Enter")
            t.shows("no token yet")
            t.keys("c")
            t.shows(f"Cancel {asking.id}")
            t.keys("Enter")
            t.shows(f"request {asking.id} cancelled")
            assert asking.wait().status == 499
            t.shows("cancelled, HTTP status 499")
            t.keys("c")
            t.shows("the request has ended already")
        assert d.ctl("requests", "show", asking.id)["outcome"] == "cancelled"


def test_the_worker_of_a_request_is_restarted():
    with Daemon() as d:
        asking = Asking(d, "[[sim:delay=3000]] once more")
        worker = asking.row["worker"]
        with Dashboard(d.socket, "requests", asking.id[:9]) as t:
            t.shows("running")
            t.keys("w")
            t.shows(f"Restart worker w{worker}")
            t.keys("Enter")
            t.shows(f"worker w{worker} restarted")
            assert asking.wait().status == 200
            t.keys("Enter")
            t.shows("2 attempts")
            t.shows("ok, HTTP status 200")
        assert worker not in [w["id"] for w in d.ctl("workers", "list")["workers"]]
        assert d.ctl("requests", "show", asking.id)["attempts"] == 2


# ---- projects and budgets


def test_a_project_is_made_changed_and_deleted(daemon, shown):
    with shown("budgets", "everybody") as t:
        t.keys("n")
        t.fill("made")
        t.keys("Tab")
        t.fill("nonsense")
        t.keys("Enter")
        t.shows("there is no model 'nonsense'")
        t.fill("haiku")
        t.keys("Enter")
        t.shows("project made created")
        made = daemon.ctl("projects", "show", "made")
        assert made["default_model"] == "haiku"
        down_to(t, "OF", "made")
        t.keys("e", "Tab", "Tab")
        t.fill("90")
        t.keys("Enter")
        t.shows("project made changed")
        assert daemon.ctl("projects", "show", "made")["requests_per_minute"] == 90
        t.keys("X", "Tab", "Enter")
        t.shows("project made deleted, its keys revoked")
        assert row_of(daemon.ctl("projects", "list")["projects"], name="made") is None
        t.keys("Escape")
        t.tmux.wait_for(lambda rows: not any("made" in row for row in rows[2:-2]), "no row of made")


def test_a_budget_is_set_reset_and_deleted(daemon, shown):
    key = daemon.new_key("docs")
    with shown("budgets", "docs") as t:
        down_to(t, "OF", "docs")
        t.shows("no budget")
        t.keys("b")
        t.shows("Budget of docs")
        t.keys("Enter")
        t.shows("tokens: a budget needs tokens, usd or both")
        t.fill("12M")
        t.keys("Down")
        t.fill("5")
        t.keys("Down")
        t.fill("fortnight")
        t.keys("Enter")
        t.shows("window: window must be hour, day")
        t.fill("day")
        t.keys("Enter")
        t.shows("budget of docs set to 12 M tokens and $5.00 per day")
        b = daemon.ctl("budgets", "show", "docs")["budgets"][0]
        assert (b["limit_tokens"], b["limit_usd"], b["window"]) == (12000000, 5.0, "day")
        t.shows("of 12 M")
        assert daemon.chat("spend", {"Authorization": f"Bearer {key}"}).status == 200
        wait_for(lambda: daemon.ctl("budgets", "show", "docs")["budgets"][0]["used_tokens"] > 0, "some use")
        t.keys("r")
        t.shows("Reset the budget of docs")
        t.keys("Enter")
        t.shows("budget of docs per day begins anew")
        assert daemon.ctl("budgets", "show", "docs")["budgets"][0]["used_tokens"] == 0
        t.keys("x")
        t.shows("Delete the budget of docs")
        t.keys("Enter")
        t.shows("budget of docs per day deleted")
        assert daemon.ctl("budgets", "show", "docs")["budgets"] == []
        t.shows("no budget")


def test_limits_of_everybody_are_set_and_taken_away(daemon, shown):
    with shown("budgets", "everybody") as t:
        t.keys("Home", "e")
        t.shows("Limits of everybody")
        t.fill("1k")
        t.keys("Enter")
        t.shows("limits of everybody: 1,000 requests a minute")
        assert daemon.ctl("limits", "show", "--global")["limits"][0]["requests_per_minute"] == 1000
        t.keys("Enter")
        t.shows("limits  1,000 requests a minute")  # the list has been asked for again
        t.keys("e")
        t.shows("1000")
        t.fill("")
        t.keys("Enter")
        t.shows("limits of everybody: none")
        assert daemon.ctl("limits", "show", "--global")["limits"][0]["requests_per_minute"] is None


# ---- keys


def secret_of(rows):
    """The first line in the box."""
    text = "\n".join(rows)
    return re.search(r"Secret of key.*\n.*│ (\S+)", text)[1]


def status(daemon, secret):
    return daemon.chat("may I?", {"Authorization": f"Bearer {secret}"}).status


def test_a_key_is_made_rotated_and_revoked(daemon, shown):
    daemon.new_key("clients")
    with shown("keys", "clients") as t:
        t.keys("n")
        t.fill("clients")
        t.keys("Tab")
        t.fill("builder")
        t.keys("Enter")
        made = secret_of(t.shows("This is the only time it is shown"))
        t.keys("Enter")
        t.shows("It will not be shown again")
        t.keys("Enter")
        t.hides(made)
        t.shows("of clients created")
        row = row_of(daemon.ctl("keys", "list")["keys"], label="builder")
        assert row["scopes"] == ["chat", "batch", "usage"]
        assert status(daemon, made) == 200
        down_to(t, "LABEL", "builder")
        t.keys("R")
        t.fill("0")
        t.keys("Enter")
        rotated = secret_of(t.shows("This is the only time it is shown"))
        t.keys("Enter", "Enter")
        t.shows("its old secret works no more")
        assert status(daemon, made) == 401
        assert status(daemon, rotated) == 200
        t.keys("e")
        t.fill("builders")
        t.keys("Tab", "Tab", "Space", "Enter")
        t.shows(f"key {row['id']} changed")
        changed = daemon.ctl("keys", "show", row["id"])
        assert (changed["label"], changed["scopes"]) == ("builders", ["chat", "usage"])
        t.keys("b")
        t.shows(f"Budget of key {row['id']}")
        t.fill("1k")
        t.keys("Enter")
        t.shows(f"budget of key {row['id']} set to 1 k tokens per month")
        assert daemon.ctl("budgets", "show", "--key", row["id"])["budgets"][0]["limit_tokens"] == 1000
        t.keys("x", "Tab", "Enter")
        t.shows(f"key {row['id']} revoked")
        assert daemon.ctl("keys", "show", row["id"])["state"] == "revoked"
        assert status(daemon, rotated) == 401
        t.shows("revoked")


# ---- routing


def test_overrides_are_set_and_cleared(daemon, shown):
    daemon.new_key("routed")
    with shown("routing", "rule") as t:
        t.keys("o", "Enter")
        t.shows("name one of project, key and global")
        t.keys("Escape")
        t.hides("Override the routing")
        t.keys("o")
        t.fill("opus")
        t.keys("Tab", "Tab", "Tab")
        t.fill("routed")
        t.keys("Tab", "Tab", "Tab")
        t.fill("2h")
        t.keys("Tab")
        t.fill("a launch")
        t.keys("Enter")
        t.shows("force opus for routed, ends in")
        one = daemon.ctl("routing", "show")["overrides"][0]
        assert (one["action"], one["model"], one["project"], one["reason"]) == ("force", "opus", "routed", "a launch")
        assert one["expires_at"]
        t.shows("a launch")
        t.keys("Home", "x")
        t.shows(f"Override {one['id']} (force opus for routed) ends now")
        t.keys("Enter")
        t.shows(f"override {one['id']} cleared")
        assert daemon.ctl("routing", "show")["overrides"] == []
        for model in ("opus", "sonnet"):
            daemon.ctl("routing", "set", "--deny", model, "--project", "routed")
        t.shows("sonnet")
        wait_for(lambda: sum("deny" in row for row in t.tmux.screen()) == 2, "both overrides")
        t.keys("X")
        t.shows("Every override (2) ends now")
        t.keys("Enter")
        t.shows("all overrides cleared, 2")
        assert daemon.ctl("routing", "show")["overrides"] == []


def test_a_text_is_tried(daemon, shown):
    with shown("routing", "rule") as t:
        t.keys("t")
        t.fill("hello")
        t.keys("Enter")
        wanted = daemon.ctl("routing", "test", "hello")
        t.shows(f"{wanted['recommended_model']} would answer, by rule {wanted['rule']}")


# ---- the daemon goes


def test_a_form_outlives_the_daemon():
    with Daemon(keep=True) as d:
        d.ctl("projects", "create", "docs")
        options = {"state_dir": d.state}
        with Dashboard(d.socket, "budgets", "docs") as t:
            t.keys("n")
            t.fill("kept")
            socket = d.socket
            d.kill()
            t.shows("No daemon since")
            t.keys("Enter")
            t.shows("nothing was done")
            t.shows("kept")
            with Daemon(options=dict(options, **{"control.socket": socket})) as again:
                again.socket = socket
                t.hides("No daemon since")
                t.keys("Enter")
                t.hides("New project")
                t.keys("Escape")  # the error has been read
                t.shows("project kept created")
                assert row_of(again.ctl("projects", "list")["projects"], name="kept")
