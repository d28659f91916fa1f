"""ccapictl completion: the scripts, driven by the shells themselves."""
import os
import re
import shutil
import subprocess

import pytest

from ctl_support import BIN, DEADLINE, control, ctl, environment  # noqa: F401 - control is a fixture
from fake_control import Fault, worker
from terminal import Pty

# Sources the script and completes the last of the words; prints what it offers, then whether a space follows.
DRIVE = r"""
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
compopt() { space=no; }
space=yes
_ccapictl
printf '%s\n' "$space" "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("completion") / "ccapictl.bash"
    path.write_text(ctl(None, "completion", "bash").stdout)
    return path


@pytest.fixture
def complete(script, control):
    """What is offered for a line; a blank at its end begins a new word."""
    control.answer("projects.list", {"projects": [{"name": "demo"}, {"name": "docs"}, {"name": "$(touch x)"}, {"name": "a b"}]})
    control.answer("keys.list", {"keys": [{"id": "k_1"}, {"id": "k_2"}]})
    control.answer("workers.list", {"workers": [worker(1), worker(12)], "pool": {}})
    control.answer("requests.list", {"requests": [{"id": "req_a"}, {"id": "req_b"}]})

    def run(line, env=None, spaced=True):
        words = line.split(" ")
        r = subprocess.run(["bash", "--norc", "-u", "-c", DRIVE, "bash", str(script), *words], capture_output=True, text=True,
                           timeout=DEADLINE, env=env or environment(control, PATH=f"{BIN}:{os.environ['PATH']}"))
        assert r.returncode == 0 and r.stderr == "", r.stderr
        space, *offered = r.stdout.split("\n")[:-1]
        assert (space == "yes") == spaced
        return [word for word in offered if word]

    return run


def commands():
    """Its words, as far as they are a command by themselves."""
    found = []
    for line in ctl(None, "--help").stdout.split("Commands:\n")[1].split("\n\n")[0].splitlines():
        words = line.split()
        two = len(words) > 1 and subprocess.run([str(BIN / "ccapictl"), *words[:2], "--help"], capture_output=True).returncode == 0
        one = subprocess.run([str(BIN / "ccapictl"), words[0], "--help"], capture_output=True, text=True).stdout.startswith("usage:")
        found.append(words[0] if one else " ".join(words[:2]) if two else None)
    assert None not in found and len(found) > 40
    return found


def test_every_command_is_offered_with_its_options(complete):
    first = complete("ccapictl ")
    assert "help" in first and len(first) == len(set(first))
    for command in commands():
        words = command.split()
        assert words[0] in first
        if len(words) == 2:
            assert words[1] in complete(f"ccapictl {words[0]} ")
        usage = ctl(None, *words, "--help").stdout
        options = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", usage, re.M)) | {"--socket", "--json", "--quiet", "--yes", "--help", "--version"}
        assert set(complete(f"ccapictl {command} --")) == options, command


def test_words_are_completed_from_their_beginning(complete):
    assert complete("ccapictl wo") == ["workers"]
    assert complete("ccapictl workers ") == ["list", "restart", "drain", "scale"]
    assert complete("ccapictl workers re") == ["restart"]
    assert complete("ccapictl help wo") == ["workers"]
    assert complete("ccapictl nonsense ") == []
    assert complete("ccapictl keys create --gr") == []
    assert complete("ccapictl keys rotate --gr") == ["--grace"]


def test_words_of_parameters(complete):
    assert complete("ccapictl completion ") == ["bash", "zsh", "fish"]
    assert complete("ccapictl usage --period ") == ["hour", "day", "week", "month", "all"]
    assert complete("ccapictl usage --period = w") == ["week"]  # as readline splits --period=w
    assert complete("ccapictl usage --period =") == ["hour", "day", "week", "month", "all"]
    assert complete("ccapictl usage --period=w") == ["--period=week"]  # where = breaks no words
    assert complete("ccapictl logs -f --level w") == ["warn"]
    assert complete("ccapictl requests list --state ") == ["live", "ended", "all"]


def test_parts_of_lists(complete):
    assert complete("ccapictl events --topic st", spaced=False) == ["stats", "store"]
    assert complete("ccapictl events --topic stats,wor", spaced=False) == ["stats,worker"]
    assert "chat,batch" in complete("ccapictl keys create --scopes chat,", spaced=False)
    assert "chat,chat" not in complete("ccapictl keys create --scopes chat,", spaced=False)
    assert complete("ccapictl events --topic=stats,wor", spaced=False) == ["--topic=stats,worker"]


def test_what_the_daemon_has(complete, control):
    assert complete("ccapictl projects show ") == ["demo", "docs"]  # not what a shell would take apart
    assert complete("ccapictl projects show do") == ["docs"]
    assert complete("ccapictl budgets set ") == ["demo", "docs"]
    assert complete("ccapictl keys create --project d") == ["demo", "docs"]
    assert complete("ccapictl --project d") == []  # of which verb is not known yet
    assert complete("ccapictl keys show ") == ["k_1", "k_2"]
    assert complete("ccapictl usage --key k") == ["k_1", "k_2"]
    assert complete("ccapictl workers restart 1") == ["1", "12"]
    assert complete("ccapictl requests cancel ") == ["req_a", "req_b"]
    assert complete("ccapictl projects create ") == []
    assert complete("ccapictl projects show demo ") == []
    assert complete("ccapictl chat ") == []
    assert not (BIN / "x").exists() and not os.path.exists("x")


def test_options_may_stand_anywhere(complete, control):
    assert complete("ccapictl --json keys --project demo show ") == ["k_1", "k_2"]
    assert complete("ccapictl --project = demo keys ") == complete("ccapictl keys ")
    assert complete("ccapictl keys show -- ") == ["k_1", "k_2"]
    assert complete("ccapictl keys show -- -") == []
    elsewhere = environment(None, PATH=f"{BIN}:{os.environ['PATH']}", CCAPI_SOCKET="/nonexistent")
    assert complete(f"ccapictl --socket {control.path} keys show ", elsewhere) == ["k_1", "k_2"]
    assert complete(f"ccapictl -s = {control.path} keys show ", elsewhere) == ["k_1", "k_2"]
    assert complete("ccapictl keys show ", elsewhere) == []


def test_the_program_that_was_typed_is_asked(complete, control):
    here = environment(control, PATH=os.environ["PATH"].replace(str(BIN), "/nonexistent"))
    assert complete(f"{BIN}/ccapictl keys show ", here) == ["k_1", "k_2"]


def test_files_for_the_socket(complete, tmp_path):
    (tmp_path / "one.sock").touch()
    assert complete(f"ccapictl --socket {tmp_path}/on", spaced=False) == [f"{tmp_path}/one.sock"]


def test_an_error_of_the_daemon_is_silence(complete, control):
    control.answer("keys.list", Fault(-32603, "broken"))
    assert complete("ccapictl keys show ") == []


# ---- through readline itself


def test_a_real_line_is_completed(script, complete, control, tmp_path):
    rc = tmp_path / "rc"
    rc.write_text(f"PS1='$ '\nbind 'set enable-bracketed-paste off'\nsource {script}\nccapictl() {{ printf '<%s>' \"$@\"; echo; }}\n")
    env = environment(control, PATH=f"{BIN}:{os.environ['PATH']}", TERM="xterm", HOME=str(tmp_path))
    with Pty(["bash", "--rcfile", rc, "-i"], env=env) as p:
        p.wait_for(b"$ ")
        p.send(b"ccapictl wo\tre\t 12 --so\t\r")
        p.wait_for(b"<workers><restart><12><--socket>")
        p.send(b"ccapictl usage --period=w\t --project=do\t\r")
        p.wait_for(b"<usage><--period=week><--project=docs>")


# ---- the other shells: what is in the script; and that it is one, where they are installed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_and_option_is_in_every_script(shell):
    text = ctl(None, "completion", shell).stdout
    assert f"ccapictl completion {shell}" in text
    for command in commands():
        for word in command.split():
            assert re.search(rf"(?<![\w-]){word}(?![\w-])", text), word
        for option in re.findall(r"--([a-z][a-z-]+)", ctl(None, *command.split(), "--help").stdout):
            assert re.search(rf"-l {option}\b" if shell == "fish" else rf"--{option}\b", text), option


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_takes_its_script(shell, tmp_path):
    program = shutil.which(shell)
    if not program:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "script"
    path.write_text(ctl(None, "completion", shell).stdout)
    r = subprocess.run([program, "-n", str(path)], capture_output=True, text=True, timeout=DEADLINE)
    assert (r.returncode, r.stderr) == (0, "")


def test_another_shell_is_refused():
    assert "bash, zsh or fish" in ctl(None, "completion", "csh", check=2).stderr
    assert "bash, zsh or fish" in ctl(None, "completion", check=2).stderr
