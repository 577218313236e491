"""The gateway's real process against real mosquitto and a small cloud that verifies everything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared.downlink import Catalog, DailyHead, Item, Watermark, encode
from shared.events import GatewayHealth, Received
from tests.support.gateway import (
    CATALOG,
    SITE,
    FakeCloud,
    answers,
    enrol,
    equip,
    offer_of,
    public_key,
    running,
    scan,
    wait_until,
)

if TYPE_CHECKING:
    from deploy.broker import Broker


def test_a_scan_travels_to_the_cloud_once_and_is_freed_by_its_watermark(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    data = tmp_path / "gw"
    identity = enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data)
    with (
        FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}) as cloud,
        running(data, token) as gateway,
    ):
        wait_until(lambda: gateway.status()["link"]["up"], "the link")
        answer = gateway.scan(quantity=3)
        assert answer.status_code == 200
        seq = answer.json()["seq"]
        event = wait_until(lambda: cloud.events.get(("gw-01", 1, seq)), "the event")
        assert isinstance(event.data, Received)
        assert event.data.line.quantity == 3
        assert event.id.hex() == answer.json()["id"].replace("-", "")
        state = wait_until(
            lambda: (s := gateway.status())["unacknowledged"] == 0 == s["waiting"] and s, "freed"
        )
        assert state["watermark"] == state["seq"]
    assert not cloud.errors
    assert len(cloud.deliveries) == len(set(cloud.deliveries))


def test_scans_go_on_without_a_broker_and_arrive_when_it_appears(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    data = tmp_path / "gw"
    identity = enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data)
    broker.stop()
    with running(data, token) as gateway:
        for _ in range(3):
            batch = [scan(quantity=1) for _ in range(100)]
            got = answers(gateway.http.post("/v1/scans", json={"scans": batch}))
            assert {one["outcome"] for one in got} == {"accepted"}
        status = gateway.status()
        assert not status["link"]["up"]
        assert status["link"]["last_error"]
        assert status["waiting"] + status["unacknowledged"] >= 300
        assert status["waiting"] < 256, "what gathers is sealed when a segment is full"
        broker.start()
        with FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}) as cloud:
            wait_until(lambda: gateway.status()["watermark"] == gateway.status()["seq"], "drained")
            received = [e for e in cloud.events.values() if isinstance(e.data, Received)]
            assert len(received) == 300
            assert not cloud.errors
            largest = max(key[2] for key in cloud.bodies)
            assert len(cloud.bodies) < 20, f"a backlog goes in large segments ({largest})"


def test_a_puback_frees_nothing_and_what_is_sent_again_is_the_same(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    data = tmp_path / "gw"
    identity = enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data)
    cloud = FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}, deaf=True)
    with cloud, running(data, token) as gateway:
        wait_until(lambda: gateway.status()["link"]["up"], "the link")
        seq = gateway.scan().json()["seq"]
        wait_until(lambda: gateway.status()["link"]["resent"] > 0, "a resend")
        assert gateway.status()["unacknowledged"] >= 1
        cloud.deaf, cloud.answering = False, False
        wait_until(lambda: ("gw-01", 1, seq) in cloud.events, "the resend")
        wait_until(lambda: len(cloud.deliveries) > len(cloud.bodies) > 0, "twice")
        assert gateway.status()["watermark"] == 0
        gateway.kill()
    keys, before = {"gw-01": public_key(identity)}, cloud.bodies
    cloud = FakeCloud(pki, broker.service_port, keys, bodies=before)
    with cloud, running(data, token) as gateway:
        wait_until(lambda: gateway.status()["watermark"] >= seq, "freed after a restart")
        assert not cloud.errors, "byte-identical, over a kill of the process"


def test_a_watermark_for_another_gateway_or_unsigned_frees_nothing(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    data = tmp_path / "gw"
    identity = enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data)
    cloud = FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}, answering=False)
    with cloud, running(data, token) as gateway:
        wait_until(lambda: gateway.status()["link"]["up"], "the link")
        seq = gateway.scan().json()["seq"]
        event = wait_until(lambda: cloud.events.get(("gw-01", 1, seq)), "the event")
        mark = Watermark(1, 1, seq, event.hash)
        good = cloud.signed("gw-01", mark)
        cloud.publish("qm/v1/gw-01/ack", cloud.signed("gw-02", mark))
        cloud.publish("qm/v1/gw-01/ack", good[:-1] + bytes([good[-1] ^ 1]))
        cloud.publish("qm/v1/gw-01/ack", b"\xff" * 40)
        metric = 'uplink_refused_total{code="downlink.signature"} 2.0'
        wait_until(lambda: metric in gateway.http.get("/metrics").text, "two refusals")
        assert gateway.status()["watermark"] == 0
        cloud.publish("qm/v1/gw-01/ack", good)
        wait_until(lambda: gateway.status()["watermark"] == seq, "the good one")


def test_a_restored_cloud_gets_everything_again(tmp_path: Path, pki: Path, broker: Broker) -> None:
    data = tmp_path / "gw"
    identity = enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data)
    with (
        FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}) as cloud,
        running(data, token) as gateway,
    ):
        seq = gateway.scan().json()["seq"]
        wait_until(lambda: gateway.status()["watermark"] >= seq, "covered")
        cloud.events.clear()
        cloud.generation = 2
        cloud.answer("gw-01")
        wait_until(lambda: ("gw-01", 1, seq) in cloud.events, "sent again")
        wait_until(
            lambda: (
                gateway.status()["watermark"] >= seq and gateway.status()["unacknowledged"] == 0
            ),
            "covered again",
        )
        assert not cloud.errors


def test_a_connection_without_progress_is_ended_by_the_watchdog(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    data = tmp_path / "gw"
    enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data)
    with running(data, token) as gateway:
        wait_until(lambda: gateway.status()["link"]["up"], "the link")
        gateway.scan()
        wait_until(lambda: gateway.status()["link"]["connections"] > 1, "a new connection")


def test_documents_come_down_are_echoed_and_bad_ones_are_refused(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    data = tmp_path / "gw"
    identity = enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data, version=5)
    with (
        FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}) as cloud,
        running(data, token) as gateway,
    ):
        wait_until(lambda: gateway.status()["link"]["up"], "the link")
        delta = encode(Catalog(SITE, [Item("NEW-1", "New", [])], []))
        cloud.offer("gw-01", offer_of(delta, 7, base=5))
        wait_until(lambda: gateway.status()["versions"]["catalog"] == 7, "the delta")
        wait_until(
            lambda: any(
                isinstance(e.data, GatewayHealth) and e.data.catalog == 7
                for e in list(cloud.events.values())
            ),
            "the echo",
        )
        assert gateway.scan(raw="NEW-1").status_code == 200
        refused = [
            (offer_of(encode(CATALOG), 6), "downlink.rollback"),
            (offer_of(delta, 9, base=8), "downlink.base"),
            (offer_of(b"\x00", 9), "downlink.malformed"),
            (offer_of(encode(Catalog("paris", [], [])), 9), "downlink.foreign"),
        ]
        for offer, code in refused:
            cloud.offer("gw-01", offer)
            metric = f'downlink_refused_total{{code="{code}"}} 1.0'
            wait_until(lambda m=metric: m in gateway.http.get("/metrics").text, code)
        tampered = bytearray(cloud.signed("gw-01", offer_of(encode(CATALOG), 10)))
        tampered[len(tampered) // 2] ^= 1
        cloud.publish("qm/v1/gw-01/cmd", bytes(tampered))
        wait_until(
            lambda: "downlink.signature" in gateway.http.get("/metrics").text, "the signature"
        )
        assert gateway.status()["versions"]["catalog"] == 7
        assert gateway.scan(raw="NEW-1").status_code == 200, "the last good one stays"


def test_a_countersigned_head_that_is_not_in_its_history_is_told_in_a_heartbeat_at_once(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    data = tmp_path / "gw"
    identity = enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data)
    with (
        FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}) as cloud,
        running(data, token) as gateway,
    ):
        wait_until(lambda: gateway.status()["link"]["up"], "the link")
        wait_until(lambda: cloud.reached("gw-01") >= 1, "the first heartbeat")
        wait_until(lambda: gateway.status()["unacknowledged"] == 0, "covered")

        cloud.say("gw-01", DailyHead("2025-11-20", 1, 1, 1, bytes(32)))

        told = wait_until(
            lambda: [
                event.data.contradicted
                for event in list(cloud.events.values())
                if isinstance(event.data, GatewayHealth) and event.data.contradicted
            ],
            "a heartbeat that says so",
        )
        assert "another event at epoch 1, sequence 1" in told[0]
    assert not cloud.errors
