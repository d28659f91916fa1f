"""The faults of claude-sim: each does what --help says, so that a test which asks for one really meets it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import clidriver as cli  # noqa: E402
from clibackend import Backend, clean, make_backend, stub  # noqa: E402, F401
from clidriver import Stub, Worker  # noqa: E402


@pytest.fixture
def canned(stub: Stub, tmp_path: Path) -> Iterator[Backend]:  # noqa: F811
    yield from make_backend("canned", stub, tmp_path)


@pytest.fixture
def sim(stub: Stub, tmp_path: Path) -> Iterator[Backend]:  # noqa: F811
    yield from make_backend("sim", stub, tmp_path)


def faulty(backend: Backend, faults: str, ready: bool = True) -> Worker:
    env = dict(cli.API_KEY, CLAUDE_SIM_FAULTS=faults)
    return backend.ready(env=env) if ready else backend.spawn(env=env)


def crash(worker: Worker, text: str) -> list[dict[str, Any]]:
    worker.write(worker.user(text))
    lines = worker.rest()
    assert worker.process.wait(cli.DEADLINE) == 134
    return lines


def test_answers_are_the_same_every_time(canned: Backend) -> None:
    answers = [cli.text_of(canned.ready().turn("What is a worker?")[1]) for _ in range(2)]
    assert answers == ["You said: What is a worker?"] * 2


def test_directives_are_not_part_of_the_answer(canned: Backend) -> None:
    _, lines = canned.ready().turn("Say [[sim:delay=1]]this[[sim:pace=1]] back")
    assert cli.text_of(lines) == "You said: Say this back"


@pytest.mark.parametrize("directive, text", [
    ("[[sim:text=as it is]]", "as it is"), ("[[sim:pace=1]][[sim:answer=a]] tail [[sim:delay=1]]", "a"),
    ("[[sim:tokens=5]]", "tok " * 5), ("[[sim:bytes=10]]", "tok tok to")])
def test_shaped_answers(canned: Backend, directive: str, text: str) -> None:
    assert cli.text_of(canned.ready().turn(directive)[1]) == text


def test_tokens_are_one_delta_each(canned: Backend) -> None:
    _, lines = canned.ready().turn("[[sim:tokens=7]]")
    assert cli.names(lines).count("content_block_delta") == 7
    assert cli.result_of(lines)["usage"]["output_tokens"] == 7


def test_huge_answer_is_whole(canned: Backend) -> None:
    _, lines = canned.ready().turn("[[sim:bytes=3000000]]")
    assert len(cli.text_of(lines)) == len(cli.result_of(lines)["result"]) == 3000000


def test_usage_is_as_told(canned: Backend) -> None:
    result = cli.result_of(canned.ready().turn("[[sim:usage=1234,56]]")[1])
    row = result["model_usage_since_last_result"]["claude-haiku-5-5"]
    assert (row["inputTokens"], row["outputTokens"]) == (1234, 56)


def test_tool_call_on_demand(canned: Backend) -> None:
    result = cli.result_of(canned.ready().turn("[[sim:tool=weather]]")[1])
    assert result["stop_reason"] == "tool_use"


def test_max_tokens_on_demand(canned: Backend) -> None:
    lines = canned.ready().turn("[[sim:max_tokens]] hi")[1]
    assert cli.result_of(lines)["api_error"] == "max_output_tokens"


def test_directives_work_in_a_body_and_in_upstream_mode(sim: Backend) -> None:
    worker = sim.ready()
    extra = {"messages": [{"role": "user", "content": "[[sim:text=mine]]"}]}
    worker.set_env(CLAUDE_CODE_EXTRA_BODY=json.dumps(extra))
    assert cli.text_of(worker.turn(".")[1]) == "mine"
    assert sim.stub.messages() == 0


def test_crash_before_and_after_the_first_delta(canned: Backend) -> None:
    assert "message_start" not in cli.names(crash(canned.ready(), "[[sim:crash=before]] one two"))
    lines = crash(canned.ready(), "[[sim:crash=after]] one two")
    assert cli.names(lines).count("content_block_delta") == 1


def test_crash_after_n_requests(canned: Backend) -> None:
    worker = faulty(canned, "crash_after=1")
    worker.turn("one")
    crash(worker, "two")


def test_crash_file_works_once(canned: Backend, tmp_path: Path) -> None:
    file = tmp_path / "crash"
    file.touch()
    crash(faulty(canned, f"crash_file={file}"), "one")
    assert not file.exists()
    assert cli.result_of(faulty(canned, f"crash_file={file}").turn("two")[1])["is_error"] is False


def test_error_once_file_works_once(canned: Backend, tmp_path: Path) -> None:
    file = tmp_path / "error"
    file.touch()
    worker = faulty(canned, f"error_once_file={file}:529")
    assert cli.result_of(worker.turn("one")[1])["api_error_status"] == 529
    assert cli.result_of(worker.turn("two")[1])["is_error"] is False


def test_hang_ends_when_stdin_closes(canned: Backend) -> None:
    worker = canned.ready()
    worker.write(worker.user("[[sim:hang]]"))
    worker.until(cli.is_status)
    worker.write(worker.control("interrupt", cancel_queued=True))
    assert worker.close() == (1, "")


def test_garbage_precedes_the_answer(canned: Backend) -> None:
    worker = canned.ready()
    worker.write(worker.user("[[sim:garbage]]"))
    worker.until(cli.is_status)
    with pytest.raises(json.JSONDecodeError):
        worker.line()


@pytest.mark.parametrize("fault", ["refuse_rewind", "bad_rewind"])
def test_faulty_rewinds(canned: Backend, fault: str) -> None:
    worker = canned.ready()
    user, _ = worker.turn(f"[[sim:{fault}]] hi")
    assert not clean(worker.rewind(user))


def test_ignored_interrupt(canned: Backend) -> None:
    worker = canned.ready()
    worker.write(worker.user("[[sim:ignore_interrupt]][[sim:pace=50]] one two"),)
    worker.until(cli.is_status)
    interrupt = worker.control("interrupt", cancel_queued=True)
    worker.write(interrupt)
    lines = worker.until(cli.turn_ended)
    assert not any(cli.replies_to(line, interrupt) for line in lines)
    assert cli.result_of(lines)["terminal_reason"] == "completed"


def test_second_start_begins_the_answer_again(canned: Backend) -> None:
    _, lines = canned.ready().turn("[[sim:second_start]] one two three four")
    assert cli.names(lines).count("message_start") == 2
    assert cli.text_of(lines).endswith("one two three four")


def test_no_result_and_unknown_uuid(canned: Backend) -> None:
    worker = canned.ready()
    _, lines = worker.turn("[[sim:no_result]]")
    assert "result" not in cli.names(lines)
    user, lines = worker.turn("[[sim:unknown_uuid]]")
    assert cli.result_of(lines)["user_message_uuid"] != user


def test_plan_and_stall(canned: Backend) -> None:
    worker = canned.ready(env=cli.SUBSCRIPTION)
    lines = worker.turn("[[sim:plan=0.5,allowed]] hi")[1]
    info = next(line["rate_limit_info"] for line in lines if line["type"] == "rate_limit_event")
    assert info["unifiedWindows"]["five_hour"]["utilization"] == 0.5
    worker.write(worker.user("[[sim:error=stall]] one two three"))
    worker.until(lambda line: cli.is_event(line, "content_block_delta"))
    worker.ask("interrupt", cancel_queued=True)
    assert cli.result_of(worker.until(cli.turn_ended))["terminal_reason"] == "aborted_streaming"


def test_start_faults(canned: Backend) -> None:
    status, errors = faulty(canned, "start_fail", ready=False).wait()
    assert status == 1 and "start_fail" in errors
    worker = faulty(canned, "start_hang", ready=False)
    worker.write(worker.control("initialize"), worker.control("list_models"))
    assert "models" in (worker.line() or {})["response"]["response"]
    status, errors = faulty(canned, "no_such_fault", ready=False).wait()
    assert status == 2 and "no_such_fault" in errors


def test_claimed_version(canned: Backend) -> None:
    worker = faulty(canned, "start_delay=1,version=2.1.9", ready=False)
    assert worker.initialize()["response"]["claude_code_version"] == "2.1.9"


def test_process_wide_answer_and_pace(canned: Backend) -> None:
    _, lines = faulty(canned, "answer=same for all,pace=1,delay=1").turn("hi")
    assert cli.text_of(lines) == "same for all"


# --- what the daemon's self-test must catch ---


def body_of(sim: Backend, faults: str, text: str = "hello", **env: str) -> dict[str, Any]:
    worker = faulty(sim, faults)
    (worker.cwd / "file").write_text("random token 4711")
    worker.set_env(CLAUDE_CODE_MAX_OUTPUT_TOKENS="99", **env)
    worker.ask("set_model", model="haiku", system_prompt="You are Z")
    worker.turn(text)
    return sim.stub.bodies()[-1]


def test_leaks_reach_the_upstream_only_on_demand(sim: Backend) -> None:
    body = json.dumps(body_of(sim, "", "see @./file"))
    assert "4711" not in body and "userEmail" not in body and '"tools": []' in body and "You are Z" in body
    assert "4711" in json.dumps(body_of(sim, "leak_mention", "see @./file"))
    assert body_of(sim, "leak_tools")["tools"]
    assert "userEmail" in json.dumps(body_of(sim, "leak_email"))


def test_mention_leaks_without_client_composed(sim: Backend) -> None:
    worker = sim.ready(env=dict(cli.API_KEY, CLAUDE_CODE_DISABLE_FILE_MENTIONS="0"))
    (worker.cwd / "file").write_text("random token 4711")
    worker.turn("see @./file")
    assert "4711" not in json.dumps(sim.stub.bodies()[-1])
    worker.turn("see @./file again", client_composed="true")
    assert "4711" in json.dumps(sim.stub.bodies()[-1])


def test_ignored_settings(sim: Backend) -> None:
    assert body_of(sim, "ignore_max_tokens")["max_tokens"] == 128000
    assert "You are Z" not in json.dumps(body_of(sim, "ignore_system_prompt"))
    extra = json.dumps({"messages": [{"role": "user", "content": "from the body"}], "temperature": 0.5})
    body = body_of(sim, "ignore_body", CLAUDE_CODE_EXTRA_BODY=extra)
    assert "from the body" not in json.dumps(body) and body["temperature"] == 0.5


def test_ignored_rewind_keeps_the_conversation(sim: Backend) -> None:
    worker = faulty(sim, "ignore_rewind")
    user, _ = worker.turn("secret")
    assert clean(worker.rewind(user))
    worker.turn("next")
    assert "secret" in json.dumps(sim.stub.bodies()[-1])


def test_swapped_history(sim: Backend) -> None:
    worker = faulty(sim, "swap_history")
    worker.turn("first", shouldQuery=False)
    worker.write(worker.assistant("second"))
    worker.turn("third")
    roles = [m["role"] for m in sim.stub.bodies()[-1]["messages"] if m["role"] != "system"]
    assert roles != ["user", "assistant", "user"]
