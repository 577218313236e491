"""What has changed is told in one order, from anywhere in it, and nothing of it is skipped."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from cloud.access import revoke_key
from cloud.app.changes import Sender, Telling, log
from cloud.app.handlers import Stock, taken_back
from cloud.changes import Cursor, Wanted, follow, give_up, note, order_waiting, webhooks
from cloud.changes.webhooks import Due, Outcome
from cloud.db import unit_of_work
from cloud.exceptions import cases, raise_exception
from cloud.ingest.model import Chain, Facts, Origin, Provisional
from shared.errors import QuartermasterError
from shared.events import Line, Received, decode_event
from shared.ids import GatewayId
from shared.units import DAY, HOUR, SECOND, Micros
from shared.webhooks import verify, write_secret
from tests.support import FakeClock
from tests.support.clock import START
from tests.support.planner import Planner, bearer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from fastapi import FastAPI
    from psycopg_pool import ConnectionPool

    from cloud.db import Connection

pytestmark = pytest.mark.database
SECRET = write_secret(bytes(range(32)))


class House:
    """One database with its planner, its log, and hands that change things."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self.pool = pool
        self.clock = FakeClock()
        self.planner = Planner(pool, self.clock)
        self.log = log(1)
        self.stock = Stock()

    def note(self, subject: str, **body: Any) -> None:
        with unit_of_work(self.pool) as connection:
            note(connection, "order", subject, body, at=self.clock.now())

    def arrives(self, gateway: str, *lines: tuple[str, int]) -> Facts:
        """Let goods come in, as ingest lets them."""
        hand = self.planner.hands[gateway]
        events = [
            decode_event(hand.event(Received(Line(sku, quantity, None), "L0")))
            for sku, quantity in lines
        ]
        with unit_of_work(self.pool) as connection:
            row = connection.execute(
                "SELECT gateway_id, site_id FROM gateway WHERE name = %s", [gateway]
            ).fetchone()
            assert row is not None
            facts = Facts(Origin(GatewayId(gateway), row[0], row[1], 1), events)
            assert not self.stock(connection, [facts], self.clock.now())
        return facts

    def read(self, after: str = "1-0-0", limit: int = 100) -> list[tuple[str, str, Any]]:
        """(id, subject, body) of what comes after a place."""
        with unit_of_work(self.pool) as connection:
            order_waiting(connection)
        with unit_of_work(self.pool) as connection:
            found = self.log.read(connection, Cursor.read(after), Wanted(), limit=limit)
        return [(str(each.cursor), each.subject, each.body) for each in found.messages]


@pytest.fixture
def house(pool: ConnectionPool[Connection]) -> House:
    return House(pool)


def test_a_change_that_is_committed_late_is_told_late_and_not_skipped(house: House) -> None:
    with house.pool.connection() as slow:
        note(slow, "order", "slow", {}, at=house.clock.now())
        house.note("quick")
        ((place, subject, _),) = house.read()
        assert subject == "quick"
        slow.commit()
    assert [subject for _, subject, _ in house.read(place)] == ["slow"]


def test_what_moved_is_told_by_item_and_a_reader_goes_on_within_a_batch(house: House) -> None:
    facts = house.arrives("gw-a", ("SKU-1", 5), ("SKU-2", 7), ("SKU-1", 1))
    told = house.read()
    assert [(subject, body["moved"][0]["quantity"]) for _, subject, body in told] == [
        ("SKU-1", 6),
        ("SKU-2", 7),
    ]
    assert house.read(told[0][0]) == told[1:] == house.read(told[0][0], limit=1)
    house.clock.advance(SECOND)
    with unit_of_work(house.pool) as connection:
        provisional = Provisional(Chain(facts.origin.gateway_id, 1), [(1, 3)], Micros(0))
        taken_back(connection, provisional, house.clock.now())
    back = house.read(told[-1][0])
    assert [body["moved"][0]["quantity"] for _, _, body in back] == [-6, -7]


def test_a_place_in_another_history_or_in_what_was_given_up_is_refused(house: House) -> None:
    house.note("old")
    ((place, _, _),) = house.read()
    for strange in ("2-0-0", "1-9999-0"):
        with pytest.raises(QuartermasterError) as refused:
            house.read(strange)
        assert refused.value.code == "changes.cursor"
    with unit_of_work(house.pool) as connection:
        assert give_up(connection, now=Micros(house.clock.now() + 8 * DAY)) == 1
    assert house.read(place) == []
    with pytest.raises(QuartermasterError) as refused:
        house.read("1-0-0")
    assert refused.value.code == "changes.cursor"


