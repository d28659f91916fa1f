"""Routing: POST /v1/route and model:"auto" decide alike, and the operator's word counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from harness import REPO, Daemon, bearer, in_parallel

SETS = [REPO / "tests/eval/routing.tsv", REPO / "tests/eval/routing-heldout.tsv"]


def tasks() -> Iterator[Tuple[str, int, str]]:
    for path in SETS:
        for line in Path(path).read_text().splitlines():
            if line and not line.startswith("#"):
                label, context, text = line.split("\t", 2)
                yield label, int(context), text


def advise(d: Daemon, **body: Any) -> Dict[str, Any]:
    r = d.request("POST", "/v1/route", body)
    assert r.status == 200, r.body
    return dict(r.json)


def test_route_and_auto_agree_on_every_line_of_the_evaluation_set() -> None:
    rows = list(tasks())
    assert len(rows) >= 150
    with Daemon(options={"pool.workers": 4, "pool.reuse": "always", "pool.max_requests": 1000000, "log.level": "info"}) as d:

        def check(worker: int) -> List[str]:
            wrong = []
            for _, _, text in rows[worker::4]:
                described = advise(d, task_description=text)
                spoken = advise(d, messages=[{"role": "user", "content": text}])
                r = d.chat(text, model="auto")
                assert r.status == 200
                said = (r.headers["x-ccapi-model"], r.headers["x-ccapi-route"])
                if said != (spoken["model_id"], spoken["rule"]) or said != (described["model_id"], described["rule"]):
                    wrong.append(f"{text[:60]!r}: auto {said}, route {spoken['model_id']} {described['model_id']}")
            return wrong

        assert sum(in_parallel(4, check), []) == []


def test_context_size_counts_as_a_conversation_of_that_size() -> None:
    with Daemon() as d:
        assert advise(d, task_description="Say hello.")["recommended_model"] == "haiku"
        large = advise(d, task_description="Say hello.", context_size=50_000)
        assert large["recommended_model"] == "opus" and large["reasoning"]
        filler = [{"role": "user", "content": "word " * 40_000}, {"role": "assistant", "content": "yes"},
                  {"role": "user", "content": "Say hello."}]  # fmt: skip
        r = d.chat(filler, model="auto")
        assert r.headers["x-ccapi-model"].startswith("claude-opus")


def test_advice_has_the_documented_fields() -> None:
    with Daemon() as d:
        got = advise(d, task_description="Debug this stack trace and explain the race.")
        assert set(got) == {"recommended_model", "model_id", "rule", "reasoning", "score", "alternatives"}
        assert got["rule"].startswith("auto:") and got["reasoning"]
        assert {a["model"] for a in got["alternatives"]}.isdisjoint({got["recommended_model"], "default"})
        assert all(a["estimated_cost_usd"] > 0 for a in got["alternatives"])


@pytest.mark.parametrize(
    "body, param",
    [
        ({}, "task_description"), ({"task_description": 5}, "task_description"), ({"task_description": ""}, "task_description"),
        ({"task_description": "a", "context_size": -1}, "context_size"), ({"task_description": "a", "context_size": 1.5}, "context_size"),
        ({"task_description": "a", "messages": []}, "task_description"), ({"messages": []}, "messages"),
        ({"task_description": "a", "project_id": 5}, "project_id"), ({"task_description": "a", "project_id": "a/b"}, "project_id"),
    ],
)  # fmt: skip
def test_bad_questions_name_the_field(body: Any, param: str) -> None:
    with Daemon() as d:
        r = d.request("POST", "/v1/route", body)
        assert r.status == 400 and r.error["param"] == param, r.body


def test_overrides_show_in_the_next_answer_of_their_scope_and_survive_a_restart() -> None:
    keyed = {"auth.required": True}
    with Daemon(options=keyed) as d:
        one, two = bearer(d.new_key("one")), bearer(d.new_key("two"))
        d.ctl("routing", "set", "--force", "opus", "--project", "one")
        r = d.chat("Say hello.", headers=one, model="auto")
        assert (r.headers["x-ccapi-model"][:11], r.headers["x-ccapi-route"]) == ("claude-opus", "override:project")
        assert d.chat("Say hello.", headers=two, model="auto").headers["x-ccapi-model"].startswith("claude-haiku")
        d.ctl("routing", "set", "--deny", "sonnet", "--global")
        r = d.chat("Say hello.", headers=two, model="sonnet")
        assert r.status == 403 and r.error["param"] == "model"
        d.kill()
        with Daemon(options=keyed, state=d.state) as again:
            assert again.chat("Say hello.", headers=one, model="auto").headers["x-ccapi-route"] == "override:project"
            again.ctl("routing", "clear", "--all")
            assert again.chat("Say hello.", headers=one, model="auto").headers["x-ccapi-model"].startswith("claude-haiku")


def test_an_override_ends_with_its_time() -> None:
    from harness import wait_for

    with Daemon() as d:
        d.ctl("routing", "set", "--force", "opus", "--global", "--for", "1s")
        wait_for(lambda: d.chat("Say hello.", model="auto").headers["x-ccapi-model"].startswith("claude-haiku"), "its end")
        assert d.ctl("routing", "show")["overrides"] == []


def test_projects_have_default_and_allowed_models() -> None:
    with Daemon() as d:
        d.ctl("projects", "create", "demo", "--default-model", "opus", "--models", "haiku,opus")
        r = d.request("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}], "project_id": "demo"})
        assert (r.headers["x-ccapi-model"][:11], r.headers["x-ccapi-route"]) == ("claude-opus", "project:default")
        assert d.chat("hi", project_id="demo", model="sonnet").status == 403
        assert d.chat("hi", project_id="demo", model="haiku").status == 200


def test_little_budget_means_haiku() -> None:
    with Daemon() as d:
        d.ctl("projects", "create", "poor")
        d.ctl("budgets", "set", "poor", "--tokens", "900", "--window", "day")
        r = d.chat("Design the architecture of a distributed database.", project_id="poor", model="auto", max_tokens=50)
        assert (r.headers["x-ccapi-model"][:12], r.headers["x-ccapi-route"]) == ("claude-haiku", "budget:low")


def test_rules_of_the_settings_take_the_place_of_the_built_in_ones() -> None:
    rules = ["shout: opus when keywords urgent", "long: +9 when words > 5"]
    with Daemon(options={"routing.rules": rules}) as d:
        assert advise(d, task_description="urgent thing")["rule"] == "auto:shout"
        assert advise(d, task_description="one two three four five six")["recommended_model"] == "opus"
        assert advise(d, task_description="design an architecture")["recommended_model"] == "haiku"


@pytest.mark.parametrize("rule", ["nonsense", "a: +x when words > 5", "a: +1 when wrods > 5", "a: +1 when words >", ""])
def test_bad_rules_are_refused_at_the_start(rule: str) -> None:
    import subprocess

    from harness import BIN_DIR

    argv = [str(BIN_DIR / "ccapid"), "--check-config", "-o", "routing.rules=ok: +1 when words > 5", "-o", f"routing.rules={rule}"]
    p = subprocess.run(argv, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "HOME": "/tmp"})
    if rule:
        assert p.returncode != 0 and "routing.rules" in p.stderr, p.stderr


def test_the_operator_is_told_why_as_clients_are() -> None:
    with Daemon() as d:
        for text in ("Debug this stack trace", "What is 2+2?"):
            assert d.ctl("routing", "test", text) == advise(d, task_description=text)
        d.ctl("projects", "create", "demo", "--default-model", "opus")
        text = "Debug this stack trace"
        assert d.ctl("routing", "test", text, "--project", "demo") == advise(d, task_description=text, project_id="demo")


def test_auto_among_the_allowed_models_lets_it_choose_freely() -> None:
    with Daemon() as d:
        d.ctl("projects", "create", "demo", "--models", "auto,haiku")
        r = d.chat("Debug this stack trace", model="auto", project_id="demo")
        assert r.headers["x-ccapi-model"].startswith("claude-sonnet")
        assert d.chat("hi", model="opus", project_id="demo").status == 403
