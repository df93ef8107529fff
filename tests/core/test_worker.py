"""`bridge._core.Worker` keeps what `_core.pyi` promises: errors, events, life cycle."""

from __future__ import annotations

import ast
import select
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from bridge import _core
from tests.core.worker_driver import (
    address_of,
    binding_request,
    create_transport,
    framed,
    next_event,
    receive_frame,
    running_worker,
)
from tests.support.patience import PATIENCE

DTLS_DATAGRAM = bytes([22, 254, 253]) + bytes(10) + b"hello"


def config(**changes: Any) -> _core.WorkerConfig:
    return cast("_core.WorkerConfig", {"index": 0, "listen": ["127.0.0.1:0"], **changes})


class TestConstructor:
    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"lisen": []}, "lisen"),
            ({"listen": []}, "listen"),
            ({"listen": ["127.0.0.1:0", "localhost"]}, r"listen\[1\]"),
            ({"gather_us": -1}, "gather_us"),
            ({"index": "first"}, "index"),
        ],
    )
    def test_a_wrong_key_is_named(self, changes: dict[str, Any], named: str) -> None:
        with pytest.raises(ValueError, match=named):
            _core.Worker(config(**changes))

    def test_a_missing_key_is_named(self) -> None:
        with pytest.raises(ValueError, match="listen"):
            _core.Worker(cast("_core.WorkerConfig", {"index": 0}))

    def test_an_address_that_cannot_be_bound_is_named(self) -> None:
        with pytest.raises(OSError, match=r"203\.0\.113\.1:3478"):
            _core.Worker(config(listen=["203.0.113.1:3478"]))

    def test_an_address_in_use_is_named(self) -> None:
        with running_worker() as worker:
            (address,) = worker.local_addresses()
            with pytest.raises(OSError, match=address):
                _core.Worker(config(listen=[address]))

    def test_a_cpu_that_does_not_exist_is_named(self) -> None:
        with pytest.raises(OSError, match="CPU 1000"):
            _core.Worker(config(pin_cpu=1000))

    def test_udp_and_tcp_share_a_port_on_every_address(self) -> None:
        with running_worker("127.0.0.1:0", "[::1]:0") as worker:
            for index in range(2):
                socket.create_connection(address_of(worker, index), PATIENCE).close()

    def test_capabilities_and_stats_have_the_keys_of_the_stub(self) -> None:
        with running_worker() as worker:
            assert worker.capabilities().keys() == stub_keys("Capabilities")
            stats = worker.stats()
            assert stats.keys() == stub_keys("WorkerStats")
            assert len(stats["forward_delay"]) == len(stats["forward_delay_bounds_us"]) + 1
            assert set(stats["errors"].values()) == {0}


