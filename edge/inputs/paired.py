"""What these doors need of the house: who a device is."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from edge.inputs.work import Work


class Paired(NamedTuple):
    """A paired device. ``token_sha256`` changes when it is paired anew."""

    name: str
    token_sha256: bytes
    address: str | None
    work: Work
    mqtt: str | None
    """Its token's hash, as mosquitto reads it; None for one paired before there was such a door."""


class Devices(Protocol):
    """The devices paired with this gateway; revoked ones are not among them."""

    def everyone(self) -> list[Paired]:
        """All that may speak."""
        ...

    def by_name(self, name: str) -> Paired | None:
        """The one of this name."""
        ...

    def by_address(self, address: str) -> Paired | None:
        """The one that speaks from this address without a token."""
        ...

    def by_token(self, token: str) -> Paired | None:
        """The one with this token."""
        ...

    async def stand(self, name: str, work: Work) -> None:
        """Keep where a device is.

        Raises:
            QuartermasterError: ``disk.full`` or ``store.failed``.
        """
        ...

    def is_place(self, code: str) -> bool:
        """Whether the site has a location of this code."""
        ...
