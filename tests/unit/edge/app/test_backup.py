"""A backup proves itself; a restore forks nothing, loses nothing unsaid, and can be taken back."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy import cli
from edge.app import archive, backing_up, restoring, swapping
from edge.app.store import open_database, opened
from edge.link import epoch as epochs
from edge.outbox import head
from edge.outbox.carrying import uncovered
from edge.ports import SystemIds
from edge.settings import Settings
from edge.web import devices
from shared.errors import QuartermasterError
from shared.events import DeviceHealth, decode_event
from tests.support import FakeClock
from tests.support.damage import make_illegible
from tests.support.gateway import enrol
from tests.support.worked import cover, facts, go_on, seal, work

CLOCK = FakeClock()


@cache
def pattern(pki: Path) -> tuple[Path, list[str]]:
    """The folder that all tests copy."""
    folder = pki.parent / "worked"
    return folder, work(folder, pki)


@pytest.fixture
def data(tmp_path: Path, pki: Path) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(pattern(pki)[0], folder, symlinks=True)
    photo = b"\xff\xd8\xff a photo \xff\xd9"
    (folder / "photos").mkdir()
    (folder / "photos" / f"{hashlib.sha256(photo).hexdigest()}.jpg").write_bytes(photo)
    (folder / "photos" / f"{'0' * 64}.jpg").write_bytes(b"not what its name says")
    (folder / "gateway.toml").write_text("heartbeat_seconds = 30.0\n")
    return folder


def back_up(data: Path, target: Path) -> backing_up.Made:
    return backing_up.back_up(data, target, clock=CLOCK)


def restore(data: Path, backup: Path, **how: Any) -> restoring.Plan:
    return restoring.restore(data, backup, clock=CLOCK, ids=SystemIds(), **how)


def look(data: Path, backup: Path) -> restoring.Plan:
    return restoring.look(data, backup, clock=CLOCK)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """All files, without what SQLite keeps for readers only."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


def waiting(data: Path) -> list[str]:
    """The ids of scans that the cloud does not have."""
    with opened(data) as store:
        events = [decode_event(body) for body in uncovered(store.database.reader)]
    return [event.id.hex() for event in events if not isinstance(event.data, DeviceHealth)]


def members(path: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(path) as found:
        for entry in found:
            stream = found.extractfile(entry)
            assert stream is not None
            yield entry, stream.read()


def rewrite(path: Path, change: Any) -> None:
    """Write the archive anew with members changed by ``change(name, content)``; None drops one."""
    kept = [(entry, change(entry.name, content)) for entry, content in members(path)]
    with tarfile.open(path, "w:gz") as target:
        for entry, content in kept:
            if content is not None:
                entry.size = len(content)
                target.addfile(entry, io.BytesIO(content))


def test_a_backup_is_one_closed_file_with_everything_but_keys(data: Path, tmp_path: Path) -> None:
    made = back_up(data, tmp_path)
    assert made.path.parent == tmp_path
    assert made.path.name.startswith("gw-01-")
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert made.photos_left_out == 1
    found = {entry.name for entry, _ in members(made.path)}
    assert {"manifest.json", "gateway.db", "gateway.toml"} <= found
    assert sum(name.startswith("photos/") for name in found) == 1
    keys = [path.read_bytes() for path in (data / "identity").rglob("*.key")]
    assert keys
    whole = gzip.decompress(made.path.read_bytes())
    for key in keys:
        assert key not in whole
        assert key.splitlines()[1] not in whole
    manifest = made.manifest
    assert (manifest.gateway, manifest.site, manifest.used_epoch) == ("gw-01", "berlin", 1)
    assert manifest.uncovered == 40
    assert manifest.chain.epoch == 1
    assert manifest.counts["answered"] == 60
    assert list(tmp_path.glob(".quartermaster-*")) == []


def test_a_backup_of_a_gateway_that_goes_on_is_of_one_moment(data: Path, tmp_path: Path) -> None:
    with opened(data) as store:
        from tests.support.worked import scans

        scans(store, 5)
        made = back_up(data, tmp_path / "one.tar.gz")
        scans(store, 5)
    assert made.manifest.counts["answered"] == 65
    assert made.manifest.uncovered == 45


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-200]),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(b"nothing of the kind"),
        lambda path: rewrite(path, lambda name, c: None if name == "gateway.toml" else c),
        lambda path: rewrite(path, lambda name, c: c + b"#" if name == "gateway.toml" else c),
        lambda path: rewrite(path, lambda name, c: None if name == "manifest.json" else c),
    ],
)
def test_a_backup_that_is_not_whole_is_not_used(data: Path, tmp_path: Path, spoil: Any) -> None:
    made = back_up(data, tmp_path)
    spoil(made.path)
    before = bytes_of(data)
    for attempt in (look, restore):
        with pytest.raises(QuartermasterError) as refused:
            attempt(data, made.path)
        assert refused.value.code == "backup.unverified"
    assert bytes_of(data) == before


