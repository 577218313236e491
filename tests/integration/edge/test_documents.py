"""People come down over the real broker; what should not have come is told, not taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from edge.vision.models import read_card
from shared.downlink import DocumentKind, Offer, encode, sign_message
from shared.events import GatewayHealth
from shared.heads import Heads
from shared.ids import GatewayId
from shared.leases import Lease, Leases
from shared.people import People
from shared.policy import Policy
from shared.units import DAY, SECOND
from tests.support import WallClock
from tests.support.gateway import (
    TRUST_DOMAIN,
    FakeCloud,
    RunningGateway,
    downlink_key,
    enrol,
    equip,
    offer_of,
    public_key,
    running,
    wait_until,
)
from tests.support.heads import by_corner, head
from tests.support.people import BOB, PEOPLE

if TYPE_CHECKING:
    from deploy.broker import Broker

pytestmark = pytest.mark.broker

CONTENT = encode(PEOPLE)
GATEWAY = GatewayId("gw-01")


def notices(gateway: RunningGateway) -> dict[str, str]:
    return {notice["code"]: notice["detail"] for notice in gateway.status()["notices"]}


def health(cloud: FakeCloud) -> list[GatewayHealth]:
    facts = [event.data for event in list(cloud.events.values())]
    return [fact for fact in facts if isinstance(fact, GatewayHealth)]


def sign_in(gateway: RunningGateway, badge: str) -> Any:
    return gateway.http.post("/v1/sign-in", json={"badge": badge}).json()


def test_what_is_expired_altered_older_or_anothers_is_told_and_the_last_good_one_stays(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    data = tmp_path / "gw"
    identity = enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data)
    key = downlink_key(pki)

    def signed(offer: Offer, *, gateway: str = "gw-01", not_after: int | None = None) -> bytes:
        return sign_message(
            key.sign,
            kid=b"",
            trust_domain=TRUST_DOMAIN,
            gateway=GatewayId(gateway),
            body=offer,
            issued_at=WallClock().now(),
            not_after=not_after,
        )

    altered = CONTENT.replace(b"Bob", b"Rob")
    good = offer_of(CONTENT, 3, kind="people")
    with (
        FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}) as cloud,
        running(data, token) as gateway,
    ):
        wait_until(lambda: gateway.status()["link"]["up"], "the link")
        cloud.offer("gw-01", good)
        wait_until(lambda: any(beat.people == 3 for beat in health(cloud)), "the echo")
        assert notices(gateway) == {}
        bad = {
            "downlink.rollback": signed(offer_of(CONTENT, 2, kind="people")),
            "downlink.hash": signed(msgspec.structs.replace(good, version=4, content=altered)),
            "downlink.foreign": signed(offer_of(encode(People("paris", [])), 4, kind="people")),
            "downlink.malformed": signed(
                offer_of(encode(People("berlin", [BOB, BOB])), 4, kind="people")
            ),
            "downlink.expired": signed(
                offer_of(CONTENT, 4, kind="people"), not_after=WallClock().now() - SECOND
            ),
            "downlink.signature": signed(offer_of(CONTENT, 4, kind="people"), gateway="gw-02"),
        }
        for code, message in bad.items():
            cloud.publish(f"qm/v1/{GATEWAY}/cmd", message)
            wait_until(lambda c=code: c in notices(gateway), code)
            wait_until(
                lambda c=code: any(f"{c}: " in beat.detail for beat in health(cloud)),
                f"{code} in a heartbeat",
            )
            assert gateway.status()["versions"]["people"] == 3
            assert sign_in(gateway, "B-BOB")["person"]["name"] == "Bob Scanner"
        later = encode(People("berlin", [BOB]))
        cloud.offer("gw-01", offer_of(later, 5, kind="people"))
        wait_until(lambda: any(beat.people == 5 for beat in health(cloud)), "the next good one")
        assert set(notices(gateway)) == {"downlink.signature"}
        assert sign_in(gateway, "B-ADA")["error"]["code"] == "people.unknown-badge"


def in_force(gateway: RunningGateway, kind: DocumentKind) -> Any:
    """What the gateway works by."""
    if kind == "policy":
        return gateway.http.get("/v1/me").json()["policy"]["undo_minutes"]
    return [lease["quantity"] for lease in gateway.http.get("/v1/leases").json()["leases"]]


def test_a_policy_or_lease_that_has_expired_or_was_altered_is_told_and_the_last_good_one_counts(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    data = tmp_path / "gw"
    identity = enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data)
    key, now = downlink_key(pki), WallClock().now()

    def leases(quantity: int) -> Leases:
        return Leases("berlin", [Lease("LE-1", "TEA-1", quantity, now, now + DAY)])

    def signed(offer: Offer, not_after: int | None = None) -> bytes:
        return sign_message(
            key.sign,
            kid=b"",
            trust_domain=TRUST_DOMAIN,
            gateway=GATEWAY,
            body=offer,
            issued_at=WallClock().now(),
            not_after=not_after,
        )

    documents: dict[DocumentKind, tuple[Any, Any, Any]] = {
        "policy": (Policy("good", undo_minutes=7), Policy("bad", undo_minutes=9), 7),
        "leases": (leases(40), leases(4000), [40]),
    }
    with (
        FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}) as cloud,
        running(data, token) as gateway,
    ):
        wait_until(lambda: gateway.status()["link"]["up"], "the link")
        for kind, (good, bad, works_by) in documents.items():
            cloud.offer("gw-01", offer_of(encode(good), 3, kind=kind))
            wait_until(lambda k=kind, w=works_by: in_force(gateway, k) == w, f"the {kind}")
            wanted = offer_of(encode(good), 4, kind=kind)
            altered = bytearray(signed(offer_of(encode(bad), 4, kind=kind)))
            altered[-70] ^= 1
            refused = {
                "downlink.expired": signed(offer_of(encode(bad), 4, kind=kind), now - SECOND),
                "downlink.hash": signed(msgspec.structs.replace(wanted, content=encode(bad))),
                "downlink.rollback": signed(offer_of(encode(bad), 2, kind=kind)),
                "downlink.signature": bytes(altered),
            }
            for code, message in refused.items():
                cloud.publish(f"qm/v1/{GATEWAY}/cmd", message)
                wait_until(lambda c=code: c in notices(gateway), f"{kind}: {code}")
                assert in_force(gateway, kind) == works_by
                assert gateway.status()["versions"][kind] == 3
            told = next(n for n in gateway.status()["notices"] if n["code"].startswith("downlink"))
            assert told["says"]
            assert told["do"]


def test_a_head_for_another_backbone_is_told_and_the_last_good_one_stays(
    tmp_path: Path, pki: Path, broker: Broker
) -> None:
    data = tmp_path / "gw"
    identity = enrol(data, pki, broker_port=broker.gateway_port)
    token = equip(data)
    shipped, backbone = read_card("slots"), read_card("backbone")
    dimensions = shipped.inputs[0].shape[1]
    assert isinstance(dimensions, int)
    good = head(
        by_corner(range(len(shipped.classes)), dimensions),
        classes=list(shipped.classes),
        dimensions=dimensions,
        backbone_sha256=bytes.fromhex(backbone.sha256),
    )
    foreign = msgspec.structs.replace(good, backbone_sha256=bytes(32), backbone="backbone-9")
    camera = f'[[camera]]\nname = "aisle"\nsource = "{tmp_path / "none.mp4"}"\n'
    with (
        FakeCloud(pki, broker.service_port, {"gw-01": public_key(identity)}) as cloud,
        running(data, token, extra=camera) as gateway,
    ):
        wait_until(lambda: gateway.status()["link"]["up"], "the link")
        for version, offered in ((1, good), (2, foreign)):
            content = encode(Heads("berlin", [offered]))
            cloud.offer("gw-01", offer_of(content, version, kind="heads"))
            if version == 1:
                wait_until(lambda: gateway.status()["versions"]["heads"] == 1, "the good one")
        wait_until(lambda: "model.untrusted" in notices(gateway), "the alarm")
        wait_until(
            lambda: any("model.untrusted: " in beat.detail for beat in health(cloud)),
            "the alarm in a heartbeat",
        )
        assert gateway.status()["versions"]["heads"] == 1
        assert gateway.status()["learning"]["heads"] == [{"head": "slots-r1", "role": "active"}]
