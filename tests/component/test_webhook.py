"""The webhook: events by POST to a receiver that fails in every way it can."""
import re
import ssl
import subprocess
import threading
import uuid

import pytest

from webhook_support import (  # noqa: F401 - receivers is a fixture
    DEADLINE, LONG, Probe, closes, endless, ends_in_body, hangs, hangs_in_body, hangs_in_head, ids, no_content, numbers, ok,
    receivers, resets, says_nonsense, status, until)


# ---- what is sent


def test_event_arrives_as_a_post_with_its_facts(receivers):
    receiver = receivers(no_content)
    probe = Probe()
    assert probe.say(f"url {receiver.url}/hook?x=1") == 0
    probe.say("publish budget 2")
    probe.wait(sent=2)
    first, second = receiver.requests
    assert first.line == "POST /hook?x=1 HTTP/1.1"
    assert first.headers["content-type"] == "application/json"
    assert first.headers["x-ccapi-event"] == "budget"
    assert re.fullmatch(r"ccapid/\d+\.\d+\.\d+", first.headers["user-agent"])
    assert first.body.keys() == {"id", "topic", "at", "data"}
    assert first.body["topic"] == "budget" and first.body["data"] == {"n": 0}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.body["at"])
    assert uuid.UUID(first.body["id"]) != uuid.UUID(second.body["id"])
    assert probe.stop()["failed"] == 0


def test_events_arrive_in_order(receivers):
    receiver = receivers()
    probe = Probe()
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 100")
    probe.wait(sent=100)
    assert numbers(receiver) == list(range(100))
    probe.stop()


def test_only_topics_asked_for_are_sent(receivers):
    receiver = receivers()
    probe = Probe()
    probe.say("topics key,budget")
    probe.say(f"url {receiver.url}")
    for topic in ("key", "project", "budget", "keys"):
        probe.say(f"publish {topic} 1")
    probe.wait(sent=2)
    assert [r.body["topic"] for r in receiver.requests] == ["key", "budget"]
    assert probe.stop()["failed"] == 0


def test_nothing_is_sent_or_counted_without_a_url():
    probe = Probe()
    probe.say("publish budget 5")
    end = probe.stop()
    assert (end["sent"], end["failed"]) == (0, 0)


def test_long_event_is_sent_up_to_the_bound(receivers):
    receiver = receivers()
    probe = Probe()
    probe.say(f"url {receiver.url}")
    probe.say("long budget 65000")
    probe.say("long budget 66000")
    probe.wait(sent=1, failed=1)
    assert len(receiver.requests[0].body["data"]["text"]) == 65000
    assert "expect" not in receiver.requests[0].headers
    assert "too long" in probe.words()
    probe.stop()


def test_environment_s_proxy_is_not_used(receivers):
    receiver, proxy = receivers(), receivers()
    probe = Probe(env={"http_proxy": proxy.url, "all_proxy": proxy.url})
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 1")
    probe.wait(sent=1)
    probe.stop()
    assert proxy.connections == 0


# ---- failures


@pytest.mark.parametrize("behaviour", [
    status(500), status(404), status(300), closes, resets, ends_in_body, says_nonsense,
], ids=["500", "404", "300", "closes", "resets", "ends-in-body", "nonsense"])
def test_what_was_not_taken_is_sent_again_in_order(receivers, behaviour):
    receiver = receivers(behaviour, behaviour)
    probe = Probe()
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 3")
    probe.wait(sent=3)
    assert numbers(receiver) == [0, 0, 0, 1, 2]
    assert len(set(ids(receiver)[:3])) == 1 and len(set(ids(receiver))) == 3
    assert probe.stop()["failed"] == 0


@pytest.mark.parametrize("behaviour", [hangs, hangs_in_head, hangs_in_body])
def test_silence_is_ended_by_the_time_out(receivers, behaviour):
    receiver = receivers(behaviour)
    probe = Probe(timeout=300)
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 1")
    probe.wait(sent=1)
    assert len(receiver.requests) >= 2 and len(set(ids(receiver))) == 1
    assert "Timeout was reached" in probe.words()
    probe.stop()


def test_refused_connection_is_tried_again(receivers):
    receiver = receivers(listening=False)
    probe = Probe()
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 2")
    until(lambda: probe.words().count("tried again") >= 3, probe.words)
    receiver.listen()
    probe.wait(sent=2)
    assert numbers(receiver) == [0, 1]
    probe.stop()


