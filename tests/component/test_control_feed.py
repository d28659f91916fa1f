"""Subscribers: what they are told, and what one costs that does not read."""
import json
import signal

import pytest

from control_support import INVALID_PARAMS, MEMORY_FACTOR, Refused, probe, wait_for, with_probe  # noqa: F401 - probe is a fixture

FLOOD = 400  # events of a kilobyte for each SIGUSR2


def flood(probe, quick, seq, times):
    """The floods, read by somebody quick, for whom one has room; the number of the last event that he was told."""
    for _ in range(times):
        probe.signal(signal.SIGUSR2)
        for _ in range(FLOOD):
            event = quick.line()["params"]
            assert event["topic"] == "store" and event["seq"] > seq
            seq = event["seq"]
    return seq


def one_more(peer, seq):
    """The next event of the store's, all others in their order before it; its number."""
    while True:
        seq += 1
        event = peer.line()["params"]
        assert event["seq"] == seq
        if event["topic"] == "store":
            return seq


def test_a_snapshot_has_what_its_topics_speak_of(probe):
    with probe.peer() as p:
        whole = p.call("subscribe", recent=10, logs=10)
        assert {"seq", "at", "status", "history", "workers", "requests", "logs"} == set(whole)
        assert whole["requests"] == {"live": [], "recent": []}
        assert set(p.call("subscribe", topics=["key"])) == {"seq", "at", "status"}
        assert set(p.call("subscribe", topics=["worker", "plan"])) == {"seq", "at", "status", "workers"}


def test_an_unknown_topic_is_refused_by_its_name(probe):
    with probe.peer() as p:
        with pytest.raises(Refused) as e:
            p.call("subscribe", topics=["worker", "wroker"])
        assert e.value.code == INVALID_PARAMS and e.value.data["field"] == "topics" and "wroker" in e.value.message


def test_what_is_in_the_snapshot_is_not_told_again(probe):
    """Events wait some milliseconds for others: one that waits while somebody subscribes is in his snapshot."""
    with probe.peer() as p, probe.peer() as other:
        other.call("subscribe")
        for n in range(50):
            made = p.ask("projects.create", name=f"p{n}")
            asked = p.ask("subscribe")
            seen = {}
            while asked not in seen:
                line = p.line()
                seen[line.get("id")] = line
            assert "error" not in seen[made]
            seq = seen[asked]["result"]["seq"]
            probe.signal(signal.SIGUSR1)
            one_more(p, seq)


def test_a_subscriber_that_is_too_slow_gets_a_snapshot_with_what_it_lost(probe):
    with probe.peer() as slow, probe.peer() as quick:
        seq = slow.call("subscribe")["seq"]
        quick.call("subscribe", topics=["store"])
        last = flood(probe, quick, seq, 4)
        told = 0
        while (line := slow.line())["method"] == "event":
            told += 1
            assert line["params"]["seq"] == seq + told
        assert line["method"] == "snapshot" and 0 < told < last - seq
        snapshot = line["params"]
        assert told + snapshot["lost"] == snapshot["seq"] - seq >= last - seq
        assert snapshot["status"]["state"] and "workers" in snapshot
        probe.signal(signal.SIGUSR1)
        one_more(slow, snapshot["seq"])  # and so it goes on
    assert probe.rss_kb() < 60000 * MEMORY_FACTOR


@with_probe(limits={"behind_ms": 300, "sweep_ms": 50})
def test_a_subscriber_that_stays_behind_is_cut_and_others_are_not(probe):
    with probe.peer() as slow, probe.peer() as quick:
        seq = slow.call("subscribe")["seq"]
        quick.call("subscribe", topics=["store"])
        last = flood(probe, quick, seq, 3)
        wait_for(lambda: "it reads the events too slowly" in probe.log(), "the cut")
        probe.signal(signal.SIGUSR1)
        assert quick.line()["params"]["seq"] > last
        data = slow.rest
        while piece := slow.s.recv(1 << 20):
            data += piece
        got = [json.loads(line)["params"]["seq"] for line in data.split(b"\n")[:-1]]  # the last one may be half
        assert got == list(range(seq + 1, seq + 1 + len(got))) and 0 < len(got) < last - seq


