"""Take a history over, and have what was counted in it compared: ingest and ledger meet here."""

from __future__ import annotations

from collections.abc import Collection

from cloud.app.handlers import covered
from cloud.db import Connection
from cloud.ingest.ports import Routes
from cloud.ingest.rehoming import Decision, Rehomed, rehome


def take_over(
    connection: Connection,
    name: str,
    wanted: Collection[str] | None,
    decision: Decision,
    *,
    routes: Routes,
    trust_domain: str,
) -> list[Rehomed]:
    """As :func:`cloud.ingest.rehoming.rehome`; counts among it are compared at once.

    One that the ledger did not expect raises its case: somebody has to count there again.

    Raises:
        QuartermasterError: as there.
    """
    done = rehome(connection, name, wanted, decision, routes=routes, trust_domain=trust_domain)
    for item in done:
        if item.epoch is not None:
            through = [(item.gateway_id, item.epoch, item.taken)]
            for _ in range(0, item.counts, 200):  # as many are compared at a time
                covered(connection, through, decision.at)
    return done
