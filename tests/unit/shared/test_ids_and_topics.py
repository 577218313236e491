"""Names that become topics and certificates."""

from __future__ import annotations

import pytest

from shared.errors import QuartermasterError
from shared.ids import GatewayId, gateway_id, is_code
from shared.topics import gateway_of, topic


@pytest.mark.parametrize("name", ["gw-1", "gw-north-2", "gw-" + "a" * 48])
def test_a_good_name_is_taken(name: str) -> None:
    assert gateway_id(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "gw-", "GW-1", "gw-01/x", "gw-+", "gw-#", "gw-1\n", "gw-" + "a" * 49, "xx-1", "gw-ü"],
)
def test_a_name_that_could_reach_another_topic_is_refused(name: str) -> None:
    with pytest.raises(QuartermasterError, match=r"gateway\.name"):
        gateway_id(name)


def test_a_topic_leads_back_to_its_gateway() -> None:
    gateway = GatewayId("gw-1")
    assert topic(gateway, "seg") == "qm/v1/gw-1/seg"
    assert gateway_of("qm/v1/gw-1/seg", "seg") == gateway


@pytest.mark.parametrize(
    "name", ["qm/v1/gw-1/ack", "qm/v2/gw-1/seg", "qm/v1/gw-1/x/seg", "seg", "qm/v1//seg"]
)
def test_any_other_topic_is_refused(name: str) -> None:
    with pytest.raises(QuartermasterError):
        gateway_of(name, "seg")


@pytest.mark.parametrize("text", ["A-01-02", "SKU.1", "4006381333931", "a"])
def test_a_code_may_name_a_thing(text: str) -> None:
    assert is_code(text)


@pytest.mark.parametrize("text", ["", " ", "a b", "-x", "x" * 65, "a\n", "ä"])
def test_other_text_may_not(text: str) -> None:
    assert not is_code(text)
