"""What can go wrong, one function each; true when it was injected.

Faults that last end themselves some steps later (``World.undo``). Each seed draws its own part of
the menu: runs with few kinds of fault in odd combinations find more than runs with all of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.simulation import attacks
from tests.simulation.disk import Disk
from tests.simulation.gateway import YEAR, Gateway

if TYPE_CHECKING:
    from tests.simulation.world import World

Fault = Callable[["World"], bool]


def _one(world: World) -> Gateway:
    return world.rng.choice(world.machines)


def _later(world: World, undo: Callable[[], None], longest: int = 40) -> None:
    world.undo.append((world.step + world.rng.randint(3, longest), undo))


# The gateway's machine


def gateway_killed(world: World) -> bool:
    _one(world).kill()
    return True


def killed_before_commit(world: World) -> bool:
    machine = _one(world)
    for _ in range(world.rng.randint(1, 4)):
        world.scan()
    machine.kill()
    return True


def killed_before_answer(world: World) -> bool:
    machine = _one(world)
    for _ in range(world.rng.randint(1, 4)):
        world.scan()
    if machine.running:
        machine.database.pump()
    machine.kill()
    world.hear(lose=1.0)
    return True


def power_cut(world: World) -> bool:
    machine = _one(world)
    if world.rng.random() < 0.5 and machine.running:
        world.scan()
        machine.database.pump()
        world.loop.settle()
        world.hear(lose=0.0)
    machine.cut_power(world.rng)
    return True


def disk_full(world: World) -> bool:
    disk = _one(world).disk
    disk.full = True
    disk.limit()

    def space() -> None:
        disk.full = False
        disk.limit()

    _later(world, space)
    return True


def old_backup_restored(world: World) -> bool:
    machine = _one(world)
    image = world.backups.get(machine.name)
    if image is None:
        return False
    return _replace_disk(world, machine, image)


def database_lost(world: World) -> bool:
    machine = _one(world)
    return _replace_disk(world, machine, world.new_image(machine.name))


def _replace_disk(world: World, machine: Gateway, image: bytes) -> bool:
    from tests.simulation.world import note_destroyed

    machine.kill()
    note_destroyed(world, machine, image)
    machine.disk.image = image
    world.distrusted.add(machine.name)
    world.renewing.add(machine.name)
    return True


def gateway_cloned(world: World) -> bool:
    if world.retired:
        return False
    machine = _one(world)
    known = machine.identity
    copy = replace(known)
    world.distrusted.add(machine.name)
    world.retired.append(world.add_machine(copy, Disk(machine.disk.copy())))
    return True


def clock_jumped(world: World) -> bool:
    clock = _one(world).clock
    kind = world.rng.choice(("ahead", "behind", "1970"))
    if kind == "1970":
        clock.reset_to_1970()
    else:
        clock.offset += YEAR if kind == "ahead" else -YEAR
    return True


# Wires and broker


def _wire(world: World, state: str) -> bool:
    link = _one(world).link
    link.wire = state
    if state == "cut":
        link.drop()

    def mend() -> None:
        link.wire = "ok"

    _later(world, mend)
    return True


def partition(world: World) -> bool:
    return _wire(world, "cut")


def half_open(world: World) -> bool:
    return _wire(world, "half-open")


def one_way(world: World) -> bool:
    return _wire(world, world.rng.choice(("up-only", "down-only")))


def connection_reset(world: World) -> bool:
    _one(world).link.drop()
    return True


def latency(world: World) -> bool:
    world.broker.slowest = 2.0
    _later(world, lambda: setattr(world.broker, "slowest", 0.05))
    return True


def broker_restarted_empty(world: World) -> bool:
    world.broker.stop()
    _later(world, world.broker.start, 20)
    return True


def messages_swallowed(world: World) -> bool:
    world.broker.swallow = 0.4
    _later(world, lambda: setattr(world.broker, "swallow", 0.0))
    return True


def messages_repeated(world: World) -> bool:
    world.broker.repeat = 0.6
    _later(world, lambda: setattr(world.broker, "repeat", 0.0))
    return True


# The cloud


def _kill_worker(world: World, point: str) -> bool:
    world.rng.choice(world.cloud.workers).doom = point
    return True


def worker_killed_before_verifying(world: World) -> bool:
    return _kill_worker(world, "verify")


def worker_killed_after_commit(world: World) -> bool:
    return _kill_worker(world, "committed")


def worker_killed_before_watermark(world: World) -> bool:
    return _kill_worker(world, "acknowledged")


def worker_killed_in_transaction(world: World) -> bool:
    world.cloud.database.kill_in_transaction = True
    return True


def _commit(world: World, failure: Any) -> bool:
    world.cloud.database.fail_next = failure
    return True


def commit_lost(world: World) -> bool:
    return _commit(world, "lose")


def commit_answer_lost(world: World) -> bool:
    return _commit(world, "answer-lost")


def database_refused(world: World) -> bool:
    return _commit(world, "refuse")


def database_away(world: World) -> bool:
    world.cloud.database.down = True
    _later(world, lambda: setattr(world.cloud.database, "down", False), 25)
    return True


def cloud_restored_from_backup(world: World) -> bool:
    world.cloud.restore(world.cloud_backup)
    world.cloud_backup = world.cloud.database.tables.copy()
    return True


def ingest_slow(world: World) -> bool:
    for worker in world.cloud.workers:
        worker.slowness = 1.0

    def quick() -> None:
        for worker in world.cloud.workers:
            worker.slowness = 0.0

    _later(world, quick)
    return True


def broker_queue_overflows(world: World) -> bool:
    for worker in world.cloud.workers:
        worker.room = 1

    def room() -> None:
        for worker in world.cloud.workers:
            worker.room = 40

    _later(world, room)
    return True


ALL: tuple[Fault, ...] = (
    gateway_killed, killed_before_commit, killed_before_answer, power_cut, power_cut, disk_full,
    old_backup_restored, database_lost, gateway_cloned, clock_jumped,
    partition, half_open, one_way, connection_reset, latency, broker_restarted_empty,
    messages_swallowed, messages_repeated,
    worker_killed_before_verifying, worker_killed_after_commit, worker_killed_before_watermark,
    worker_killed_in_transaction, commit_lost, commit_answer_lost, database_refused,
    database_away, cloud_restored_from_backup, ingest_slow, broker_queue_overflows,
    *attacks.ALL,
)  # fmt: skip


def menu(rng: random.Random, only: Collection[str] = ()) -> list[Fault]:
    """This seed's faults; of those named, if any are."""
    if only:
        return [fault for fault in ALL if fault.__name__ in only]
    return rng.sample(ALL, rng.randint(4, 12))
