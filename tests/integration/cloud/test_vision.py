"""``quartermaster cloud vision``: from people's words to a candidate, to sites and back."""

from __future__ import annotations

import hashlib
import json
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cloud import fleet
from cloud.app import heads as documents
from cloud.cli import app
from cloud.db import unit_of_work
from cloud.vision import service
from shared.errors import QuartermasterError
from shared.events import CropLabelled, ShadowCompared
from shared.heads import Heads, decode_heads
from shared.units import Micros
from tests.support.intake import Intake
from tests.support.uplink import Hand

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database

SITE = "S-gw-a"
CLASSES = ("empty", "full", "low")
BACKBONE = hashlib.sha256(b"the backbone").digest()
SIZE = 6


def word(number: int, label: str, predicted: str, **over: Any) -> CropLabelled:
    rng = np.random.default_rng(number)
    row = np.eye(3, SIZE)[CLASSES.index(label)] * 2 + rng.normal(0, 0.2, SIZE)
    fields: dict[str, Any] = {
        "camera": "aisle",
        "zone": None,
        "frame_at": number,
        "model": "backbone-1",
        "model_sha256": BACKBONE,
        "confidence": 400,
        "image_sha256": hashlib.sha256(str(number).encode()).digest(),
        "head": "slots",
        "label": label,
        "predicted": predicted,
        "embedding": row.astype("<f2").tobytes(),
    }
    return CropLabelled(**(fields | over))