def test_pages_show_a_key_its_own_sites_and_always_say_where_to_go_on(house: House) -> None:
    planner = house.planner
    both, one = planner.key(), planner.key(sites=("S-gw-b",))
    start = {key: planner.get("/v1/changes", key)["next"] for key in (both, one)}
    house.arrives("gw-a", ("SKU-1", 5))
    house.arrives("gw-b", ("SKU-2", 2))
    with unit_of_work(house.pool) as connection:
        raise_exception(connection, "segment.fork", "gw-a", "why", at=house.clock.now())
    house.read()
    seen = {key: planner.get("/v1/changes", key, after=start[key]) for key in (both, one)}
    assert [each["subject"] for each in seen[both]["items"][:2]] == ["SKU-1", "SKU-2"]
    assert seen[both]["items"][2]["kind"] == "exception"
    assert [each["site"] for each in seen[one]["items"]] == ["S-gw-b"]
    again = planner.get("/v1/changes", one, after=seen[one]["next"])
    assert again == {"items": [], "next": seen[one]["next"]}
    only = planner.get("/v1/changes", both, after=start[both], kinds="exception")
    assert [each["kind"] for each in only["items"]] == ["exception"]
    foreign = planner.client.get("/v1/changes?site=S-gw-a", headers=bearer(one))
    assert foreign.status_code == 404