def take(peer, size):
    """So many bytes at least."""
    while size > 0:
        piece = peer.s.recv(min(size, 65536))
        assert piece, "closed"
        peer.rest += piece
        size -= len(piece)


@with_probe(limits={"stall_ms": 2000, "sweep_ms": 400})
def test_a_subscriber_that_reads_now_and_then_is_not_cut(probe):
    """Each sweep is told as figures; between it and the next one something is read, and something is sent."""
    with probe.peer() as slow, probe.peer() as clock:
        seq = slow.call("subscribe", topics=["store"])["seq"]
        clock.call("subscribe", topics=["stats"])
        for _ in range(2):
            probe.signal(signal.SIGUSR2)
            probe.call("status")
        for _ in range(8):
            assert clock.line()["params"]["topic"] == "stats"
            take(slow, 100_000)
            probe.signal(signal.SIGUSR1)
        told = [slow.line()["params"]["seq"] for _ in range(2 * FLOOD + 8)]
        assert told == sorted(set(told)) and told[0] > seq
        assert "does not read" not in probe.log()


def test_after_the_last_words_comes_no_event(probe):
    """A subscriber whose connection is to end: its bad lines are looked at when most of what waits for it is read."""
    with probe.peer() as p:
        p.call("subscribe", topics=["store"])
        for _ in range(2):
            probe.signal(signal.SIGUSR2)
            probe.call("status")
        p.send(b"no request\n" * 16)
        take(p, 680_000)
        for _ in range(3):
            probe.signal(signal.SIGUSR1)
            probe.call("status")
        lines = p.lines()
        assert lines[-1]["error"]["message"] == "too many lines that are no requests"


def test_topics_are_told_apart_under_load(probe):
    """One who wants little is not behind because others get much."""
    with probe.peer() as little, probe.peer() as quick:
        seq = quick.call("subscribe", topics=["store"])["seq"]
        little.call("subscribe", topics=["project"])
        last = flood(probe, quick, seq, 4)
        probe.call("projects.create", name="demo")
        event = little.line()["params"]
        assert event["topic"] == "project" and event["seq"] > last


def test_fifty_subscribers_get_every_event(probe):
    peers = [probe.peer() for _ in range(50)]
    seqs = [p.call("subscribe")["seq"] for p in peers]
    for _ in range(5):
        probe.signal(signal.SIGUSR1)
        seqs = [one_more(p, seq) for p, seq in zip(peers, seqs)]
    for p in peers:
        p.close()


def test_a_line_of_the_log_reaches_a_watcher_and_its_own_line_does_not_start_a_storm(probe):
    with probe.peer() as p:
        p.call("subscribe", topics=["log"])
        probe.call("projects.create", name="demo")
        line = p.line()["params"]
        assert line["topic"] == "log" and line["data"]["area"] == "event"
        line = p.line()["params"]["data"]
        assert line["message"] == "projects.create" and line["fields"]["outcome"] == "done"
        assert [r["message"] for r in probe.call("logs", lines=1)["logs"]] == ["projects.create"]


@pytest.mark.parametrize("level,seen", [("error", False), ("warn", False), ("info", True), ("debug", True)])
def test_the_log_is_shown_by_level(probe, level, seen):
    probe.call("projects.create", name="demo")
    assert ("projects.create" in [r["message"] for r in probe.call("logs", level=level)["logs"]]) is seen


# ---- hello


def test_the_client_may_say_what_it_speaks(probe):
    with probe.peer() as p:
        assert p.call("hello", protocol=1, name="ccapictl", version="0.1.0")["protocol"] == 1
        p.call("status")


@pytest.mark.parametrize("protocol,cure", [(2, "restart ccapid"), (1000000, "restart ccapid")])
def test_another_protocol_is_refused_and_logged_with_both_versions_and_the_cure(probe, protocol, cure):
    with probe.peer() as p:
        version = p.hello["params"]["version"]
        with pytest.raises(Refused) as e:
            p.call("hello", protocol=protocol, name="ccapictl", version="9.8.7")
        assert e.value.code == -32008
        for words in (f"ccapictl 9.8.7 speaks protocol {protocol}", f"ccapid {version} speaks 1"):
            assert words in e.value.message and words in probe.log()
        assert cure in e.value.data["hint"] and cure in probe.log()
        assert p.line() is None
    probe.call("status")
