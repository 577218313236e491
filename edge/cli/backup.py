"""``quartermaster gateway backup`` and ``restore``: a gateway's data in one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from edge.app import restoring
from edge.app.backing_up import back_up
from edge.app.restoring import Plan
from edge.cli import screen
from edge.cli.options import FOLDER, Data, Json
from edge.cli.screen import Fact
from edge.ports import SystemClock, SystemIds
from shared.units import MINUTE
from shared.words import counted, lasting, size, when

_DEVICES: Final = 8
_NEXT: Final = (
    "Start the gateway. It takes scans, sends nothing yet, and asks the cloud for a new epoch: "
    "decide there with quartermaster cloud gateways epoch NAME --reason … "
    "Then count what was worked on since."
)
_NEW: Final = (
    "This machine has no keys: quartermaster gateway enrol with a new token, then start it. "
    "Devices trust its new certificate once. Then count what was worked on since."
)


def backup(
    target: Annotated[Path, typer.Argument(help="The file to make, or a folder to make it in.")],
    data: Data = FOLDER,
    *,
    json: Json = False,
) -> None:
    """Write a backup and verify it; the gateway may run. No keys are in it.

    Example: quartermaster gateway backup /media/usb
    """
    made = back_up(data, target, clock=SystemClock())
    manifest = made.manifest
    if json:
        screen.show_json(
            {
                "path": str(made.path),
                "bytes": made.bytes,
                "verified": True,
                "gateway": manifest.gateway,
                "site": manifest.site,
                "made_at": manifest.made_at,
                "epoch": manifest.chain.epoch,
                "seq": manifest.chain.seq,
                "uncovered": manifest.uncovered,
                "members": len(manifest.members),
                "photos_left_out": made.photos_left_out,
                "same_disk": made.same_disk,
            }
        )
        return
    screen.show_text(f"{made.path} is written and verified: {size(made.bytes)}.")
    screen.show_facts(_of(manifest))
    if made.photos_left_out:
        screen.show_text(f"{made.photos_left_out} photos were damaged and are left out.", "yellow")
    if made.same_disk:
        screen.show_text("It lies on the disk of the gateway: copy it to another.", "yellow")
    screen.show_text(
        "Keep it closed: it names people and devices. The gateway's keys are not in it."
    )


def restore(
    file: Annotated[Path | None, typer.Argument(help="The backup.")] = None,
    data: Data = FOLDER,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Put back what the last restore replaced.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where events that cannot be read are lost.")
    ] = False,
    other_gateway: Annotated[
        bool, typer.Option("--other-gateway", help="This gateway takes the place of the backup's.")
    ] = False,
    json: Json = False,
) -> None:
    """Put a backup in place, all of it or nothing; what was there is kept.

    Example: quartermaster gateway restore gw-1-20261121T090000Z.tar.gz --dry-run
    """
    if (file is None) != undo:
        raise typer.BadParameter("Name a backup, or say --undo.")
    if file is None:
        kept = restoring.undo(data, clock=SystemClock(), ids=SystemIds())
        if json:
            screen.show_json({"restored": True, "aside": kept})
            return
        screen.show_text(f"What was there before is in force. What replaced it is kept in {kept}.")
        screen.show_text(_NEXT)
        return
    if dry_run:
        plan = restoring.look(data, file, clock=SystemClock())
        if json:
            screen.show_json({"restored": False, "plan": restoring.known_facts(plan)})
            return
        screen.show_text(f"{file.name} is whole. Nothing has been changed. A restore would:")
        _show(plan, force=force, other_gateway=other_gateway)
        return
    plan = restoring.restore(
        data,
        file,
        clock=SystemClock(),
        ids=SystemIds(),
        force=force,
        other_gateway=other_gateway,
    )
    if json:
        screen.show_json({"restored": True, "plan": restoring.known_facts(plan)})
        return
    screen.show_text(f"{file.name} is in force.")
    _show(plan, force=force, other_gateway=other_gateway)
    screen.show_text(f"What was there is kept in {plan.aside}: undo it with restore --undo.")
    screen.show_text(_NEW if plan.enrol else _NEXT)


def _of(manifest: restoring.Manifest) -> list[Fact]:
    chain = manifest.chain
    return [
        Fact("gateway", f"{manifest.gateway} at {manifest.site}, {manifest.software}"),
        Fact("made", when(manifest.made_at)),
        Fact("history", f"epoch {chain.epoch} through {counted(chain.seq)}"),
        Fact("not at the cloud", f"{counted(manifest.uncovered)} events"),
    ]


def _show(plan: Plan, *, force: bool, other_gateway: bool) -> None:
    """What a restore does, or would do, in words."""
    facts = [*_of(plan.backup), Fact("age", f"{lasting(plan.minutes_old * MINUTE)}")]
    present = plan.present
    if present is not None and present.chain is not None:
        there = f"epoch {present.chain.epoch} through {counted(present.chain.seq)}"
        facts.append(Fact("replaces", f"{there}: {_newer(plan)}"))
        facts.extend(_documents(plan))
    elif present is None or not present.illegible:
        facts.append(Fact("replaces", "nothing: no database is there"))
    facts.append(Fact("files", ", ".join(plan.replaces) or "none differs"))
    carried = f"{counted(plan.carried)} events that neither the cloud nor the backup has"
    nothing = "nothing: what the backup lacks, the cloud has"
    facts.append(Fact("carried over", carried if plan.carried else nothing))
    if present is not None and present.illegible:
        says = f"events that nobody can name: {present.illegible}"
        facts.append(Fact("lost", says if force else f"{says}; refused without --force", "problem"))
    if plan.foreign:
        says = (
            f"the backup is of {plan.backup.gateway}, this is {present.gateway if present else ''}"
        )
        refused = "" if other_gateway else "; refused without --other-gateway"
        facts.append(Fact("gateway differs", says + refused, "problem"))
    if plan.unpaired:
        facts.append(Fact("pair again", _few(plan.unpaired), "note"))
    if plan.still_revoked:
        facts.append(Fact("stay revoked", _few(plan.still_revoked)))
    screen.show_facts(facts)


def _newer(plan: Plan) -> str:
    if plan.newer_by is None:
        return "another epoch than the backup's"
    if plan.newer_by < 0:
        return f"{counted(-plan.newer_by)} events fewer than the backup has"
    if not plan.newer_by:
        return "as far as the backup"
    return f"{counted(plan.newer_by)} events more than the backup has"


def _documents(plan: Plan) -> list[Fact]:
    """Documents that are older in the backup; the cloud offers them again."""
    assert plan.present is not None  # noqa: S101 - the caller has looked
    older = [
        f"{kind} {version} → {plan.backup.versions.get(kind, 0)}"
        for kind, version in plan.present.versions.items()
        if version != plan.backup.versions.get(kind, 0)
    ]
    return [Fact("documents", ", ".join(older))] if older else []


def _few(names: list[str]) -> str:
    more = len(names) - _DEVICES
    return ", ".join([*names[:_DEVICES], *([f"{more} more"] if more > 0 else [])])
