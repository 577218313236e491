"""Enrolment slips and proofs."""

from __future__ import annotations

import pytest

from shared.enrolment import Slip, read_slip, to_be_proven
from shared.errors import QuartermasterError
from shared.ids import GatewayId

SLIP = Slip(GatewayId("gw-berlin-1"), bytes(range(32)), bytes(range(32, 64)))


def test_a_slip_reads_back_what_was_printed() -> None:
    assert read_slip(f"  {SLIP.text()}\n") == SLIP


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "enrol.token"),
        ("qm1", "enrol.token"),
        (SLIP.text()[:-1], "enrol.token"),
        (SLIP.text() + "A", "enrol.token"),
        (SLIP.text().replace("qm1", "qm2"), "enrol.token"),
        (SLIP.text() + ".x", "enrol.token"),
        (SLIP.text()[:-2] + "!!", "enrol.token"),
        (SLIP.text()[:-2] + "éé", "enrol.token"),
        (SLIP.text().replace("gw-berlin-1", "GW/1"), "gateway.name"),
    ],
)
def test_a_mistyped_slip_is_refused(text: str, code: str) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        read_slip(text)
    assert refusal.value.code == code


def test_a_proof_is_bound_to_purpose_domain_gateway_and_request() -> None:
    gateway = GatewayId("gw-1")
    made = {
        to_be_proven("enrol", trust_domain="a", gateway=gateway, csr=b"1"),
        to_be_proven("renew", trust_domain="a", gateway=gateway, csr=b"1"),
        to_be_proven("enrol", trust_domain="b", gateway=gateway, csr=b"1"),
        to_be_proven("enrol", trust_domain="a", gateway=GatewayId("gw-2"), csr=b"1"),
        to_be_proven("enrol", trust_domain="a", gateway=gateway, csr=b"2"),
    }
    assert len(made) == 5