@contextmanager
def served(app: FastAPI, port: int) -> Generator[str]:
    """The application behind a real server."""
    server = uvicorn.Server(
        uvicorn.Config(
            app, port=port, log_config=None, ws="websockets-sansio", timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def events(lines: Iterator[str], count: int) -> list[dict[str, str]]:
    """The next events that carry data."""
    found: list[dict[str, str]] = []
    event: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        else:
            found += [event] if "data" in event else []
            event = {}
        if len(found) == count:
            break
    return found


def test_streams_and_sockets_tell_at_once_and_go_on_where_they_were(
    house: House, free_port: Any
) -> None:
    key = house.planner.key(sites=("S-gw-a",))
    with (
        served(house.planner.app, free_port()) as at,
        httpx.Client(base_url=f"http://{at}", headers=bearer(key), timeout=10) as client,
    ):
        with client.stream("GET", "/v1/changes/stream") as answer:
            lines = answer.iter_lines()
            assert next(lines) == "retry: 2000"
            house.arrives("gw-b", ("SKU-3", 3))
            house.arrives("gw-a", ("SKU-1", 5), ("SKU-2", 7))
            first, second = events(lines, 2)
        assert first["event"] == "stock"
        assert json.loads(first["data"])["data"]["item"] == "SKU-1"
        resumed = {"last-event-id": first["id"]}
        with client.stream("GET", "/v1/changes/stream", headers=resumed) as answer:
            assert events(answer.iter_lines(), 1) == [second]
        late = {"last-event-id": "7-0-0"}
        assert client.get("/v1/changes/stream", headers=late).status_code == 410
        url = f"ws://{at}/v1/changes/socket"
        with connect(f"{url}?after={first['id']}", additional_headers=bearer(key)) as socket:
            assert json.loads(socket.recv(10)) == json.loads(second["data"])
            house.arrives("gw-a", ("SKU-4", 4))
            assert json.loads(socket.recv(10))["subject"] == "SKU-4"
        with pytest.raises(InvalidStatus, match="403"), connect(url):
            pass
        with client.stream("GET", "/v1/changes/stream") as answer:
            lines = answer.iter_lines()
            next(lines)
            with unit_of_work(house.pool) as connection:
                revoke_key(connection, key.split("_")[2], now=house.clock.now())
            house.clock.advance(60 * SECOND)
            house.arrives("gw-a", ("SKU-1", 1))
            (last,) = events(lines, 1)
            assert last["event"] == "error"
            assert "request.unauthenticated" in last["data"]
            assert list(lines) == []


class Receiver:
    """Takes webhooks, or does not."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.had: list[Due] = []

    def __call__(self, message: Due, *, now: Micros) -> Outcome:  # noqa: ARG002 - the port
        self.had.append(message)
        return Outcome(self.status, "" if self.status else "ConnectTimeout")


def told(house: House, receiver: Receiver) -> Telling:
    with unit_of_work(house.pool) as connection:
        webhooks.add(
            connection,
            house.log,
            code="shop",
            url="https://shop.example.com/hook",
            kinds=["order"],
            sites=None,
            by="ada",
            at=house.clock.now(),
        )
    return Telling(
        house.pool,
        generation=1,
        publish=lambda _topic, _payload: None,
        connected=lambda: False,
        send=receiver,
        clock=house.clock,
    )


def turn(telling: Telling) -> None:
    telling.tick()
    telling.settle()


def test_a_message_is_tried_for_a_day_then_given_up_to_a_person_who_replays_it(
    house: House,
) -> None:
    receiver = Receiver()
    telling = told(house, receiver)
    key = house.planner.key("webhooks:write")
    house.note("O-1", status="placed")
    receiver.status = None
    began = house.clock.now()
    turn(telling)
    (line,) = house.planner.get("/v1/webhooks/shop/messages", key)["items"]
    while not line["given_up_at"]:
        house.clock.advance(HOUR)
        turn(telling)
        (line,) = house.planner.get("/v1/webhooks/shop/messages", key)["items"]
    assert line["given_up_at"]
    assert line["answer"] == "ConnectTimeout"
    assert line["attempts"] == len(receiver.had) == 11
    assert 20 * HOUR < house.clock.now() - began < 40 * HOUR
    with unit_of_work(house.pool) as connection:
        assert [each.code for each in cases(connection, sites=None)] == ["webhook.given-up"]
    receiver.status = 204
    asked = house.planner.client.post("/v1/webhooks/shop/replay", json={}, headers=bearer(key))
    assert asked.json() == {"messages": 1}
    turn(telling)
    turn(telling)
    assert len({each.name for each in receiver.had}) == 1
    assert len(receiver.had) == 12
    (line,) = house.planner.get("/v1/webhooks/shop/messages", key)["items"]
    assert line["delivered_at"]
    telling.close()


def test_a_receiver_that_is_gone_is_left_alone_until_somebody_resumes_it(house: House) -> None:
    receiver = Receiver()
    telling = told(house, receiver)
    key = house.planner.key("webhooks:write")
    receiver.status = 410
    house.note("O-1")
    turn(telling)
    house.note("O-2")
    house.clock.advance(HOUR)
    turn(telling)
    assert len(receiver.had) == 1
    (line,) = house.planner.get("/v1/webhooks", key)["items"]
    assert line["why"] == "answered 410 Gone"
    receiver.status = 200
    house.planner.client.post("/v1/webhooks/shop/resume", headers=bearer(key))
    house.clock.advance(HOUR)
    turn(telling)
    assert sorted(json.loads(each.body)["data"]["subject"] for each in receiver.had) == [
        "O-1",
        "O-1",
        "O-2",
    ]
    gone = house.planner.client.request("DELETE", "/v1/webhooks/shop", headers=bearer(key))
    assert gone.status_code == 204
    assert house.planner.get("/v1/webhooks", key)["items"] == []
    telling.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com/",
        "https://u:p@shop.example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://localhost/",
        "https://broker.internal/",
        "https://shop.example.com:99999/",
    ],
)
def test_webhooks_to_our_own_network_are_refused(
    shared_pool: ConnectionPool[Connection], url: str
) -> None:
    with unit_of_work(shared_pool) as connection, pytest.raises(QuartermasterError) as refused:
        webhooks.add(
            connection,
            log(1),
            code="shop",
            url=url,
            kinds=["order"],
            sites=None,
            by="ada",
            at=Micros(START),
        )
    assert refused.value.code == "webhook.target"


def test_a_message_goes_signed_to_the_address_that_was_checked_and_to_no_other() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(302, headers={"location": "https://127.0.0.1/"}, text="x" * 100_000)

    addresses = {
        "shop.example.com": ["93.184.215.14"],
        "evil.example.com": ["93.1.1.1", "10.0.0.7"],
    }
    client = httpx.Client(transport=httpx.MockTransport(answer))
    sender = Sender(lambda _name: (SECRET,), resolve=lambda host, _: addresses[host], client=client)
    good = Due(1, 1, "shop", "https://shop.example.com/hook?a=1", "msg-1", b"{}", 1)
    outcome = sender(good, now=Micros(START))
    assert (outcome.status, outcome.delivered, len(outcome.answer)) == (302, False, 200)
    (request,) = asked
    assert str(request.url) == "https://93.184.215.14/hook?a=1"
    assert request.headers["host"] == "shop.example.com"
    assert request.extensions["sni_hostname"] == "shop.example.com"
    proven = verify([bytes(range(32))], dict(request.headers), request.content, now=START // SECOND)
    assert proven.message_id == "msg-1"
    evil = good._replace(url="https://evil.example.com/")
    assert "10.0.0.7" in sender(evil, now=Micros(START)).answer
    assert len(asked) == 1


def test_a_reader_of_ours_begins_with_what_is_to_come_and_keeps_its_place(house: House) -> None:
    had: list[str] = []

    def step() -> int:
        with unit_of_work(house.pool) as connection:
            order_waiting(connection)
            return follow(connection, house.log, "mqtt", lambda each: had.append(each.subject))

    house.note("before")
    assert step() == 0
    house.note("after")
    assert step() == 1
    assert step() == 0
    assert had == ["after"]