def test_waits_double_up_to_the_longest(receivers):
    receiver = receivers(*[status(503)] * 6)
    probe = Probe(first=3, most=20)
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 1")
    probe.wait(sent=1)
    assert re.findall(r"again in (\d+) ms", probe.words()) == ["3", "6", "12", "20", "20", "20"]
    probe.stop()


def test_old_event_is_given_up_and_the_next_ones_go_on(receivers):
    receiver = receivers(listening=False)
    probe = Probe(first=10, most=1000, retry_for=50)
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 2")
    probe.wait(failed=2)
    assert probe.words().count("given up") == 2
    waits = [int(n) for n in re.findall(r"\(budget\).* again in (\d+) ms", probe.words())]
    assert sum(waits) <= 100
    receiver.listen()
    probe.say("publish key 2")
    probe.wait(sent=2)
    assert [r.body["topic"] for r in receiver.requests] == ["key", "key"]
    assert probe.stop()["failed"] == 2


def test_newest_events_are_dropped_when_too_many_wait(receivers):
    receiver = receivers()
    probe = Probe(first=LONG, most=LONG)
    probe.say(f"url {receivers(listening=False).url}")
    probe.say("publish budget 1003")
    probe.wait(failed=3)
    assert probe.words().count("new ones are dropped") == 1
    probe.say(f"url {receiver.url}")
    probe.wait(sent=1000, failed=3)
    assert numbers(receiver) == list(range(1000))
    probe.stop()


def test_redirect_is_not_followed(receivers):
    other = receivers()
    receiver = receivers(status(302, b"Location: %s/\r\n" % other.url.encode()))
    probe = Probe()
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 1")
    probe.wait(sent=1)
    probe.stop()
    assert len(receiver.requests) == 2 and other.connections == 0


@pytest.mark.parametrize("head", [
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"HTTP/1.1 200 OK\r\n",
], ids=["body", "head"])
def test_endless_answer_is_cut(receivers, head):
    receiver = receivers(endless(head), ends_in_body)
    probe = Probe()
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 2")
    probe.wait(sent=2)
    assert numbers(receiver) == [0, 1, 1]
    probe.stop()


