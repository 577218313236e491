"""Whatever is offered in whatever order: versions only rise, a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import people, stock
from edge.db import Database
from shared.downlink import DOCUMENT_KINDS, Catalog, DocumentKind, Offer, digest, encode
from shared.errors import QuartermasterError
from shared.heads import Heads
from shared.ids import SiteId
from shared.leases import Leases
from shared.people import People, Person
from shared.plan import Plan
from shared.policy import Policy
from tests.support.gateway import SITE

HERE = SiteId(SITE)
SHAPES: dict[DocumentKind, Any] = {
    "catalog": lambda site, _name: Catalog(site, [], []),
    "policy": lambda _site, name: Policy(name=name),
    "people": lambda site, name: People(site, [Person(name, name, "scanner")]),
    "plan": lambda site, _name: Plan(site, []),
    "leases": lambda site, _name: Leases(site, []),
    "heads": lambda site, _name: Heads(site, []),
}


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with TemporaryDirectory() as folder:
        opened = Database(Path(folder) / "gateway.db")
        yield opened
        opened.close()


@st.composite
def offers(draw: st.DrawFn) -> tuple[Offer, bytes]:
    """Good ones, and ones of which something is wrong."""
    kind = draw(st.sampled_from(DOCUMENT_KINDS))
    version = draw(st.integers(1, 6))
    site = draw(st.sampled_from([SITE, SITE, SITE, "paris"]))
    content = encode(SHAPES[kind](site, f"v{version}"))
    base = draw(st.sampled_from([0, 0, 0, 1, 3]))
    announced = draw(st.sampled_from([content, content, content, content + b"\x00"]))
    return Offer(kind, base, version, digest(announced), len(announced)), content


@settings(max_examples=150, deadline=None)
@given(run=st.lists(offers(), max_size=25))
def test_versions_only_rise_and_a_refusal_changes_nothing(
    database: Database, run: list[tuple[Offer, bytes]]
) -> None:
    database.run_blocking(stock.forget_documents)
    entering = stock.Entering(people=people.enter)
    held = stock.versions(database.reader)
    for offer, content in run:

        def unit(connection: Any, offer: Offer = offer, content: bytes = content) -> bool:
            return stock.put_in_force(
                connection, offer, content, site=HERE, now=1, entering=entering
            )

        try:
            changed = database.run_blocking(unit)
        except QuartermasterError:
            changed = False
        now = stock.versions(database.reader)
        if changed:
            assert now == {**held, offer.kind: offer.version}
            assert offer.version > held[offer.kind]
        else:
            assert now == held
        if changed and offer.kind == "people":
            assert people.known_person(database.reader, f"v{offer.version}") is not None
        held = now
