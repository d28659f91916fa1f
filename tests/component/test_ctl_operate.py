"""ccapictl's tables and sheets of workers, requests, queue and plan, against a scripted server."""
import json
import re

import pytest

from ctl_support import HOSTILE, FakeControl, clean, control, ctl  # noqa: F401 - control is a fixture
from fake_control import (NOT_FOUND, NOT_PERMITTED, Fault, plan, pool, queue, request, status, worker)


def rows(text):
    """Title to value, for each line of a table whose cells hold no two blanks."""
    lines = [line for line in text.split("\n\n")[0].split("\n") if line]
    starts = [m.start() for m in re.finditer(r"(?<=  )\S|^\S", lines[0])]
    spans = list(zip(starts, [*starts[1:], None]))
    titles = [lines[0][a:b].strip() for a, b in spans]
    return [dict(zip(titles, re.split(r" {2,}", line.strip()))) for line in lines[1:]]


# ---- workers


def test_workers_as_a_table(control):
    control.answer("workers.list", {"pool": pool(), "workers": [
        worker(2, state="busy", project="chatbot", request="req_8f21a", model="claude-opus-5-5", requests=1118),
        worker(7, state="gone", why="exit 1", model="m", project="p", request="r")]})
    first, second = rows(ctl(control, "workers", "list").stdout)
    assert (first["ID"], first["STATE"], first["MODEL"], first["PROJECT"], first["REQUEST"], first["SERVED"]) == (
        "2", "busy", "claude-opus-5-5", "chatbot", "req_8f21a", "1,118")
    assert first["RSS"] == "220.3 MiB" and first["PID"] == "4802" and first["CLI"] == "2.1.330"
    assert second["ID"] == "7" and second["WHY"] == "exit 1"
    assert ctl(control, "workers", "list", "-q").stdout == "2\n7\n"
    assert json.loads(ctl(control, "workers", "list", "--json").stdout)["pool"]["configured"] == 5


def test_a_worker_on_its_last_request_is_told(control):
    control.answer("workers.list", {"pool": pool(), "workers": [worker(1, state="busy", retiring=True)]})
    assert "busy, last" in ctl(control, "workers", "list").stdout


def test_the_pool_says_when_it_tries_again_and_what_mends_it(control):
    control.answer("workers.list", {"workers": [], "pool": pool(
        health="failing", detail="the CLI ends at once", mend="claude doctor", configured=9,
        next_start={"attempt": 2, "at": "2099-01-01T00:00:00.000Z", "why": "exit 1"})})
    out = ctl(control, "workers", "list").stdout
    assert "No workers." in out and "Pool failing: 3 of at most 5 busy (9 by the settings)" in out
    assert "the CLI ends at once" in out and "mend: claude doctor" in out
    assert re.search(r"next start, attempt 2, in \d+ d \d+ h after: exit 1", out)


def test_restart_drain_and_scale(control):
    control.answer("workers.restart", worker(2))
    control.answer("workers.drain", worker(2))
    control.answer("workers.scale", {"workers": 7, "configured": 5})
    assert "--yes" in ctl(control, "workers", "restart", "2", check=2).stderr
    assert not control.asked("workers.restart")
    assert ctl(control, "workers", "restart", "2", "-y").stdout.startswith("Worker 2 ends")
    assert control.asked("workers.restart") == [{"id": 2}]
    assert "Worker 2 takes no further request" in ctl(control, "workers", "drain", "2").stdout
    assert ctl(control, "workers", "scale", "7").stdout == (
        "At most 7 workers until the settings are read again; these say 5.\n")
    assert control.asked("workers.scale") == [{"workers": 7}]
    assert "257" in ctl(control, "workers", "scale", "257", check=2).stderr
    assert ctl(control, "workers", "scale", "7", "-q").stdout == ""
    control.answer("workers.scale", {"workers": 5, "configured": 5})
    assert ctl(control, "workers", "scale", "5").stdout == "At most 5 workers, as the settings say.\n"


# ---- requests


def test_requests_as_a_table(control):
    control.answer("requests.list", {"requests": [
        request("req_a"), request("req_b", outcome="timeout", error="too slow", project="p"),
        request("req_c", state="running", ended_at=None, outcome=None)]})
    a, b, c = rows(ctl(control, "requests", "list").stdout)
    assert (a["REQUEST"], a["STATE"], a["IN ALL"], a["QUEUED"], a["FIRST"]) == ("req_a", "ok", "21.50 s", "0.31 s", "1.92 s")
    assert (a["IN"], a["OUT"], a["COST"], a["WORKER"], a["KEY"]) == ("12,204", "803", "$0.071", "2", "k_3fa2c19d")
    assert b["STATE"] == "timeout" and b["ERROR"] == "too slow"
    assert c["STATE"] == "running" and re.fullmatch(r"[\d.]+ s", c["IN ALL"])
    assert ctl(control, "requests", "list", "-q").stdout == "req_a\nreq_b\nreq_c\n"
    ctl(control, "requests", "list", "--state", "live", "--project", "p", "--lines", "7")
    assert control.asked("requests.list")[-1] == {"state": "live", "project": "p", "lines": 7}
    control.answer("requests.list", {"requests": []})
    assert ctl(control, "requests", "list").stdout == "No requests.\n"


