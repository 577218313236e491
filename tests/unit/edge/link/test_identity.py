"""The identity on the gateway's disk: complete or the one before, whatever happens."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud.gateways.authority import found
from edge.link import identity as module
from edge.link.identity import Identity, confirm_connected, install, step_back
from shared.certificates import Leaf, chain_pem, issue, key_pem, new_key
from shared.enrolment import Enrolled
from shared.errors import QuartermasterError
from shared.units import DAY
from tests.support import FakeClock

HOUSE = found("quartermaster.local", now=FakeClock().now())
EVENT_KEY = Ed25519PrivateKey.generate()


def install_one(folder: Path) -> Identity:
    key = new_key()
    leaf = Leaf(common_name="gw-1", public_key=key.public_key(), usage="client")
    certificate = issue(HOUSE.devices, leaf, now=FakeClock().now(), lifetime=DAY)
    answer = Enrolled(
        gateway="gw-1",
        site="berlin",
        trust_domain="quartermaster.local",
        epoch=1,
        certificate=chain_pem(certificate, HOUSE.devices.certificate).decode(),
        trust=chain_pem(HOUSE.root.certificate).decode(),
        cloud_key=EVENT_KEY.public_key().public_bytes_raw(),
        broker_host="localhost",
        broker_port=8883,
        door_url="https://localhost:8444",
    )
    return install(
        folder,
        answer,
        api_url="https://localhost:8443",
        tls_key=key_pem(key),
        event_key=key_pem(EVENT_KEY),
    )


def test_versions_follow_each_other_and_only_the_newest_is_in_force(tmp_path: Path) -> None:
    one, two = install_one(tmp_path), install_one(tmp_path)
    assert (one.folder.name, two.folder.name) == ("v0001", "v0002")
    assert Identity.load(tmp_path).serial == two.serial != one.serial
    assert (tmp_path / "current").readlink() == Path("v0002")


def test_a_version_that_was_never_finished_is_not_seen(tmp_path: Path) -> None:
    one = install_one(tmp_path)
    (tmp_path / ".v0002.partial").mkdir()
    (tmp_path / ".v0002.partial" / "tls.key").write_text("half")
    assert Identity.load(tmp_path).serial == one.serial
    two = install_one(tmp_path)
    assert two.folder.name == "v0002"
    assert not (tmp_path / ".v0002.partial").exists()


def test_a_power_cut_before_the_swap_leaves_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = install_one(tmp_path)

    class PowerCutError(Exception):
        pass

    def cut(*_: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as power:
        power.setattr(module, "_point", cut)
        with pytest.raises(PowerCutError):
            install_one(tmp_path)
    assert Identity.load(tmp_path).serial == one.serial
    assert install_one(tmp_path).folder.name == "v0003"


def test_everything_is_forced_to_disk_before_the_swap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        done.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()).removeprefix(str(tmp_path)))
        real_sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        done.append("swap")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    install_one(tmp_path)
    swap = done.index("swap")
    partial = "/.v0001.partial"
    assert set(done[:swap]) == {
        "",
        partial,
        *(
            f"{partial}/{name}"
            for name in ("tls.crt", "tls.key", "event.key", "trust.crt", "identity.json")
        ),
    }
    assert done[swap + 1 :] == [""]


def test_a_full_disk_leaves_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = install_one(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(QuartermasterError) as refusal:
            install_one(tmp_path)
    assert refusal.value.code == "disk.full"
    assert Identity.load(tmp_path).serial == one.serial
    assert {path.name for path in tmp_path.iterdir()} == {"current", "v0001"}


def test_older_versions_go_once_the_newest_has_connected(tmp_path: Path) -> None:
    confirm_connected(tmp_path)
    install_one(tmp_path)
    install_one(tmp_path)
    newest = install_one(tmp_path)
    confirm_connected(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"current", "v0003"}
    assert Identity.load(tmp_path).serial == newest.serial
    assert step_back(tmp_path) is None


def test_stepping_back_takes_the_version_before(tmp_path: Path) -> None:
    one = install_one(tmp_path)
    install_one(tmp_path)
    back = step_back(tmp_path)
    assert back is not None
    assert back.serial == one.serial
    assert Identity.load(tmp_path).serial == one.serial


def test_a_gateway_without_identity_says_so(tmp_path: Path) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        Identity.load(tmp_path / "identity")
    assert refusal.value.code == "gateway.not-enrolled"


@pytest.mark.parametrize("name", ["tls.crt", "event.key", "identity.json"])
@pytest.mark.parametrize("content", [None, b"", b"rubbish"])
def test_a_damaged_identity_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = install_one(tmp_path).folder / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(QuartermasterError) as refusal:
        Identity.load(tmp_path)
    assert refusal.value.code == "file.unreadable"