def stub_keys(name: str) -> set[str]:
    """The keys of a TypedDict in the stub, which does not exist at run time."""
    stub = ast.parse((Path(_core.__file__ or "").parent / "_core.pyi").read_text())
    (definition,) = (node for node in stub.body if isinstance(node, ast.ClassDef) and node.name == name)
    return {
        node.target.id
        for node in definition.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


class TestCommands:
    @pytest.mark.parametrize(
        ("command", "named"),
        [
            (lambda w: w.create_webrtc_transport(1, {"router_id": 1, "ice_ufrag": "a"}), "ice_pwd"),
            (lambda w: w.create_webrtc_transport(1, {"router_id": 1, "ice_ufrag": "a", "ice_pwd": 1}), "ice_pwd"),
            (lambda w: w.create_plain_transport(1, {"router_id": 1, "listen_ip": "nowhere"}), "listen_ip"),
            (
                lambda w: w.update_transport(1, {"send_extensions": [{"uri": "u", "id": 256}]}),
                r"send_extensions\[0\].id",
            ),
            (lambda w: w.set_srtp(1, {"profile": "NULL", "send_key": b"", "receive_key": b""}), "profile"),
            (
                lambda w: w.create_producer(1, {"transport_id": 1, "kind": "text", "codecs": [], "encodings": []}),
                "kind",
            ),
            (lambda w: w.close_transport(-1), "id"),
            (lambda w: w.close_transport(2**63), "id"),
        ],
    )
    def test_a_wrong_parameter_is_refused_at_once_and_named(self, command: Callable[[Any], None], named: str) -> None:
        with running_worker() as worker, pytest.raises(ValueError, match=named):
            command(worker)

    def test_what_is_no_bytes_is_a_type_error(self) -> None:
        with running_worker() as worker, pytest.raises(TypeError):
            worker.send_dtls(1, cast(list[bytes], ["text"]))

    def test_a_command_for_what_does_not_exist_is_answered_by_an_event(self) -> None:
        with running_worker() as worker:
            worker.close_transport(7)
            event = next_event(worker)
            assert event["type"] == "command_failed"
            assert (event["command"], event["id"]) == ("close_transport", 7)

    def test_a_plain_transport_tells_where_it_listens(self) -> None:
        with running_worker() as worker:
            worker.create_plain_transport(7, {"router_id": 1, "listen_ip": "127.0.0.1", "remote": "127.0.0.1:9"})
            event = next_event(worker)
            assert event["type"] == "plain_transport_ready"
            assert event["transport_id"] == 7
            assert event["local"].startswith("127.0.0.1:")

    def test_a_plain_transport_whose_address_cannot_be_bound_fails(self) -> None:
        with running_worker() as worker:
            worker.create_plain_transport(7, {"router_id": 1, "listen_ip": "203.0.113.1"})
            event = next_event(worker)
            assert event["type"] == "command_failed"
            assert (event["command"], event["id"]) == ("create_plain_transport", 7)

    def test_the_port_of_a_closed_plain_transport_is_free_again(self) -> None:
        with running_worker() as worker:
            worker.create_plain_transport(7, {"router_id": 1, "listen_ip": "127.0.0.1", "remote": "127.0.0.1:9"})
            ready = next_event(worker)
            assert ready["type"] == "plain_transport_ready"
            port = int(ready["local"].rpartition(":")[2])
            worker.close_transport(7)
            worker.transport_stats(1, 7)
            assert next_event(worker) == {"type": "transport_stats", "request_id": 1, "stats": None}
            # The socket is closed after the events of its turn; the next turn's event is later than that.
            worker.transport_stats(2, 7)
            next_event(worker)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
                taker.bind(("127.0.0.1", port))


class TestEvents:
    def test_the_descriptor_is_readable_until_all_events_are_taken(self) -> None:
        with running_worker() as worker:
            worker.close_transport(1)
            worker.close_transport(2)
            taken = [next_event(worker), next_event(worker)]
            assert [event["type"] for event in taken] == ["command_failed"] * 2
            assert select.select([worker.event_fd()], [], [], 0) == ([], [], [])
            assert worker.drain() == []

    def test_datagrams_go_up_and_down_as_bytes(self) -> None:
        with running_worker() as worker, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.connect(address_of(worker))
            create_transport(worker, 7)
            client.send(binding_request())
            assert next_event(worker) == {
                "type": "ice", "transport_id": 7, "state": "connected", "protocol": "udp", "moved": False,
            }  # fmt: skip
            client.recv(2048)
            client.send(DTLS_DATAGRAM)
            assert next_event(worker) == {"type": "dtls", "transport_id": 7, "datagrams": [DTLS_DATAGRAM]}
            worker.send_dtls(7, [b"one", b"two"])
            assert [client.recv(2048), client.recv(2048)] == [b"one", b"two"]

    def test_the_same_over_tcp(self) -> None:
        with running_worker() as worker, socket.create_connection(address_of(worker), PATIENCE) as client:
            create_transport(worker, 7)
            # Frames are no units of TCP: two in one segment, then one in two.
            client.sendall(framed(binding_request()) + framed(DTLS_DATAGRAM))
            event = next_event(worker)
            assert event["type"] == "ice"
            assert event["protocol"] == "tcp"
            assert next_event(worker)["type"] == "dtls"
            receive_frame(client)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            frame = framed(DTLS_DATAGRAM)
            client.sendall(frame[:1])
            client.sendall(frame[1:])
            assert next_event(worker) == {"type": "dtls", "transport_id": 7, "datagrams": [DTLS_DATAGRAM]}
            worker.send_dtls(7, [b"one", b"two"])
            assert [receive_frame(client), receive_frame(client)] == [b"one", b"two"]

    def test_a_wildcard_answers_from_the_address_that_was_addressed(self) -> None:
        with running_worker("0.0.0.0:0") as worker, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            create_transport(worker, 7)
            client.settimeout(PATIENCE)
            addressed = ("127.0.0.77", address_of(worker)[1])
            client.sendto(binding_request(), addressed)
            assert client.recvfrom(2048)[1] == addressed


class TestClose:
    def test_close_is_idempotent_and_announced_once(self) -> None:
        with running_worker() as worker:
            worker.close()
            worker.close()
            assert worker.drain() == [{"type": "worker_stopped", "error": None}]

    def test_commands_after_close_raise(self) -> None:
        with running_worker() as worker:
            worker.close()
            with pytest.raises(RuntimeError):
                worker.close_transport(1)

    def test_the_port_is_free_after_close(self) -> None:
        with running_worker() as worker:
            (address,) = worker.local_addresses()
        with running_worker(address) as again:
            assert again.local_addresses() == [address]

    def test_a_peer_over_tcp_sees_the_end(self) -> None:
        with running_worker() as worker:
            client = socket.create_connection(address_of(worker), PATIENCE)
            create_transport(worker, 7)
            client.sendall(framed(binding_request()))
            next_event(worker)
        with client:
            receive_frame(client)
            assert client.recv(1) == b""
