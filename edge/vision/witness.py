"""Three witnesses of where goods went: who scanned, what cameras saw, what the ledger holds.

A movement that was scanned for a task is held against what cameras saw around that time: a code
tells which item, its zone which place, a track in that zone that something came or went. A camera
is never believed by itself. It agrees, or it is not sure, or it disagrees; and only then people are
asked to count. What makes it unsure is whatever else may have shown the same: goods that lie there
anyway, that somebody else just brought, that were carried past on their way to a place which no
camera looks at. The code of what was just scanned is no misreading; that of something else needs
two frames, or a track.

Pure: numbers and names in, a verdict out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, Literal, NamedTuple

from shared.units import SECOND

Verdict = Literal["agreed", "disagreed", "unsure"]
OnRecord = Callable[[str, str], int]
"""What the ledger holds of an item at a location."""

TOGETHER: Final = 5 * SECOND
"""A code and a track of one zone that come so close are the same goods."""
ENOUGH_FRAMES: Final = 2


class Window(NamedTuple):
    """How long before and after a scan (microseconds) a camera may have seen its goods."""

    before: int = 60 * SECOND
    after: int = 60 * SECOND

    def around(self, at: int) -> tuple[int, int]:
        """From when to when."""
        return at - self.before, at + self.after


WINDOW: Final = Window()


class Handled(NamedTuple):
    """Goods went from one place to another, as a person scanned it; ``unit``: on this pallet."""

    sku: str
    quantity: int
    source: str
    target: str
    at: int
    picked: bool = False
    unit: str = ""


class Glimpse(NamedTuple):
    """A camera read a code (``sku``), or followed goods (``net``: 1 in, -1 out, 0 there).

    A pallet's own code (``unit``, an SSCC) is read instead: there is one such pallet, and where it
    is seen nothing else explains it.
    ``gone``: the track has ended; what was followed is there no more.
    """

    camera: str
    zone: str
    location: str
    at: int
    sku: str | None = None
    unit: str = ""
    frames: int = 1
    net: int = 0
    track: bytes = b""
    gone: bool = False
    model: str = ""
    model_sha256: bytes = bytes(32)
    confidence: int = 1000
    image_sha256: bytes | None = None
    frame_at: int = 0


class Seen(NamedTuple):
    """A code, joined with the track of the goods that bear it."""

    glimpse: Glimpse
    sku: str
    net: int
    is_sure: bool
    has_left: bool = False


class Check(NamedTuple):
    """The three witnesses on one item at one place: what each says is there, in units.

    A camera sees pieces, not what is in them: of its number only the direction counts, more or
    less than is on record.
    """

    verdict: Verdict
    sku: str
    location: str
    by_scan: int
    by_camera: int
    by_ledger: int
    why: str
    by: Glimpse


def judge(
    handled: Handled,
    glimpses: Sequence[Glimpse],
    others: Sequence[Handled],
    *,
    on_record: OnRecord,
    watched: Collection[str],
    window: Window = WINDOW,
) -> Check | None:
    """Hold a movement against what was seen; None where cameras have nothing to say.

    Args:
        handled: what was scanned.
        glimpses: what cameras saw, at least within the window.
        others: the other movements of that time.
        on_record: the ledger.
        watched: locations that a camera looks at.
        window: around the scan.
    """
    first, last = window.around(handled.at)
    case = _Case(
        handled,
        joined(_named(handled, [each for each in glimpses if first <= each.at <= last])),
        [each for each in others if first - window.before <= each.at <= last],
        on_record,
        watched,
    )
    check = case.arrival()
    if handled.picked and (check is None or check.verdict == "unsure"):
        check = case.departure() or check
    if check is not None and check.verdict == "agreed":
        return case.against_ledger(check.by) or check
    return check


def _named(handled: Handled, glimpses: list[Glimpse]) -> list[Glimpse]:
    """This pallet's code stands for its goods; of other pallets' nothing is known here."""
    return [
        each._replace(sku=handled.sku) if each.unit else each
        for each in glimpses
        if not each.unit or each.unit == handled.unit
    ]


def joined(glimpses: Sequence[Glimpse]) -> list[Seen]:
    """Each code with the nearest track of its camera and zone; sure with two frames or a track."""
    tracks = [each for each in glimpses if each.sku is None and not each.gone]
    ended = {each.track for each in glimpses if each.gone}
    found: list[Seen] = []
    for code in sorted((each for each in glimpses if each.sku is not None), key=lambda g: g.at):
        near = [
            each
            for each in tracks
            if (each.camera, each.zone) == (code.camera, code.zone)
            and abs(each.at - code.at) <= TOGETHER
        ]
        nearest = min(near, key=lambda each: abs(each.at - code.at), default=None)
        is_sure = code.frames >= ENOUGH_FRAMES or nearest is not None
        net = nearest.net if nearest is not None else 0
        has_left = nearest is not None and nearest.track in ended
        found.append(Seen(code, code.sku or "", net, is_sure, has_left))
    return found


class Right(NamedTuple):
    """Which witnesses a count confirmed."""

    scan: bool
    camera: bool
    ledger: bool

    def in_words(self) -> str:
        """For a person."""
        right = [name for name, told in zip(self._fields, self, strict=True) if told]
        wrong = [name for name, told in zip(self._fields, self, strict=True) if not told]
        return "; ".join(
            f"{' and '.join(names)} {'was' if len(names) == 1 else 'were'} {how}"
            for names, how in ((right, "right"), (wrong, "wrong"))
            if names
        )


def settled(by_scan: int, by_camera: int, by_ledger: int, difference: int) -> Right:
    """Who was right, once people have counted ``difference`` more than was on record then.

    Each is right who said the same direction: more there than on record, less, or just as much.
    """
    found = _sign(difference)
    return Right(
        _sign(by_scan - by_ledger) == found,
        _sign(by_camera - by_ledger) == found,
        found == 0,
    )


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


class _Case(NamedTuple):
    """One movement, and all that may bear on it."""

    handled: Handled
    seen: list[Seen]
    others: list[Handled]
    on_record: OnRecord
    watched: Collection[str]

    def arrival(self) -> Check | None:
        """Did the goods come to where they were scanned to?"""
        sku, source, target = self.handled.sku, self.handled.source, self.handled.target
        mine = [each for each in self.seen if each.sku == sku and each.net >= 0]
        right = [each for each in mine if each.glimpse.location == target]
        astray = [each for each in mine if each.glimpse.location not in {source, target}]
        wrong = [
            each
            for each in astray
            if each.glimpse.unit or not self._is_explained(sku, each.glimpse.location)
        ]
        stayed = [each for each in wrong if not each.has_left]
        if right:
            later = [each for each in stayed if each.glimpse.at > right[-1].glimpse.at]
            if later:
                return self._there(later[-1], "unsure", f"seen at {target} before")
            return self._there(right[-1], "agreed", "")
        if stayed and target in self.watched:
            return self._there(stayed[-1], "disagreed", f"scanned to {target}")
        if wrong:
            why = f"no camera looks at {target}" if stayed else "it went on from there"
            return self._there(wrong[-1], "unsure", why)
        if astray:
            return self._there(astray[-1], "unsure", "that is explained otherwise")
        return self._stranger()

    def departure(self) -> Check | None:
        """Were the goods taken from where they were scanned from?"""
        sku, source, _ = self.handled.sku, self.handled.source, self.handled.target
        left = [each for each in self.seen if each.sku == sku and each.net < 0]
        right = [each for each in left if each.glimpse.location == source]
        if right:
            return self._gone(right[-1], "agreed", "")
        taken = {each.source for each in self.others if each.sku == sku}
        wrong = [each for each in left if each.glimpse.location not in taken]
        if not wrong:
            return None
        if source in self.watched:
            return self._gone(wrong[-1], "disagreed", f"scanned from {source}")
        return self._gone(wrong[-1], "unsure", f"no camera looks at {source}")

    def against_ledger(self, by: Glimpse) -> Check | None:
        """Scan and camera agree that goods came from where the ledger had too few of them."""
        sku, source = self.handled.sku, self.handled.source
        ledger = self.on_record(sku, source)
        if ledger >= 0:
            return None
        told = f"{sku} came from {source}: more than was on record there"
        return Check("disagreed", sku, source, 0, 0, ledger, told[:200], by)

    def _stranger(self) -> Check | None:
        """Another item where these goods should be, that nothing explains."""
        target = self.handled.target
        strangers = [
            each
            for each in self.seen
            if each.sku != self.handled.sku
            and each.glimpse.location == target
            and each.net >= 0
            and not each.has_left
            and not self._is_explained(each.sku, target)
        ]
        sure = [each for each in strangers if each.is_sure]
        if sure:
            return self._there(sure[-1], "disagreed", f"{self.handled.sku} was scanned there")
        if strangers:
            return self._there(strangers[-1], "unsure", "read in one frame only")
        return None

    def _is_explained(self, sku: str, location: str) -> bool:
        """Whether it lies there by the ledger, or somebody just had it there."""
        return self.on_record(sku, location) > 0 or any(
            each.sku == sku and location in {each.source, each.target} for each in self.others
        )

    def _there(self, seen: Seen, verdict: Verdict, why: str) -> Check:
        sku, location = seen.sku, seen.glimpse.location
        handled, ledger = self.handled, self.on_record(sku, location)
        as_scanned = (sku, location) == (handled.sku, handled.target)
        more = 0 if as_scanned else 1
        told = f"{sku} seen at {location}" + (f": {why}" if why else "")
        return Check(
            verdict, sku, location, ledger, ledger + more, ledger, told[:200], seen.glimpse
        )

    def _gone(self, seen: Seen, verdict: Verdict, why: str) -> Check:
        sku, location = seen.sku, seen.glimpse.location
        ledger = self.on_record(sku, location)
        less = 0 if location == self.handled.source else 1
        told = f"{sku} seen leaving {location}" + (f": {why}" if why else "")
        return Check(
            verdict, sku, location, ledger, ledger - less, ledger, told[:200], seen.glimpse
        )
