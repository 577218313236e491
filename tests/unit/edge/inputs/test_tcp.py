"""The TCP door: whose a connection is, what it may send, and how it ends."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from edge.inputs.paired import Paired
from edge.inputs.tcp import Listening, TcpDoor
from edge.inputs.work import Work
from edge.ports import ScanAnswer, SystemIds
from edge.web import RateLimit
from shared.errors import QuartermasterError
from tests.support import free_port

TOKEN = "qmd_one"  # noqa: S105 - a made one


@dataclass
class House:
    """Devices and a scan point that takes everything and remembers it."""

    devices: dict[str, Paired] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    scans: list[dict[str, Any]] = field(default_factory=list)

    def pair(self, name: str, token: str, *, address: str | None = None, step: str = "") -> None:
        self.devices[name] = Paired(name, token.encode(), address, Work(step or "receive"), None)
        self.tokens[token] = name

    def everyone(self) -> list[Paired]:
        return list(self.devices.values())

    def by_name(self, name: str) -> Paired | None:
        return self.devices.get(name)

    def by_address(self, address: str) -> Paired | None:
        return next((each for each in self.everyone() if each.address == address), None)

    def by_token(self, token: str) -> Paired | None:
        return self.devices.get(self.tokens.get(token, ""))

    async def stand(self, name: str, work: Work) -> None:
        self.devices[name] = self.devices[name]._replace(work=work)

    def is_place(self, code: str) -> bool:
        return code in {"A-01", "DOCK-2"}

    async def scan(self, request: bytes, *, device: str) -> ScanAnswer:
        self.scans.append(json.loads(request) | {"device": device})
        understood = {"quantity": 1, "name": "Green tea", "lot": None}
        answer = {"outcome": "accepted", "understood": understood, "warnings": [], "task": None}
        return ScanAnswer(200, json.dumps(answer).encode())


@dataclass
class Line:
    """A scanner's connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, text: str | bytes) -> str:
        self.writer.write((text.encode() if isinstance(text, str) else text) + b"\r")
        return await self.hear()

    async def hear(self) -> str:
        """The next answer; empty when the gateway has hung up."""
        return (await asyncio.wait_for(self.reader.readline(), 5)).decode().strip()


Call = Callable[[], Awaitable[Line]]


def at_the_door(
    house: House,
    story: Callable[[Call], Awaitable[None]],
    limit: RateLimit | None = None,
    **over: Any,
) -> TcpDoor:
    """Run a story against a door that listens."""
    listening = Listening("127.0.0.1", free_port(), **over)
    door = TcpDoor(listening, house, house, limit or RateLimit(1000, 1000), SystemIds())

    async def play() -> None:
        running = asyncio.create_task(door.run())
        lines: list[Line] = []

        async def call() -> Line:
            for _ in range(200):
                try:
                    lines.append(Line(*await asyncio.open_connection("127.0.0.1", listening.port)))
                    return lines[-1]
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)
            raise AssertionError("nobody listens")

        try:
            await story(call)
        finally:
            for line in lines:
                line.writer.close()
            running.cancel()
            await asyncio.wait((running,))
            await asyncio.sleep(0.05)

    asyncio.run(play())
    return door


@pytest.fixture
def house() -> House:
    made = House()
    made.pair("sc-01", TOKEN)
    return made


def test_whoever_is_no_device_is_told_how_to_become_one_and_sent_away(house: House) -> None:
    async def story(call: Call) -> None:
        line = await call()
        said = await line.say("4006381333931")
        assert said.startswith("NO input.unbound This connection belongs to no paired device.")
        assert "token TOKEN" in said
        assert await line.hear() == ""
        guess = await call()
        assert (await guess.say("token qmd_two")).startswith("NO input.unbound")
        assert await guess.hear() == ""

    door = at_the_door(house, story)
    assert house.scans == []
    assert door.counts["input.unbound"] == 2


def test_a_device_is_known_by_its_token_and_each_line_is_a_scan_of_its_own(house: House) -> None:
    async def story(call: Call) -> None:
        line = await call()
        assert await line.say(f"token {TOKEN}") == "OK sc-01 is connected"
        assert await line.say("4006381333931") == "OK 1 Green tea"
        assert await line.say("4006381333931") == "OK 1 Green tea"

    at_the_door(house, story)
    assert [(scan["device"], scan["step"]) for scan in house.scans] == [("sc-01", "receive")] * 2
    assert len({scan["id"] for scan in house.scans}) == 2


def test_a_device_is_known_by_its_address_and_works_at_the_place_that_it_scanned(
    house: House,
) -> None:
    house.pair("sc-02", "qmd_two", address="127.0.0.1", step="put_away")

    async def story(call: Call) -> None:
        line = await call()
        assert await line.say("]C0A-01") == "OK A-01: now scan the goods"
        again = await call()
        assert await again.say("4006381333931") == "OK 1 Green tea"
        assert await again.say('{"id": "mine", "raw": "1", "step": "receive"}') == "OK 1 Green tea"

    at_the_door(house, story)
    assert [(scan["device"], scan.get("to")) for scan in house.scans] == [
        ("sc-02", "A-01"),
        ("sc-02", None),
    ]
    assert house.scans[1]["id"] == "mine"


def test_a_revoked_device_is_cut_off_within_a_second(house: House) -> None:
    async def story(call: Call) -> None:
        line = await call()
        await line.say(f"token {TOKEN}")
        del house.devices["sc-01"]
        started = asyncio.get_running_loop().time()
        assert (await line.hear()).startswith("NO input.revoked")
        assert await line.hear() == ""
        assert asyncio.get_running_loop().time() - started < 5

    at_the_door(house, story)


