"""Who this gateway is: its keys, its certificate, and whom it trusts, on its own disk.

``identity/current`` is a symlink to one versioned folder (``v0001``, ``v0002``, …) that is complete
and never changed. A new version is written aside, forced to disk, and taken into force by swapping
the symlink: a power cut leaves the old one or the new one, never half of each. The version before
stays until the new one has connected once. Private keys are made here, have mode 0600 and never
leave this folder; it belongs in no backup that also holds the outbox.
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.link import epoch
from edge.link.durable import sync_folder, write_new
from shared.certificates import load_chain, load_ed25519, micros
from shared.cose import key_id
from shared.enrolment import Enrolled, EpochGranted
from shared.errors import QuartermasterError
from shared.ids import GatewayId, SiteId, gateway_id
from shared.units import Micros

CERTIFICATE: Final = "tls.crt"
TLS_KEY: Final = "tls.key"
EVENT_KEY: Final = "event.key"
TRUST: Final = "trust.crt"
FACTS: Final = "identity.json"
_CURRENT: Final = "current"
_VERSION: Final = re.compile(r"v(\d{4,})\Z")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is neither key nor certificate; kept as ``identity.json``."""

    gateway: str
    site: str
    trust_domain: str
    epoch: int
    cloud_key: bytes
    broker_host: str
    broker_port: int
    api_url: str
    door_url: str
    opened: EpochGranted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The version in force when it was loaded; its paths stay valid until a later one connects.

    ``not_before`` and ``not_after`` are the certificate's, in microseconds. ``epoch`` is the
    newest granted, at enrolment or since (:mod:`edge.link.epoch`); ``opened`` is that grant, where
    it follows another epoch.
    """

    folder: Path
    gateway: GatewayId
    site: SiteId
    trust_domain: str
    epoch: int
    event_key: Ed25519PrivateKey
    kid: bytes
    cloud_key: Ed25519PublicKey
    broker_host: str
    broker_port: int
    api_url: str
    door_url: str
    serial: str
    not_before: Micros
    not_after: Micros
    opened: EpochGranted | None

    @property
    def tls_certificate(self) -> Path:
        """The certificate and its issuer, PEM."""
        return self.folder / CERTIFICATE

    @property
    def tls_key(self) -> Path:
        """The private key of the certificate, PEM."""
        return self.folder / TLS_KEY

    @property
    def trust(self) -> Path:
        """The root that the cloud's servers lead to, PEM."""
        return self.folder / TRUST

    @classmethod
    def load(cls, identity: Path) -> Identity:
        """Read the version in force from ``<data>/identity``.

        Raises:
            QuartermasterError: ``gateway.not-enrolled``, or ``file.unreadable`` when it is damaged.
        """
        folder = identity / _CURRENT
        if not folder.is_dir():
            raise QuartermasterError("gateway.not-enrolled")
        folder = folder.resolve()
        granted = epoch.granted(identity)
        try:
            facts = msgspec.json.decode((folder / FACTS).read_bytes(), type=Facts)
            certificate = load_chain((folder / CERTIFICATE).read_bytes())[0]
            event_key = load_ed25519((folder / EVENT_KEY).read_bytes())
            cloud_key = Ed25519PublicKey.from_public_bytes(facts.cloud_key)
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            raise QuartermasterError(
                "file.unreadable", type(error).__name__, where="identity"
            ) from None
        newest = max(facts.epoch, granted.epoch if granted else 0)
        grants = (grant for grant in (granted, facts.opened) if grant and grant.epoch == newest)
        return cls(
            folder=folder,
            gateway=gateway_id(facts.gateway),
            site=SiteId(facts.site),
            trust_domain=facts.trust_domain,
            epoch=newest,
            event_key=event_key,
            kid=key_id(event_key.public_key()),
            cloud_key=cloud_key,
            broker_host=facts.broker_host,
            broker_port=facts.broker_port,
            api_url=facts.api_url,
            door_url=facts.door_url,
            serial=f"{certificate.serial_number:x}",
            not_before=micros(certificate.not_valid_before_utc),
            not_after=micros(certificate.not_valid_after_utc),
            opened=next(grants, None),
        )


def install(
    identity: Path,
    answer: Enrolled,
    *,
    api_url: str,
    tls_key: bytes,
    event_key: bytes,
    opened: EpochGranted | None = None,
) -> Identity:
    """Take a new version into force; the one before stays beside it.

    Args:
        identity: ``<data>/identity``.
        answer: the cloud's.
        api_url: where it was asked.
        tls_key: the certificate's key, PEM.
        event_key: the one that signs events, PEM.
        opened: the grant of the answer's epoch, where it follows another.

    Raises:
        QuartermasterError: ``disk.full``; the version in force is then the one before.
    """
    facts = Facts(
        gateway=answer.gateway,
        site=answer.site,
        trust_domain=answer.trust_domain,
        epoch=answer.epoch,
        cloud_key=answer.cloud_key,
        broker_host=answer.broker_host,
        broker_port=answer.broker_port,
        api_url=api_url,
        door_url=answer.door_url,
        opened=opened,
    )
    files = {
        CERTIFICATE: answer.certificate.encode(),
        TLS_KEY: tls_key,
        EVENT_KEY: event_key,
        TRUST: answer.trust.encode(),
        FACTS: msgspec.json.encode(facts),
    }
    number = max(_versions(identity), default=0) + 1
    name = f"v{number:04d}"
    write_folder(identity / name, files)
    _point(identity, name)
    return Identity.load(identity)


def confirm_connected(identity: Path) -> None:
    """The version in force has connected: forget those before it. Cheap when there are none."""
    if not (identity / _CURRENT).is_symlink():
        return
    in_force = (identity / _CURRENT).readlink().name
    for number, folder in _versions(identity).items():
        if folder.name != in_force and number < _number(in_force):
            shutil.rmtree(folder)


def step_back(identity: Path) -> Identity | None:
    """Take the version before into force again, when the new one is refused; None without one."""
    in_force = _number((identity / _CURRENT).readlink().name)
    versions = _versions(identity)
    earlier = [number for number in versions if number < in_force]
    if not earlier:
        return None
    _point(identity, versions[max(earlier)].name)
    shutil.rmtree(versions[in_force])
    return Identity.load(identity)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder that is complete on disk or absent; keys get mode 0600.

    Raises:
        QuartermasterError: ``disk.full``.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        for name, content in files.items():
            write_new(partial / name, content)
        sync_folder(partial)
        partial.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise QuartermasterError("disk.full", where="identity") from None
        raise


def _point(identity: Path, name: str) -> None:
    """Swap the symlink in one step that survives a power cut."""
    aside = identity / f".{_CURRENT}.new"
    aside.unlink(missing_ok=True)
    aside.symlink_to(name)
    aside.replace(identity / _CURRENT)
    sync_folder(identity)


def _versions(identity: Path) -> dict[int, Path]:
    return {
        _number(folder.name): folder
        for folder in (identity.iterdir() if identity.is_dir() else ())
        if _VERSION.match(folder.name)
    }


def _number(name: str) -> int:
    return int(name.removeprefix("v"))
