"""The gateway's epoch, kept beside its identity.

Three small files in ``identity/``, outside the database because they must survive its loss:
``epoch.json`` is the newest grant, ``epoch.used`` the highest epoch in which anything was sealed,
``epoch.pending`` the nonce of a request that may have been answered: it is asked again with the
same, and gets the same grant. A fourth thing is nowhere here: which epoch the database is in, as
only the database knows it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from edge.link.durable import replace_file
from shared.enrolment import EpochGranted
from shared.errors import QuartermasterError

GRANT: Final = "epoch.json"
USED: Final = "epoch.used"
PENDING: Final = "epoch.pending"


def granted(identity: Path) -> EpochGranted | None:
    """The newest grant since the enrolment, if any.

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    file = identity / GRANT
    if not file.exists():
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=EpochGranted)
    except (OSError, msgspec.MsgspecError) as error:
        raise QuartermasterError("file.unreadable", str(error), where=GRANT) from None


def used(identity: Path) -> int:
    """The highest epoch in which this gateway is known to have sealed; 0 before the first.

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    file = identity / USED
    if not file.exists():
        return 0
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError) as error:
        raise QuartermasterError("file.unreadable", str(error), where=USED) from None


def note_use(identity: Path, epoch: int) -> None:
    """Remember, before anything is sealed in it, that ``epoch`` has been used."""
    if used(identity) < epoch:
        replace_file(identity / USED, f"{epoch}".encode("ascii"))