def test_a_database_that_is_not_the_one_described_is_not_used(data: Path, tmp_path: Path) -> None:
    made = back_up(data, tmp_path / "a")
    go_on(data, 1)
    other = back_up(data, tmp_path / "b")
    newer = {entry.name: content for entry, content in members(other.path)}["gateway.db"]

    def change(name: str, content: bytes) -> bytes:
        if name == "gateway.db":
            return newer
        if name == "manifest.json":
            told = json.loads(content)
            told["members"]["gateway.db"] = {
                "sha256": hashlib.sha256(newer).hexdigest(),
                "bytes": len(newer),
            }
            return json.dumps(told).encode()
        return content

    rewrite(made.path, change)
    with pytest.raises(QuartermasterError) as refused:
        look(data, made.path)
    assert refused.value.detail == "the database is not the one described"


@pytest.mark.parametrize(
    "name", ["../evil", "identity/current/tls.key", "photos/../x.jpg", "/etc/x"]
)
def test_nothing_but_what_belongs_in_a_backup_is_taken_out_of_one(
    data: Path, tmp_path: Path, name: str
) -> None:
    made = back_up(data, tmp_path)

    def change(of: str, content: bytes) -> bytes:
        if of != "manifest.json":
            return content
        told = json.loads(content)
        told["members"][name] = {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1}
        return json.dumps(told).encode()

    kept = [(entry, change(entry.name, content)) for entry, content in members(made.path)]
    with tarfile.open(made.path, "w:gz") as target:
        for entry, content in kept:
            entry.size = len(content)
            target.addfile(entry, io.BytesIO(content))
        extra = tarfile.TarInfo(name)
        extra.size = 1
        target.addfile(extra, io.BytesIO(b"x"))
    with pytest.raises(QuartermasterError) as refused:
        restore(data, made.path)
    assert refused.value.code == "backup.unverified"
    assert not (tmp_path / "evil").exists()


