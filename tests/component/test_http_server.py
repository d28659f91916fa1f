"""The HTTP layer as a whole: many connections, reload, drain, stop."""
import signal
import socket
import threading
import time

from http_support import Answer, DEADLINE, Server, assert_json_error, read_all, request, server, with_flags  # noqa: F401 - server is a fixture


# ---- many connections


def test_thousand_idle_connections(server):
    before = server.rss_kb()
    sockets = []
    for _ in range(1000):
        s = server.connect()
        s.sendall(request("GET", "/hello"))
        sockets.append(s)
    for s in sockets:
        assert Answer(s).status == 200
    assert server.stats()["connections"] == 1001
    print("RSS per idle connection:", (server.rss_kb() - before) * 1024 // 1000)
    for s in sockets[::7]:
        s.sendall(request("POST", "/later", body=b"again"))
        assert Answer(s).body == b"again"
    for s in sockets:
        s.close()
    server.until(lambda st: st["connections"] == 1)


@with_flags("--max-connections=10")
def test_connections_over_the_limit_are_refused(server):
    sockets = [server.connect() for _ in range(10)]
    for s in sockets:
        s.sendall(request("GET", "/hello"))
        assert Answer(s).status == 200
    data = server.ask(request("GET", "/hello"))
    assert data.startswith(b"HTTP/1.1 503 ")
    assert_json_error(data)
    for s in sockets:
        s.close()
    end = time.monotonic() + DEADLINE
    while not server.ask(request("GET", "/hello", "Connection: close\r\n")).startswith(b"HTTP/1.1 200"):
        assert time.monotonic() < end


@with_flags("--max-pending=20")
def test_oldest_silent_connection_makes_room(server):
    sockets = [server.connect() for _ in range(25)]
    assert server.stats()["connections"] == 1
    assert read_all(sockets[0]) == b""
    sockets[24].sendall(request("GET", "/hello"))
    assert Answer(sockets[24]).status == 200
    for s in sockets:
        s.close()


@with_flags("--nofile=40")
def test_survives_running_out_of_descriptors(server):
    sockets = [server.connect() for _ in range(60)]
    for s in sockets:
        try:
            s.sendall(request("GET", "/hello"))
        except OSError:
            pass
    served = sum(1 for s in sockets[:20] if Answer(s).status == 200)
    assert served == 20
    for s in sockets:
        s.close()
    end = time.monotonic() + DEADLINE
    while True:
        try:
            with server.connect() as s:
                s.sendall(request("GET", "/hello"))
                if Answer(s).status == 200:
                    break
        except (EOFError, OSError):
            pass
        assert time.monotonic() < end
    server.until(lambda st: st["connections"] == 1)


# ---- sockets from outside, reload


def test_inherited_listening_socket():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(f"--fd={listening.fileno()}", pass_fds=[listening.fileno()])
        assert server.peer == listening.getsockname()
        with server.connect() as s:
            s.sendall(request("GET", "/hello"))
            assert Answer(s).status == 200
        server.stop()


def test_reload_changes_hosts_and_timeouts(server):
    with server.connect() as s:
        s.sendall(request("POST", "/reload", host="127.0.0.1"))
        answer = Answer(s)
        assert answer.status == 404 and answer.rest + read_all(s) == b""  # closed when idle
    with server.connect() as s:
        s.sendall(request("GET", "/hello", host="127.0.0.1"))
        assert Answer(s).status == 403
    with server.connect() as s:
        s.sendall(request("GET", "/hello"))
        assert Answer(s).status == 200


# ---- ending


def test_drain_answers_what_is_open_and_closes_what_is_idle(server):
    with server.connect() as idle, server.connect() as used, server.connect() as late:
        idle.sendall(request("GET", "/hello"))
        Answer(idle)
        used.sendall(request("POST", "/drain"))
        answer = Answer(used)
        assert answer.status == 200 and answer.headers["connection"] == "close"
        assert read_all(idle) == b""
        assert read_all(used) == b""
        late.sendall(request("GET", "/hello"))
        assert Answer(late).headers["connection"] == "close"


def test_stop_under_load(server):
    stop = threading.Event()
    threads = [threading.Thread(target=hammer, args=(server, stop, i)) for i in range(6)]
    for t in threads:
        t.start()
    waiting = [server.connect() for _ in range(20)]
    for i, s in enumerate(waiting):
        s.sendall(request("POST", ["/wait", "/trickle", "/stream?n=99999&size=1000", "/wait"][i % 4],
                          "Content-Length: 100\r\n" if i % 4 == 3 else ""))
    server.until(lambda st: st["requests"] > 200 and st["exchanges"] >= 21)
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(timeout=DEADLINE)
    stop.set()
    for t in threads:
        t.join()
    for s in waiting:
        s.close()


def hammer(server, stop, i):
    paths = ["/hello", "/later", "/stream?n=20&size=5000"]
    while not stop.is_set():
        try:
            with server.connect() as s:
                for _ in range(50):
                    s.sendall(request("POST", paths[i % 3], body=b"x" * 100))
                    Answer(s)
        except (OSError, EOFError):
            pass


def test_stop_from_within_a_handler(server):
    with server.connect() as s:
        s.sendall(request("POST", "/stop"))
        read_all(s)
    server.process.wait(timeout=DEADLINE)
