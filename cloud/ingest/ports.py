"""What ingest asks of the rooms around it, as types: it imports none of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from cloud.db import Connection
from cloud.ingest.model import Facts, Provisional, Sender, Unapplied
from shared.events import EventData
from shared.ids import GatewayId
from shared.units import Micros

Lookup = Callable[[Connection, Collection[GatewayId]], Mapping[GatewayId, Sender]]
"""The registry: what it does not return is unknown."""

Handler = Callable[[Connection, Sequence[Facts], Micros], Iterable[Unapplied]]
"""Applies events inside the batch's transaction; the time is ``received_at``."""

Routes = Mapping[type[EventData], Handler]
"""Which handler applies which type of event."""

TakeBack = Callable[[Connection, Provisional, Micros], Mapping[int, int]]
"""Undoes what these events did, by records that say the contrary: how many, by sequence number."""