def test_a_request_as_a_sheet_with_its_timeline(control):
    control.answer("requests.show", request(attempts=2, error="boom", outcome="upstream_error", status=502))
    out = ctl(control, "requests", "show", "req_1").stdout
    facts = dict(re.split(r" {2,}", line, 1) for line in out.split("\n\n")[0].split("\n"))
    assert facts["State"] == "upstream_error" and facts["HTTP status"] == "502" and facts["Error"] == "boom"
    assert facts["Key"] == 'k_3fa2c19d "ci"' and facts["Asked"] == "POST /v1/chat/completions"
    assert facts["Route"] == "auto:design" and facts["Because"] == "score 7.5" and facts["Model"] == "claude-opus-5-5"
    steps = [re.split(r" {2,}", line.strip(), 1) for line in out.split("Timeline\n")[1].split("\n\n")[0].split("\n")]
    assert steps == [["accepted", "2026-11-24 08:00:00.000"], ["queued for", "0.31 s"], ["to worker", "2 (warm), attempt 2"],
                     ["first token", "after 1.92 s"], ["ended", "after 21.50 s"]]
    assert re.search(r"Tokens in +12,204\n +read from the prompt cache +11,800\n", out)
    assert re.search(r"Cost +\$0\.071\n", out) and re.search(r"Tokens held +16,200\n", out)


def test_the_sheet_of_a_request_that_waits_tells_of_nothing_that_has_not_happened(control):
    control.answer("requests.show", request(state="queued", dispatched_at=None, first_token_at=None, ended_at=None, worker=None,
                                            warm=None, outcome=None, status=None, output_tokens=0, output_estimated=True))
    out = ctl(control, "requests", "show", "req_1").stdout
    assert "to worker" not in out and "first token" not in out and "ended" not in out
    assert "under way" in out and "HTTP status" not in out and re.search(r"Tokens out +~0, streamed", out)
    assert ctl(control, "requests", "show", "req_1", "-q").stdout == "queued\n"


def test_a_request_is_cancelled(control):
    control.answer("requests.cancel", request())
    assert ctl(control, "requests", "cancel", "req_1").stdout == "Request req_1 is cancelled.\n"
    control.answer("requests.cancel", Fault(NOT_FOUND, "there is no request 'req_1' under way"))
    assert "no request" in ctl(control, "requests", "cancel", "req_1", check=1).stderr
    control.answer("requests.cancel", Fault(NOT_PERMITTED, "needs operate", hint="run it as root"))
    r = ctl(control, "requests", "cancel", "req_1", check=4)
    assert r.stderr == "ccapictl: needs operate\n  run it as root\n"


# ---- queue, plan, status


def test_pause_resume_and_drain(control):
    control.answer("pause", queue(paused=True))
    control.answer("resume", queue())
    control.answer("drain", {"draining": True, "open": 4})
    out = ctl(control, "pause").stdout
    assert "is held" in out and "2 of at most 100 wait, 3 run" in out and "ccapictl resume" in out
    assert "is served" in ctl(control, "resume").stdout
    r = ctl(control, "drain", check=2)
    assert "--yes" in r.stderr and not control.asked("drain")
    assert "4 are under way" in ctl(control, "drain", "-y").stdout


def test_plan_with_gauges(control):
    control.answer("plan", plan(status="warning", limit="five_hour"))
    five, seven, state = ctl(control, "plan").stdout.rstrip("\n").split("\n")
    assert re.fullmatch(r"5 hours  \[#{17}\.{13}\]  57 %   resets in \d+ d \d+ h", five)
    assert seven == "7 days   [######........................]  21 %"
    assert re.match(r"status   warning, by the limit five_hour   heard .* ago", state)
    assert ctl(control, "plan", "-q").stdout == "warning\n"
    control.answer("plan", plan(five_hour={"utilization": 1.7, "resets_at": None}, seven_day={"utilization": None}))
    five, seven, _ = ctl(control, "plan").stdout.rstrip("\n").split("\n")
    assert "[" + 30 * "#" + "]" in five and seven == "7 days   not reported yet"