def test_what_a_device_sends_right_after_it_was_revoked_is_not_taken(house: House) -> None:
    async def story(call: Call) -> None:
        line = await call()
        await line.say(f"token {TOKEN}")
        house.pair("sc-01", "qmd_new")
        assert (await line.say("4006381333931")).startswith("NO input.revoked")
        assert await line.hear() == ""

    at_the_door(house, story)
    assert house.scans == []


def test_a_device_whose_address_was_given_away_is_cut_off(house: House) -> None:
    house.pair("sc-02", "qmd_two", address="127.0.0.1")

    async def story(call: Call) -> None:
        line = await call()
        assert await line.say("1") == "OK 1 Green tea"
        house.devices["sc-02"] = house.devices["sc-02"]._replace(address="10.0.0.7")
        assert (await line.say("1")).startswith("NO input.revoked")

    at_the_door(house, story)
    assert len(house.scans) == 1


def test_half_a_code_is_never_taken_for_a_whole_one(house: House) -> None:
    async def story(call: Call) -> None:
        line = await call()
        await line.say(f"token {TOKEN}")
        line.writer.write(b"4006381")
        line.writer.write_eof()
        assert (await line.hear()).startswith("NO input.unfinished A code came without its end")

    door = at_the_door(house, story)
    assert house.scans == []
    assert door.counts["input.unfinished"] == 1


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"x" * 10_000, "scan.too-long"),
        (b"x" * 600, "scan.too-long"),
        (b"\xff\xfe", "scan.malformed"),
        (b'{"raw": ', "scan.malformed"),
        (b"{" * 3000, "scan.malformed"),
    ],
)
def test_nonsense_is_refused_in_words_and_the_connection_goes_on(
    house: House, sent: bytes, code: str
) -> None:
    async def story(call: Call) -> None:
        line = await call()
        await line.say(f"token {TOKEN}")
        assert (await line.say(sent)).startswith(f"NO {code} ")
        assert await line.say("4006381333931") == "OK 1 Green tea"

    at_the_door(house, story)
    assert len(house.scans) == 1


def test_a_device_that_sends_too_fast_is_told_and_slowed_and_others_are_not(house: House) -> None:
    house.pair("sc-02", "qmd_two")

    async def story(call: Call) -> None:
        fast, calm = await call(), await call()
        await fast.say(f"token {TOKEN}")
        await calm.say("token qmd_two")
        fast.writer.write(b"1\r" * 200)
        for _ in range(5):
            assert await calm.say("1") == "OK 1 Green tea"
        told = [await fast.hear() for _ in range(11)]
        assert told[:10] == ["OK 1 Green tea"] * 10
        assert told[10].startswith("NO request.too-many")

    at_the_door(house, story, RateLimit(1, 10))
    assert [scan["device"] for scan in house.scans].count("sc-02") == 5


def test_a_scanner_that_reads_no_answers_is_served_all_the_same(house: House) -> None:
    async def story(call: Call) -> None:
        line = await call()
        await line.say(f"token {TOKEN}")
        for _ in range(20):
            line.writer.write(b"1\r" * 1000)
            await asyncio.wait_for(line.writer.drain(), 5)
        line.writer.write_eof()
        while (await asyncio.wait_for(line.reader.read(65_536), 5)) != b"":
            pass

    at_the_door(house, story, RateLimit(1e9, 1e9))
    assert len(house.scans) == 20_000


def test_connections_are_bounded(house: House) -> None:
    async def story(call: Call) -> None:
        line = await call()
        assert (await line.say(f"token {TOKEN}")).startswith("OK")
        for _ in range(2):
            await call()
        assert (await (await call()).hear()).startswith("NO input.connections")
        assert await line.say("1") == "OK 1 Green tea"

    at_the_door(house, story, connections=3)


def test_a_scanner_that_comes_back_without_having_hung_up_is_let_in(house: House) -> None:
    async def story(call: Call) -> None:
        lines = [await call() for _ in range(3)]
        for line in lines:
            assert (await line.say(f"token {TOKEN}")).startswith("OK")
        assert await lines[0].hear() == ""
        assert await lines[1].say("1") == "OK 1 Green tea"
        assert await lines[2].say("1") == "OK 1 Green tea"

    at_the_door(house, story, connections_per_device=2)


def test_strangers_do_not_keep_a_device_out(house: House) -> None:
    async def story(call: Call) -> None:
        strangers = [await call() for _ in range(4)]
        assert (await (await call()).hear()).startswith("NO input.connections")
        house.pair("sc-02", "qmd_two", address="127.0.0.1")
        assert await (await call()).say("1") == "OK 1 Green tea"
        assert (await strangers[0].say(f"token {TOKEN}")).startswith("OK sc-01")

    at_the_door(house, story)


def test_a_connection_that_says_nothing_ends(house: House) -> None:
    async def story(call: Call) -> None:
        line = await call()
        await line.say(f"token {TOKEN}")
        assert await line.hear() == ""

    at_the_door(house, story, idle_seconds=0.1)


def test_a_port_that_is_taken_is_said_until_it_is_free(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listening = Listening("127.0.0.1", taken.getsockname()[1])
        door = TcpDoor(listening, house, house, RateLimit(1, 1), SystemIds())
        with pytest.raises(QuartermasterError) as refused:
            asyncio.run(door.run())
    assert (refused.value.code, refused.value.where) == ("settings.invalid", "tcp.port")
    assert door.trouble is refused.value

    async def play() -> None:
        running = asyncio.create_task(door.run())
        await asyncio.sleep(0.05)
        assert door.trouble is None
        running.cancel()
        await asyncio.wait((running,))

    asyncio.run(play())
