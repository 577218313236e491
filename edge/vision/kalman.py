"""Where a box is and where it goes: a Kalman filter for its centre, a running mean for its size.

The centre moves with a nearly constant velocity, driven by white noise in its acceleration
(Bar-Shalom, Li, Kirubarajan, "Estimation with Applications to Tracking and Navigation" 2001,
eq. 6.2.2-4: ``Q = q·[[dt³/3, dt²/2], [dt²/2, dt]]``); SORT (Bewley 2016, §3.2) and ByteTrack (Zhang
2022, §3) do the same with a fixed ``dt``. Frames come when they come, so ``dt`` is the time
between them. The size has no velocity: a box that is hidden piece by piece would shrink to nothing.

All noise is relative to the size of the object, so that near and far ones are treated alike.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import NamedTuple

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


class Noise(NamedTuple):
    """How boxes jitter and objects move, in sizes of the object (√(width·height))."""

    centre: float = 0.06
    """Standard deviation of a measured centre."""
    push: float = 1.0
    """q of the acceleration: variance of the velocity that builds up in a second."""
    speed: float = 3.0
    """Standard deviation of the velocity of what has just come into sight, sizes a second."""
    halting_s: float = 3.0
    """In that time what is lost keeps 1/e of its velocity."""
    size: float = 0.3
    """How far a new measurement of the size moves the running mean."""


class Axis(NamedTuple):
    """Place and velocity along one axis, and their covariance."""

    place: float
    velocity: float
    pp: float
    pv: float
    vv: float

    def ahead(self, dt: float, q: float, kept: float) -> Axis:
        """Predicted by ``dt`` seconds, after which ``kept`` of the velocity is left.

        x' = F·x, P' = F·P·Fᵀ + Q with F = [[1, dt], [0, kept]].
        """
        return Axis(
            self.place + self.velocity * dt,
            self.velocity * kept,
            self.pp + 2 * dt * self.pv + dt * dt * self.vv + q * dt**3 / 3,
            kept * (self.pv + dt * self.vv) + q * dt * dt / 2,
            kept * kept * self.vv + q * dt,
        )

    def corrected(self, measured: float, variance: float) -> Axis:
        """After a measurement: K = P·Hᵀ·S⁻¹, x' = x + K·y, P' = (I − K·H)·P."""
        spread = self.pp + variance
        gain, gain_v = self.pp / spread, self.pv / spread
        missed = measured - self.place
        return Axis(
            self.place + gain * missed,
            self.velocity + gain_v * missed,
            (1 - gain) * self.pp,
            (1 - gain) * self.pv,
            self.vv - gain_v * self.pv,
        )

    def unlike(self, other: Axis) -> float:
        """Squared Mahalanobis distance of two beliefs, place and velocity: χ² with two degrees."""
        dp, dv = self.place - other.place, self.velocity - other.velocity
        pp, pv, vv = self.pp + other.pp, self.pv + other.pv, self.vv + other.vv
        return (vv * dp * dp - 2 * pv * dp * dv + pp * dv * dv) / max(pp * vv - pv * pv, 1e-9)


class Motion(NamedTuple):
    """What is believed of one box."""

    x: Axis
    y: Axis
    width: float
    height: float

    @property
    def size(self) -> float:
        """One length for both sides."""
        return sqrt(self.width * self.height)

    @property
    def box(self) -> Box:
        """The box around the believed centre."""
        return (
            self.x.place - self.width / 2,
            self.y.place - self.height / 2,
            self.x.place + self.width / 2,
            self.y.place + self.height / 2,
        )

    def ahead(self, dt: float, noise: Noise, *, lost: bool = False) -> Motion:
        """Predicted by ``dt`` seconds; what is ``lost`` may well have halted where it is hidden."""
        q = noise.push * self.size**2
        kept = exp(-dt / noise.halting_s) if lost else 1.0
        return self._replace(x=self.x.ahead(dt, q, kept), y=self.y.ahead(dt, q, kept))

    def corrected(self, box: Box, noise: Noise) -> Motion:
        """After ``box`` was seen."""
        x, y, width, height = centred(box)
        variance = (noise.centre * self.size) ** 2
        return Motion(
            self.x.corrected(x, variance),
            self.y.corrected(y, variance),
            self.width + noise.size * (width - self.width),
            self.height + noise.size * (height - self.height),
        )

    def distance(self, box: Box, noise: Noise) -> float:
        """Squared Mahalanobis distance of the centre of ``box``: χ² with two degrees of freedom."""
        x, y, _, _ = centred(box)
        variance = (noise.centre * self.size) ** 2
        return (x - self.x.place) ** 2 / (self.x.pp + variance) + (y - self.y.place) ** 2 / (
            self.y.pp + variance
        )

    def unlike(self, other: Motion) -> float:
        """How ill two beliefs about one moment go together: χ² with four degrees of freedom."""
        return self.x.unlike(other.x) + self.y.unlike(other.y)

    def spread(self, noise: Noise) -> float:
        """√|S| of the centre in sizes of the object: how widely it may be missed."""
        variance = (noise.centre * self.size) ** 2
        return sqrt((self.x.pp + variance) * (self.y.pp + variance)) / self.size**2


def started(box: Box, noise: Noise) -> Motion:
    """What is believed after the first sight: it stands, or goes anywhere."""
    x, y, width, height = centred(box)
    area = width * height
    place, velocity = noise.centre**2 * area, noise.speed**2 * area
    return Motion(
        Axis(x, 0.0, place, 0.0, velocity), Axis(y, 0.0, place, 0.0, velocity), width, height
    )


def centred(box: Box) -> Box:
    """Centre across and down, width and height."""
    left, top, right, bottom = box
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / (
        (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - both
    )
