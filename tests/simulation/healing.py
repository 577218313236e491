"""After the faults: everything comes back, people do what the runbooks say, and it converges."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.world import World

HEALING_S = 60.0
"""I8: so long may convergence take."""


def heal(world: World) -> list[str]:
    """End every fault, let the floor and its people do their work; what has not converged."""
    world.say("HEAL")
    broker, cloud = world.broker, world.cloud
    world.end_faults(all_of_them=True)
    broker.start()
    broker.swallow = broker.repeat = 0.0
    broker.slowest = 0.05
    cloud.database.down = cloud.database.kill_in_transaction = False
    cloud.database.fail_next = None
    for worker in cloud.workers:
        worker.slowness, worker.doom = 0.0, ""
    for machine in world.machines:
        machine.link.wire, machine.link.plugged = "ok", True
        machine.disk.full = False
        machine.disk.limit()
        machine.boot()
    world.loop.advance(2.0)
    world.hear(lose=0.0)
    if world.distrusted:
        _let_forks_show(world)
    return _converge(world)


def _let_forks_show(world: World) -> None:
    """Both branches speak; then the copy is taken away, and new epochs are granted."""
    world.heartbeats()
    world.loop.advance(8.0)
    world.hear(lose=0.0)
    for machine in [m for m in world.machines if m in world.retired]:
        world.say(f"retire the copy of {machine.name}")
        machine.kill()
        world.machines.remove(machine)
    world.loop.advance(3.0)
    world.grant_epochs()


def _converge(world: World) -> list[str]:
    world.heartbeats()
    until = world.loop.time() + HEALING_S
    late: list[str] = []
    while world.loop.time() < until:
        world.retry()
        world.loop.advance(0.5)
        world.hear(lose=0.0)
        world.grant_epochs()
        late = _late(world)
        if not late:
            world.say("CONVERGED")
            return []
    return [f"I8 not converged: {item}" for item in late]


def _late(world: World) -> list[str]:
    late = [f"no answer for {scan.id.hex()}" for scan in world.unanswered]
    for machine in world.machines:
        if machine.name in world.revoked:
            continue
        if not machine.running or machine.frozen():
            late.append(f"{machine.name} is {machine.frozen() or 'down'}")
            continue
        depth = machine.outbox.depth(machine.database.reader)
        forked = machine.name in world.distrusted
        waits = depth.waiting + sum(
            sealed.events
            for sealed in machine.outbox.unacknowledged(machine.database.reader, limit=1000)
            if not forked or sealed.epoch == depth.epoch
        )
        if waits:
            late.append(f"{machine.name} still holds {waits} events")
    return late