def test_status_with_pool_and_queue(control):
    control.answer("status", status(state="paused", queue=queue(paused=True), pool=pool(
        configured=9, next_start={"attempt": 2, "at": "2099-01-01T00:00:00.000Z", "why": "exit 1"})))
    out = ctl(control, "status").stdout
    assert re.search(r"^state +paused$", out, re.M)
    assert re.search(r"^pool +ready   3 of 5 busy, 2 ready, .*\(9 by the settings\)$", out, re.M)
    assert re.search(r"the next start is in \d+ d \d+ h, attempt 2, after: exit 1$", out, re.M)
    assert re.search(r"^cli +2\.1\.330   claude\.ai, subscription max, owner@example\.com$", out, re.M)
    assert re.search(r"^queue +2 waiting of at most 100   paused: ccapictl resume", out, re.M)
    assert ctl(control, "status", "-q").stdout == "paused\n"


def test_the_closest_budgets(control):
    control.answer("budgets.list", {"budgets": []})
    ctl(control, "budgets", "list", "--closest", "3")
    assert control.asked("budgets.list") == [{"closest": 3}]


# ---- what must not do harm


RESULTS = {
    "workers list": {"workers": [worker(1, state=HOSTILE, model=HOSTILE, project=HOSTILE, request=HOSTILE, why=HOSTILE,
                                        since=HOSTILE, version=HOSTILE)],
                     "pool": pool(health=HOSTILE, detail=HOSTILE, mend=HOSTILE,
                                  next_start={"attempt": 1, "at": HOSTILE, "why": HOSTILE})},
    "requests list": {"requests": [request(HOSTILE, outcome=HOSTILE, project=HOSTILE, route=HOSTILE, error=HOSTILE,
                                           accepted_at=HOSTILE, model=HOSTILE)]},
    "requests show x": request(HOSTILE, path=HOSTILE, method=HOSTILE, peer=HOSTILE, key_label=HOSTILE, route_reason=HOSTILE,
                               error=HOSTILE, accepted_at=HOSTILE, outcome=HOSTILE),
    "requests cancel x": request(HOSTILE),
    "plan": plan(status=HOSTILE, limit=HOSTILE, resets_at=HOSTILE, five_hour={"utilization": 1, "resets_at": HOSTILE}),
    "status": status(state=HOSTILE, pool=pool(login=HOSTILE, cli_version=HOSTILE, next_start={"at": HOSTILE})),
    "logs": {"logs": [{"at": HOSTILE, "level": HOSTILE, "area": HOSTILE, "message": HOSTILE, "fields": {HOSTILE: HOSTILE}}]},
    "chat x": {"text": HOSTILE, "finish_reason": HOSTILE, "request": request(HOSTILE, model=HOSTILE, route=HOSTILE)},
    "doctor": {"ok": False, "checks": [{"name": HOSTILE, "title": HOSTILE, "state": HOSTILE, "text": HOSTILE, "mend": HOSTILE}]},
}
METHODS = {"requests show x": "requests.show", "requests cancel x": "requests.cancel", "chat x": "chat"}


def method_of(words):
    return METHODS.get(words, words.replace(" ", "."))


@pytest.mark.parametrize("more", ["", "--json", "--quiet"])
@pytest.mark.parametrize("words", RESULTS)
def test_control_characters_never_reach_the_terminal(control, words, more):
    control.answer(method_of(words), RESULTS[words])
    r = ctl(control, *words.split(), *more.split(), check=None)
    assert r.returncode in (0, 1) and clean(r.stdout) and clean(r.stderr)
    if more == "--json" and words != "logs":
        answered = json.loads(r.stdout)
        assert answered == RESULTS[words] if words != "doctor" else RESULTS[words]["checks"][0] in answered["checks"]


@pytest.mark.parametrize("result", [None, 7, "x", [], {}, {"workers": 7}, {"workers": [7, None]}, {"requests": [None, 7, []]},
                                    {"pool": 7, "queue": [], "plan": "x"}, {"logs": [7, None]}, {"checks": [7, None]},
                                    {"request": 7, "text": None}, {"five_hour": 7, "seven_day": []}])
@pytest.mark.parametrize("words", ["workers list", "workers scale 3", "requests list", "requests show x", "plan", "status", "pause",
                                   "drain -y", "logs", "chat x", "doctor"])
def test_answers_of_a_strange_shape_do_no_harm(control, words, result):
    verb = words.replace(" -y", "").replace(" 3", "").replace(" x", "").replace(" ", ".")
    control.answer(verb, result)
    assert ctl(control, *words.split(), check=None).returncode in (0, 1)