def test_endless_refusal_is_cut_and_tried_again(receivers):
    receiver = receivers(endless(b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n"))
    probe = Probe()
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 1")
    probe.wait(sent=1)
    assert numbers(receiver) == [0, 0] and "status 500" in probe.words()
    probe.stop()


def test_certificate_nobody_vouches_for_is_refused(receivers, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key", "-out", tmp_path / "cert"],
                   check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    receiver = receivers(tls=tls)
    probe = Probe(retry_for=1)
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 1")
    probe.wait(failed=1)
    assert receiver.connections > 0 and receiver.requests == []
    assert "certificate" in probe.words()
    probe.stop()


def test_failures_leave_no_descriptor_or_handle(receivers):
    behaviours = [ok, status(500), closes, resets, ends_in_body, says_nonsense,
                  endless(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")]
    receiver = receivers(ok, *behaviours * 20)
    probe = Probe(first=1, most=1)
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 1")
    probe.wait(sent=1)
    before = probe.stats()
    probe.say("publish budget 50")
    probe.wait(sent=51)
    until(lambda: (probe.stats()["fds"], probe.stats()["handles"]) == (before["fds"], before["handles"]),
          lambda: (before, probe.stats()))
    probe.stop()


# ---- names


def test_name_look_up_that_hangs_holds_up_nobody(receivers):
    """The loop answers commands all the while, also when the time-out ends the try before the look-up ends."""
    receiver = receivers()
    probe = Probe(timeout=300)
    probe.say("url http://hangs.test/")
    probe.say("publish budget 1")
    until(lambda: probe.stats()["failed"] == 0 and probe.words().count("Timeout was reached") >= 2, probe.words)
    probe.say(f"url {receiver.url}")
    probe.wait(sent=1)
    probe.stop()


def test_unknown_name_is_tried_again():
    probe = Probe()
    probe.say("url http://no-such-name.invalid/")
    probe.say("publish budget 1")
    until(lambda: "tried again" in probe.words(), probe.words)
    probe.stop()


def test_name_is_looked_up_and_served(receivers):
    receiver = receivers()
    probe = Probe()
    probe.say("url http://localhost:" + receiver.address.split(":")[1])
    probe.say("publish budget 1")
    probe.wait(sent=1)
    probe.stop()


# ---- stopping


@pytest.mark.parametrize("behaviour", [hangs, hangs_in_head, hangs_in_body])
def test_stop_gives_up_what_is_under_way(receivers, behaviour):
    receiver = receivers(behaviour)
    probe = Probe()
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 3")
    until(lambda: receiver.requests, probe.words)
    end = probe.stop()
    assert (end["sent"], end["failed"]) == (0, 3)
    assert "3 events are not delivered" in probe.words()


def test_stop_does_not_wait_for_the_next_try(receivers):
    probe = Probe(first=LONG, most=LONG)
    probe.say(f"url {receivers(listening=False).url}")
    probe.say("publish budget 1")
    until(lambda: "tried again" in probe.words(), probe.words)
    assert probe.stop()["failed"] == 1


def test_stop_does_not_wait_for_a_name():
    probe = Probe()
    probe.say("url http://hangs.test/")
    probe.say("publish budget 1")
    assert probe.stop()["failed"] == 1


def test_events_after_the_stop_are_nobody_s(receivers):
    receiver = receivers()
    probe = Probe()
    probe.say(f"url {receiver.url}")
    end = probe.stop()  # which publishes two
    assert (end["sent"], end["failed"]) == (0, 0)
    assert receiver.connections == 0


# ---- settings


def test_waiting_events_go_to_the_new_url_at_once(receivers):
    receiver = receivers()
    probe = Probe(first=LONG, most=LONG)
    probe.say(f"url {receivers(listening=False).url}")
    probe.say("publish budget 2")
    until(lambda: "tried again" in probe.words(), probe.words)
    probe.say(f"url {receiver.url}")
    probe.wait(sent=2)
    assert numbers(receiver) == [0, 1]
    assert probe.stop()["failed"] == 0


def test_try_that_is_under_way_survives_new_settings(receivers):
    go = threading.Event()

    def waits(s):
        assert go.wait(DEADLINE)
        ok(s)

    first, second = receivers(waits), receivers()
    probe = Probe()
    probe.say(f"url {first.url}")
    probe.say("publish budget 2")
    until(lambda: first.requests, probe.words)
    probe.say(f"url {second.url}")
    go.set()
    probe.wait(sent=2)
    assert (numbers(first), numbers(second)) == ([0], [1])
    probe.stop()


def test_turning_it_off_gives_up_what_waits(receivers):
    receiver = receivers(hangs)
    probe = Probe()
    probe.say(f"url {receiver.url}")
    probe.say("publish budget 3")
    until(lambda: receiver.requests, probe.words)
    probe.say("url")
    probe.say("publish budget 1")
    assert probe.stats()["failed"] == 3
    probe.say(f"url {receiver.url}")
    probe.say("publish key 1")
    probe.wait(sent=1)
    assert receiver.requests[-1].body["topic"] == "key"
    assert probe.stop()["failed"] == 3


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "127.0.0.1:1", "http://", "http://a b/", "gopher://x/"])
def test_other_urls_are_an_error_and_off(url):
    probe = Probe()
    assert probe.say(f"url {url}") == 0
    probe.say("publish budget 1")
    assert "not a URL of http or https" in probe.words()
    end = probe.stop()
    assert (end["sent"], end["failed"]) == (0, 0)


def test_log_has_no_secret_of_the_url(receivers):
    receiver = receivers(status(500), closes)
    probe = Probe()
    probe.say(f"url http://someone:hush@{receiver.address}/hush-path?token=hush#hush")
    probe.say("publish budget 1")
    probe.wait(sent=1)
    assert receiver.requests[0].headers["authorization"].startswith("Basic ")
    assert receiver.requests[0].line == "POST /hush-path?token=hush HTTP/1.1"
    refusing = receivers(listening=False)
    probe.say(f"url http://someone:hush@{refusing.address}/hush-path?token=hush")
    probe.say("publish budget 1")
    until(lambda: f"{refusing.address} did not take" in probe.words(), probe.words)
    probe.say("url http://someone:hush@bad host/hush")
    probe.stop()
    assert receiver.address in probe.words()
    assert "hush" not in probe.words() and "someone" not in probe.words()