def test_a_backup_that_does_not_verify_leaves_no_file(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = archive.write

    def torn(path: Path, manifest: Any, folder: Path) -> None:
        real(path, manifest, folder)
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(b"\x00" * 64)

    monkeypatch.setattr(archive, "write", torn)
    with pytest.raises(QuartermasterError) as refused:
        back_up(data, tmp_path / "b.tar.gz")
    assert refused.value.code == "backup.unverified"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_is_there_is_not_written_over_and_a_missing_folder_is_named(
    data: Path, tmp_path: Path
) -> None:
    made = back_up(data, tmp_path)
    with pytest.raises(QuartermasterError) as refused:
        back_up(data, made.path)
    assert refused.value.code == "request.conflict"
    with pytest.raises(QuartermasterError) as refused:
        back_up(data, tmp_path / "none" / "b.tar.gz")
    assert refused.value.code == "file.unreadable"


def test_a_damaged_database_is_not_backed_up(data: Path, tmp_path: Path) -> None:
    make_illegible(data / "gateway.db")
    with pytest.raises(QuartermasterError) as refused:
        back_up(data, tmp_path / "b.tar.gz")
    assert refused.value.code in {"store.damaged", "backup.unverified"}
    assert not (tmp_path / "b.tar.gz").exists()


def test_a_restore_forks_nothing_and_carries_what_the_cloud_does_not_have(
    data: Path, tmp_path: Path, pki: Path
) -> None:
    made = back_up(data, tmp_path)
    later = go_on(data)
    plan = restore(data, made.path)
    assert (plan.carried, plan.lost, plan.newer_by) == (10, 0, 10)
    with opened(data) as store:
        here = head(store.database.reader)
        assert here.frozen.startswith("restored from the backup of")
        assert here.epoch == 1
        assert store.epoch == 0, "nothing is sealed in the epoch that went on"
        assert store.database.run_blocking(lambda c: store.outbox.seal(c, 1)) is None
    assert waiting(data) == [*pattern(pki)[1][20:], *later]
    assert facts(data)["answers"] == 60, "it is as old as the backup"
    assert epochs.used(data / "identity") == 1
    assert (data / "identity" / "current" / "event.key").exists()


def test_what_is_restored_goes_on_with_everything_in_the_next_epoch(
    data: Path, tmp_path: Path
) -> None:
    made = back_up(data, tmp_path)
    go_on(data)
    restore(data, made.path)
    before = waiting(data)
    with opened(data) as store:
        now = store.outbox._signer._replace(epoch=2)
        store.outbox.use(now)
        assert store.database.run_blocking(lambda c: store.outbox.open(c, 1, used_epoch=1)) == 2
        seal(store)
        events = [decode_event(body) for body in uncovered(store.database.reader)]
        scanned = [e.id.hex() for e in events if not isinstance(e.data, DeviceHealth)]
        assert scanned == before
        told = [e.data for e in events if isinstance(e.data, DeviceHealth)]
        assert [each.status for each in told] == [restoring.STATUS]
        assert "10 events carried over" in told[0].detail


def test_on_another_machine_it_is_enrolled_anew_and_goes_on_in_an_epoch_of_its_own(
    data: Path, tmp_path: Path, pki: Path
) -> None:
    made = back_up(data, tmp_path)
    new = tmp_path / "new"
    plan = restore(new, made.path)
    assert plan.enrol
    assert plan.present is None
    assert not (new / "identity" / "current").exists()
    assert epochs.used(new / "identity") == 1
    enrol(new, pki, epoch=2)
    assert waiting(new) == pattern(pki)[1][20:]
    with opened(new) as store:
        assert store.epoch == 2
    assert facts(new)["on_hand"] == 60
    assert len(list((new / "photos").iterdir())) == 1
    assert (new / "gateway.toml").read_text() == "heartbeat_seconds = 30.0\n"


def test_where_nothing_could_be_restored_no_folder_is_left(data: Path, tmp_path: Path) -> None:
    made = back_up(data, tmp_path)
    made.path.write_bytes(made.path.read_bytes()[:-300])
    for backup in (made.path, tmp_path / "none"):
        with pytest.raises(QuartermasterError):
            restore(tmp_path / "new", backup)
        assert not (tmp_path / "new").exists()


def test_a_dry_run_says_what_would_be_and_changes_nothing(data: Path, tmp_path: Path) -> None:
    made = back_up(data, tmp_path)
    go_on(data)
    (data / "gateway.toml").write_text("heartbeat_seconds = 20.0\n")
    with opened(data) as store:
        store.database.run_blocking(lambda c: devices.add(c, "sc-02", now=1))
        store.database.run_blocking(lambda c: devices.revoke(c, "sc-01", now=1))
    before = bytes_of(tmp_path)
    plan = restoring.look(data, made.path, clock=FakeClock(CLOCK.now() + 180_000_000))
    assert bytes_of(tmp_path) == before
    assert plan.minutes_old == 3
    assert (plan.newer_by, plan.carried, plan.lost) == (10, 10, 0)
    assert plan.unpaired == ["sc-02"]
    assert plan.still_revoked == ["sc-01"]
    assert {"gateway.db", "gateway.toml", "photos"} <= set(plan.replaces)
    assert not plan.foreign


def test_a_device_that_was_revoked_since_stays_revoked(data: Path, tmp_path: Path) -> None:
    made = back_up(data, tmp_path)
    with opened(data) as store:
        store.database.run_blocking(lambda c: devices.revoke(c, "sc-01", now=1))
    restore(data, made.path)
    with opened(data) as store:
        (device,) = devices.known(store.database.reader)
        assert device.revoked_at is not None


def test_while_it_is_used_nothing_is_restored_and_while_restoring_nobody_opens_it(
    data: Path, tmp_path: Path
) -> None:
    made = back_up(data, tmp_path)
    with opened(data), pytest.raises(QuartermasterError) as refused:
        restore(data, made.path)
    assert refused.value.code == "gateway.in-use"
    with swapping.in_use(data, alone=True):
        for attempt in (lambda: opened(data).__enter__(), lambda: open_database(data, Settings())):
            with pytest.raises(QuartermasterError) as refused:
                attempt()
            assert refused.value.code == "gateway.in-use"


def test_events_that_cannot_be_read_are_not_lost_without_a_word(data: Path, tmp_path: Path) -> None:
    made = back_up(data, tmp_path)
    go_on(data)
    make_illegible(data / "gateway.db")
    before = bytes_of(data)
    assert look(data, made.path).lost is None
    with pytest.raises(QuartermasterError) as refused:
        restore(data, made.path)
    assert refused.value.code == "backup.loses"
    assert bytes_of(data) == before
    plan = restore(data, made.path, force=True)
    assert (plan.carried, plan.lost) == (0, None)
    assert facts(data)["answers"] == 60


def test_another_gateways_backup_is_refused_unless_it_is_wanted(
    data: Path, tmp_path: Path, pki: Path
) -> None:
    made = back_up(data, tmp_path)
    other = tmp_path / "other"
    enrol(other, pki, name="gw-02")
    with pytest.raises(QuartermasterError) as refused:
        restore(other, made.path)
    assert refused.value.code == "backup.foreign"
    assert {path.name for path in other.iterdir()} == {"identity"}
    plan = restore(other, made.path, other_gateway=True)
    assert plan.foreign
    assert waiting(other) == pattern(pki)[1][20:]
    with opened(other) as store:
        assert head(store.database.reader).epoch in {0, 1}
        assert not head(store.database.reader).frozen


def test_an_undone_restore_puts_back_what_was_with_what_has_happened_since(
    data: Path, tmp_path: Path, pki: Path
) -> None:
    made = back_up(data, tmp_path)
    later = go_on(data)
    restore(data, made.path)
    since = go_on(data, 3)
    kept = restoring.undo(data, clock=CLOCK, ids=SystemIds())
    assert (data / kept / "gateway.db").exists()
    assert facts(data)["answers"] == 70
    assert sorted(waiting(data)) == sorted([*pattern(pki)[1][20:], *later, *since])
    with opened(data) as store:
        assert store.epoch == 0
    restoring.undo(data, clock=CLOCK, ids=SystemIds())
    assert facts(data)["answers"] == 63
    assert sorted(waiting(data)) == sorted([*pattern(pki)[1][20:], *later, *since])


def test_what_the_cloud_has_meanwhile_is_not_carried(data: Path, tmp_path: Path) -> None:
    made = back_up(data, tmp_path)
    with opened(data) as store:
        from tests.support.worked import scans

        scans(store, 5)
        seal(store)
        cover(store)
    assert look(data, made.path).carried == 0


def test_the_commands_say_it_in_words_and_as_json(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.run(["gateway", *map(str, arguments), "--data", str(data)])
        told = capsys.readouterr()
        return code, told.out, told.err

    code, out, _ = run("backup", tmp_path, "--json")
    assert code == 0
    path = json.loads(out)["path"]
    code, out, _ = run("backup", tmp_path / "again.tar.gz")
    assert code == 0
    assert "is written and verified" in out
    go_on(data)
    code, out, _ = run("restore", path, "--dry-run")
    assert code == 0
    assert "Nothing has been changed" in out
    assert "10 events that neither the cloud nor the backup has" in out
    with opened(data):
        assert run("restore", path)[0] == os.EX_NOPERM
    code, out, _ = run("restore", path)
    assert code == 0
    assert "new epoch" in out
    code, out, _ = run("restore", "--undo", "--json")
    assert code == 0
    assert json.loads(out)["restored"]
    assert run("restore")[0] == 2
    Path(path).write_bytes(b"x")
    code, _, err = run("restore", path)
    assert code == os.EX_DATAERR
    assert "backup.unverified" in err
