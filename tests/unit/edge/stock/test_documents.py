"""What comes down is put in force whole, with the rooms that use it, or not at all."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from edge import people, stock
from edge.stock import Entering
from shared.downlink import DocumentKind, Offer, encode
from shared.errors import QuartermasterError
from shared.heads import Head, Heads
from shared.ids import SiteId
from shared.leases import Lease, Leases
from shared.people import MAX_PEOPLE, People, Person
from shared.plan import Plan, Task, TaskLine
from shared.policy import Policy
from tests.support.gateway import CATALOG, SITE, offer_of
from tests.support.people import PEOPLE, badge, hashed

if TYPE_CHECKING:
    from edge.app.store import Store

HERE = SiteId(SITE)
PLAN = Plan(SITE, [Task("T-1", "pick", [TaskLine("TEA-1", 3)])])
LEASES = Leases(SITE, [Lease("L-1", "TEA-1", 3, 1, 2)])
GRAPH = b"a graph"
HEAD = Head(
    "slots",
    "slots-r1",
    "active",
    hashlib.sha256(GRAPH).digest(),
    ["empty", "full"],
    "backbone-1",
    bytes(32),
    64,
    GRAPH,
)
HEADS = Heads(SITE, [HEAD])
DOCUMENTS: dict[DocumentKind, Any] = {
    "catalog": CATALOG,
    "policy": Policy(name="here"),
    "people": PEOPLE,
    "plan": PLAN,
    "leases": LEASES,
    "heads": HEADS,
}


def put(store: Store, offer: Offer, content: bytes, entering: Entering = Entering()) -> bool:  # noqa: B008
    return store.database.run_blocking(
        lambda connection: stock.put_in_force(
            connection, offer, content, site=HERE, now=5, entering=entering
        )
    )


def refusal(store: Store, offer: Offer, content: bytes) -> str:
    with pytest.raises(QuartermasterError) as refused:
        put(store, offer, content, Entering(people=people.enter))
    return refused.value.code


@pytest.mark.parametrize("kind", list(DOCUMENTS))
def test_each_kind_comes_into_force_once(bare_store: Store, kind: DocumentKind) -> None:
    content = encode(DOCUMENTS[kind])
    offer = offer_of(content, 4, kind=kind)
    assert put(bare_store, offer, content)
    assert not put(bare_store, offer, content)
    versions = stock.versions(bare_store.database.reader)
    assert versions == {**dict.fromkeys(DOCUMENTS, 0), kind: 4}


def test_each_room_is_handed_its_own_in_the_same_transaction(bare_store: Store) -> None:
    handed: list[Any] = []

    def enter(connection: Any, document: Any, now: int) -> None:
        seen = stock.versions(connection)
        handed.append((document, now, {kind for kind, version in seen.items() if version}))

    entering = Entering(people=enter, plan=enter, leases=enter, heads=enter)
    for kind in ("people", "plan", "leases", "heads"):
        content = encode(DOCUMENTS[kind])
        put(bare_store, offer_of(content, 1, kind=kind), content, entering)
    assert handed == [
        (PEOPLE, 5, {"people"}),
        (PLAN, 5, {"people", "plan"}),
        (LEASES, 5, {"people", "plan", "leases"}),
        (HEADS, 5, {"people", "plan", "leases", "heads"}),
    ]


def test_what_a_room_cannot_enter_does_not_come_into_force(bare_store: Store) -> None:
    def fail(_connection: Any, _document: Any, _now: int) -> None:
        raise QuartermasterError("disk.full")

    content = encode(PLAN)
    with pytest.raises(QuartermasterError):
        put(bare_store, offer_of(content, 1, kind="plan"), content, Entering(plan=fail))
    assert stock.versions(bare_store.database.reader)["plan"] == 0


TWICE = Person("ada", "Another Ada", "scanner")
STOLEN = Person("mallory", "Mallory", "operator", "", [badge("B-ADA")])
BAD: dict[str, bytes] = {
    "nonsense": b"\x00",
    "cut": encode(PEOPLE)[:-1],
    "another-kind": encode(PLAN),
    "a-code-twice": encode(People(SITE, [*PEOPLE.people, TWICE])),
    "a-badge-twice": encode(People(SITE, [*PEOPLE.people, STOLEN])),
    "a-short-badge": encode(People(SITE, [Person("a", "A", "scanner", "", [b"short"])])),
    "an-unknown-role": encode(People(SITE, [Person("a", "A", "admin")])),  # type: ignore[arg-type]
    "a-plain-secret": encode(People(SITE, [Person("a", "A", "scanner", "1234")])),
    "a-secret-of-four-gibibytes": encode(
        People(SITE, [], "$argon2id$v=19$m=4194304,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo")
    ),
    "somebody-called-break-glass": encode(People(SITE, [Person("break-glass", "B", "operator")])),
    "too-many": encode(
        People(SITE, [Person(f"p{n}", "", "scanner") for n in range(MAX_PEOPLE + 1)])
    ),
}


@pytest.mark.parametrize("content", list(BAD.values()), ids=list(BAD))
def test_a_bad_people_document_is_refused_and_the_last_good_one_stays(
    bare_store: Store, content: bytes
) -> None:
    good = encode(PEOPLE)
    put(bare_store, offer_of(good, 1, kind="people"), good, Entering(people=people.enter))
    assert refusal(bare_store, offer_of(content, 2, kind="people"), content) == (
        "downlink.malformed"
    )
    reader = bare_store.database.reader
    assert stock.versions(reader)["people"] == 1
    assert people.known_person(reader, "ada") is not None


@pytest.mark.parametrize("kind", ["people", "plan", "leases"])
def test_another_sites_document_altered_bytes_and_an_older_one_are_refused(
    bare_store: Store, kind: DocumentKind
) -> None:
    content = encode(DOCUMENTS[kind])
    put(bare_store, offer_of(content, 5, kind=kind), content)
    foreign = encode({"people": People, "plan": Plan, "leases": Leases}[kind]("paris", []))
    assert refusal(bare_store, offer_of(foreign, 6, kind=kind), foreign) == "downlink.foreign"
    altered = content.replace(b"berlin", b"berlix", 1)
    assert refusal(bare_store, offer_of(content, 6, kind=kind), altered) == "downlink.hash"
    assert refusal(bare_store, offer_of(content, 4, kind=kind), content) == "downlink.rollback"
    assert stock.versions(bare_store.database.reader)[kind] == 5


def test_ten_thousand_people_come_into_force(bare_store: Store) -> None:
    secret = hashed("one for all")
    crowd = [
        Person(f"p{n}", f"Person {n}", "scanner", secret, [badge(f"B-{n}")])
        for n in range(MAX_PEOPLE)
    ]
    content = encode(People(SITE, crowd))
    put(
        bare_store,
        offer_of(content, 1, kind="people"),
        content,
        Entering(people=people.enter),
    )
    found = people.known_person(bare_store.database.reader, "p9999")
    assert found is not None
    assert found.name == "Person 9999"


def test_forgotten_documents_may_come_again(bare_store: Store) -> None:
    content = encode(PEOPLE)
    offer = offer_of(content, 9, kind="people")
    put(bare_store, offer, content, Entering(people=people.enter))
    bare_store.database.run_blocking(stock.forget_documents)
    assert stock.versions(bare_store.database.reader)["people"] == 0
    assert put(bare_store, offer, content, Entering(people=people.enter))


def test_heads_are_kept_as_they_came_and_a_refused_one_leaves_the_last_good_ones(
    bare_store: Store,
) -> None:
    reader = bare_store.database.reader
    assert stock.heads(reader, HERE) == Heads(SITE, [])
    content = encode(HEADS)
    put(bare_store, offer_of(content, 1, kind="heads"), content)
    altered = content.replace(GRAPH, b"another")
    code = refusal(bare_store, offer_of(altered, 2, kind="heads"), altered)
    assert code == "downlink.malformed"
    assert stock.heads(reader, HERE) == HEADS

    def spoil(connection: Any) -> None:
        connection.execute("UPDATE document SET content = ? WHERE kind = 'heads'", (altered,))

    bare_store.database.run_blocking(spoil)
    with pytest.raises(QuartermasterError) as damaged:
        stock.heads(reader, HERE)
    assert damaged.value.code == "store.damaged"