class House:
    """A cloud with one gateway at whose console people label."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.hand = Hand("gw-a")
        self.pool = pool
        self.intake = Intake(pool, self.hand)

    def label(self, count: int, *, right: bool = False, first: int = 0) -> None:
        """Words on as many crops, of which the head in force was right about all or none."""
        words: list[CropLabelled] = []
        for number in range(first, first + count):
            name, other = CLASSES[number % 3], CLASSES[(number + 1) % 3]
            words.append(word(number, name, name if right else other))
        self.intake.say(self.hand, *words)

    def heads(self) -> Heads:
        with unit_of_work(self.pool) as connection:
            found = fleet.in_force(connection, "heads", SITE)
        return Heads(SITE, []) if found is None else decode_heads(found[1])


@pytest.fixture
def house(
    pool: ConnectionPool[Connection], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> House:
    monkeypatch.setenv("QM_DATABASE_URL", database_url)
    return House(pool)


def says(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["vision", *arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def answer(*arguments: str) -> Any:
    return json.loads(says(*arguments, "--json"))


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["vision", *arguments])
    assert isinstance(result.exception, QuartermasterError), result.output
    return result.exception.code


def test_without_labels_and_candidates_it_is_said_what_makes_some(house: House) -> None:
    assert answer("labels") == []
    assert "keep_crops" in says("labels")
    assert answer("candidates") == []
    assert "retrain" in says("candidates")
    assert refused("retrain", "slots") == "model.few-labels"
    house.label(5)
    assert refused("retrain", "slots") == "model.few-labels"
    assert refused("retrain", "damage") == "model.few-labels"


def test_labels_are_counted_by_class_and_by_who_had_said_so(house: House) -> None:
    house.label(6)
    house.label(3, right=True, first=6)
    rows = answer("labels", "slots")
    assert [(row["label"], row["labels"], row["said_so"]) for row in rows] == [
        ("empty", 3, 1),
        ("full", 3, 1),
        ("low", 3, 1),
    ]
    assert {row["backbone_sha256"] for row in rows} == {BACKBONE.hex()}
    assert answer("labels", "damage") == []


def test_a_head_is_retrained_kept_published_and_withdrawn(house: House) -> None:
    house.label(45)
    tried = answer("retrain", "slots", "--dry-run")
    assert tried["candidate"] is None
    assert answer("candidates") == []
    made = answer("retrain", "slots")
    assert (made["candidate"], made["sha256"]) == ("slots-r1", tried["sha256"])
    assert made["labels"]["labels"] == {"empty": 15, "full": 15, "low": 15}
    assert made["metrics"]["accuracy"] == 1.0
    assert made["metrics"]["parity"] <= 1e-5
    assert (made["compared"]["words"]["right"], made["worse"]) == (0, False)
    assert answer("retrain", "slots")["candidate"] == "slots-r1"

    (done,) = answer("publish", "slots-r1", "--shadow", SITE)
    assert done == {
        "site": SITE,
        "version": 1,
        "heads": [{"head": "slots-r1", "role": "shadow"}],
    }
    (head,) = house.heads().heads
    assert (head.name, head.classes, head.dimensions) == ("slots", list(CLASSES), SIZE)
    assert head.backbone_sha256 == BACKBONE
    (row,) = answer("candidates")
    assert row["published"] == [{"site": SITE, "role": "shadow", "version": 1}]
    assert (row["labels"]["base"], row["seed"], row["forced"]) == (0, 1, False)

    answer("publish", "1", "--active", SITE)
    assert [(each.version, each.role) for each in house.heads().heads] == [("slots-r1", "active")]
    assert refused("publish", "slots-r1", "--shadow", SITE) == "request.conflict"
    assert "no active slots" in says("withdraw", "slots", "--active", SITE)
    assert house.heads().heads == []
    assert refused("withdraw", "slots", "--active", SITE) == "request.not-found"


def test_a_later_candidate_takes_the_place_of_an_earlier_shadow(house: House) -> None:
    house.label(45)
    answer("retrain", "slots")
    answer("publish", "slots-r1", "--active", SITE)
    house.label(30, first=45)
    later = answer("retrain", "slots")["candidate"]
    answer("publish", later, "--shadow", SITE)
    house.label(30, first=75)
    newest = answer("retrain", "slots")["candidate"]
    answer("publish", newest, "--shadow", SITE)
    assert [(each.version, each.role) for each in house.heads().heads] == [
        ("slots-r1", "active"),
        (newest, "shadow"),
    ]


def test_two_people_who_publish_at_once_lose_neither_candidate(house: House) -> None:
    house.label(45)
    slots = answer("retrain", "slots")["candidate"]
    words = [
        word(n, CLASSES[n % 3], "low", head="damage", image_sha256=n.to_bytes(32, "big"))
        for n in range(200, 245)
    ]
    house.intake.say(house.hand, *words)
    damage = answer("retrain", "damage")["candidate"]
    begun, done = Event(), Event()

    def one() -> None:
        with unit_of_work(house.pool) as connection:
            candidate = service.candidate(connection, slots)
            documents.publish(connection, candidate, "shadow", [SITE], now=Micros(1))
            begun.set()
            done.wait(0.5)

    first = Thread(target=one)
    first.start()
    begun.wait(30)
    answer("publish", damage, "--shadow", SITE)
    done.set()
    first.join()
    assert {each.version for each in house.heads().heads} == {slots, damage}


def test_a_worse_head_is_refused_unless_it_is_forced_and_then_says_so(house: House) -> None:
    rng = np.random.default_rng(1)
    noise = [
        word(
            n, CLASSES[n % 3], CLASSES[n % 3], embedding=rng.normal(0, 1, 6).astype("<f2").tobytes()
        )
        for n in range(60)
    ]
    house.intake.say(house.hand, *noise)
    assert answer("retrain", "slots", "--dry-run")["worse"]
    assert refused("retrain", "slots") == "model.worse"
    assert answer("candidates") == []
    answer("retrain", "slots", "--force")
    (row,) = answer("candidates")
    assert row["forced"]
    assert row["metrics"]["compared"]["words"]["worse"]
    assert "(forced)" in says("candidates")


def test_words_on_another_backbone_train_nothing_together(house: House) -> None:
    house.label(45)
    other = [
        word(n, CLASSES[n % 3], "low", model_sha256=bytes(32), model="backbone-2")
        for n in range(100, 130)
    ]
    house.intake.say(house.hand, *other)
    assert answer("retrain", "slots", "--dry-run")["backbone"] == "backbone-2"
    first = answer("retrain", "slots", "--dry-run", "--backbone", BACKBONE.hex())
    assert sum(first["labels"]["labels"].values()) == 45
    assert refused("retrain", "slots", "--backbone", "ff" * 32) == "model.few-labels"


def test_how_a_shadow_did_is_told_by_the_last_word_on_each_pair(house: House) -> None:
    house.label(45)
    made = answer("retrain", "slots")
    sha256 = bytes.fromhex(made["sha256"])
    pair = ("slots", "slots-1", bytes(32), "slots-r1", sha256)
    house.intake.say(
        house.hand,
        ShadowCompared(*pair, 100, 10, 9, 1, 0, 1),
        ShadowCompared(*pair, 100, 50, 40, 4, 1, 3),
        ShadowCompared(*pair, 999, 8, 8, 0, 0, 0),
        ShadowCompared(*pair[:4], bytes(32), 1, 7, 7, 7, 7, 7),
    )
    (row,) = answer("candidates")
    told = [(each["since"][-8:], each["compared"], each["labelled"]) for each in row["shadow"]]
    assert len(told) == 2
    assert sum(each["compared"] for each in row["shadow"]) == 58
    assert sum(each["agreed"] for each in row["shadow"]) == 48
    assert sum(each["candidate_right"] for each in row["shadow"]) == 3
    table = says("candidates")
    assert "58" in table
    assert "82.8%" in table


@pytest.mark.parametrize("candidate", ["slots-r9", "9", "damage-r1", "", "r1", "slots-r", "-1"])
def test_an_unknown_candidate_is_not_found(house: House, candidate: str) -> None:
    house.label(45)
    answer("retrain", "slots")
    arguments = ("publish", "--shadow", "--", candidate, SITE)
    assert refused(*arguments) == "request.not-found"


def test_an_unknown_site_or_no_role_publishes_nothing(house: House) -> None:
    house.label(45)
    answer("retrain", "slots")
    assert refused("publish", "slots-r1", "--shadow", SITE, "NOWHERE") == "request.not-found"
    assert refused("publish", "slots-r1", SITE) == "request.invalid"
    assert refused("publish", "slots-r1", SITE, "--shadow", "--active") == "request.invalid"
    assert house.heads().heads == []
