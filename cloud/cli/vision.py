"""``quartermaster cloud vision``: retrain heads of people's words, and try them out at sites."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cloud import catalog
from cloud.app import heads as documents
from cloud.clock import SystemClock
from cloud.db import open_pool, unit_of_work
from cloud.settings import load
from cloud.vision import service
from cloud.vision.model import Candidate, ShadowTold, Trained
from shared.errors import QuartermasterError
from shared.heads import Role

app: Final = typer.Typer(
    help="Retrain what gateways see with of people's words, and try it out.",
    no_args_is_help=True,
)
_console: Final = Console()
_NONE_YET: Final = (
    "No labels yet. They come when a camera has keep_crops = true and somebody labels crops in its "
    "gateway's console."
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Sites = Annotated[list[str], typer.Argument(help="At which sites.")]
Shadow = Annotated[bool, typer.Option("--shadow", help="Only tried out beside the one in force.")]
Active = Annotated[bool, typer.Option("--active", help="It answers.")]


@app.command()
def labels(
    head: Annotated[str | None, typer.Argument(help="Only this head's.")] = None,
    *,
    json: Json = False,
) -> None:
    """Count what people said, by head, backbone and class, and how often the head had said so."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        words = service.labels(connection, head)
    counted = Counter(
        (word.head, word.backbone, word.backbone_sha256.hex(), word.label) for word in words
    )
    right = Counter(
        (word.head, word.backbone, word.backbone_sha256.hex(), word.label)
        for word in words
        if word.predicted == word.label
    )
    rows: list[dict[str, Any]] = [
        {
            "head": key[0],
            "backbone": key[1],
            "backbone_sha256": key[2],
            "label": key[3],
            "labels": counted[key],
            "said_so": right[key],
        }
        for key in sorted(counted)
    ]
    if json:
        _print(rows)
    elif not rows:
        _console.print(_NONE_YET)
    else:
        table = Table("head", "backbone", "label", "labels", "the head had said so")
        for row in rows:
            backbone = f"{row['backbone']} {row['backbone_sha256'][:12]}"
            counts = str(row["labels"]), str(row["said_so"])
            table.add_row(row["head"], backbone, row["label"], *counts)
        _console.print(table)


@app.command()
def retrain(
    head: Annotated[str, typer.Argument(help="Which head, e.g. slots.")],
    backbone: Annotated[
        str | None, typer.Option(help="The backbone's SHA-256; of the newest label by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same labels and seed, same head.")] = 1,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Train and tell; keep none.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Keep one that is worse.")] = False,
    json: Json = False,
) -> None:
    """Train a head of what people said and keep it as a candidate; no site gets it by this.

    Raises:
        QuartermasterError: ``model.few-labels``, ``model.worse`` or ``model.parity``.
    """
    from cloud.vision.base import base_of  # noqa: PLC0415 - numpy
    from cloud.vision.heads import train  # noqa: PLC0415 - scikit-learn

    with open_pool(load().database_url, size=1) as pool:
        with unit_of_work(pool) as connection:
            words = service.labels(connection, head)
        own = service.of_one_backbone(words, head, backbone)
        trained = train(head, own, base_of(head, own[0].backbone_sha256), seed=seed)
        kept: Candidate | None = None
        if not dry_run:
            with unit_of_work(pool) as connection:
                now = SystemClock().now()
                kept = service.keep(connection, trained, forced=force, now=now)
    if json:
        version = None if kept is None else kept.version
        _print({"candidate": version, "dry_run": dry_run, **_told(trained)})
        return
    _show(trained)
    if kept is None:
        _console.print("A dry run: nothing was kept.")
    else:
        _console.print(
            f"It is candidate {kept.version}. Try it out: "
            f"quartermaster cloud vision publish {kept.version} --shadow SITE"
        )


@app.command()
def candidates(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50, *, json: Json = False
) -> None:
    """List candidates: what they were trained of, where they are, and how they do in shadow."""
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        rows = service.candidates(connection, limit=limit)
        told = service.told(connection)
        sites = [site.code for site in catalog.sites(connection, limit=None)]
        published = documents.published(connection, sites)
    at = {
        row.version: [
            {"site": each.site, "role": head.role, "version": each.version}
            for each in published
            for head in each.heads.heads
            if (head.name, head.sha256) == (row.head, row.sha256)
        ]
        for row in rows
    }
    shadows = {
        row.version: [each for each in told if each.candidate_sha256 == row.sha256] for row in rows
    }
    if json:
        _print(
            [
                {
                    **row._asdict(),
                    "version": row.version,
                    "backbone_sha256": row.backbone_sha256.hex(),
                    "sha256": row.sha256.hex(),
                    "made_at": _moment(row.made_at),
                    "labels_through": _moment(row.labels_through),
                    "published": at[row.version],
                    "shadow": [_compared(each) for each in shadows[row.version]],
                }
                for row in rows
            ]
        )
    elif not rows:
        _console.print("No candidates yet: quartermaster cloud vision retrain HEAD makes one.")
    else:
        _list(rows, at, shadows)


@app.command()
def publish(
    candidate: Annotated[str, typer.Argument(help="As the list shows it, e.g. slots-r4.")],
    sites: Sites,
    *,
    shadow: Shadow = False,
    active: Active = False,
    json: Json = False,
) -> None:
    """Send a candidate to sites; their gateways get it by themselves.

    Raises:
        QuartermasterError: ``request.not-found``, ``request.conflict`` or ``request.invalid``.
    """
    role = _role(shadow=shadow, active=active)
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        found = service.candidate(connection, candidate)
        done = documents.publish(connection, found, role, sites, now=SystemClock().now())
    _say(done, f"{found.version} is {role}", json=json)


@app.command()
def withdraw(
    head: Annotated[str, typer.Argument(help="Which head, e.g. slots.")],
    sites: Sites,
    *,
    shadow: Shadow = False,
    active: Active = False,
    json: Json = False,
) -> None:
    """Take a candidate back from sites; without an active one, the head that ships answers.

    Raises:
        QuartermasterError: ``request.not-found`` or ``request.invalid``.
    """
    role = _role(shadow=shadow, active=active)
    with open_pool(load().database_url, size=1) as pool, unit_of_work(pool) as connection:
        done = documents.withdraw(connection, head, role, sites, now=SystemClock().now())
    _say(done, f"no {role} {head}", json=json)


def _role(*, shadow: bool, active: bool) -> Role:
    if shadow == active:
        raise QuartermasterError("request.invalid", "say --shadow or --active", where="role")
    return "shadow" if shadow else "active"


def _say(done: list[documents.Published], what: str, *, json: bool) -> None:
    if json:
        _print(
            [
                {
                    "site": each.site,
                    "version": each.version,
                    "heads": [
                        {"head": head.version, "role": head.role} for head in each.heads.heads
                    ],
                }
                for each in done
            ]
        )
        return
    for each in done:
        _console.print(f"{each.site}: {what}, by heads version {each.version}.")


def _told(trained: Trained) -> dict[str, Any]:
    return {
        "head": trained.head,
        "backbone": trained.backbone,
        "backbone_sha256": trained.backbone_sha256.hex(),
        "classes": trained.classes,
        "sha256": trained.sha256.hex(),
        "bytes": len(trained.model),
        "labels": trained.counts._asdict(),
        "metrics": trained.metrics,
        "compared": {
            name: {**each._asdict(), "chance": round(each.chance, 4), "worse": each.worse}
            for name, each in trained.compared.items()
        },
        "worse": trained.worse,
        "seed": trained.seed,
    }


def _show(trained: Trained) -> None:
    table = Table("class", "labels")
    for name, count in trained.counts.labels.items():
        table.add_row(name, str(count))
    _console.print(table)
    left_out = ", ".join(f"{why} {count}" for why, count in trained.counts.left_out.items())
    base = f"; {trained.counts.base} examples of the base set" if trained.counts.base else ""
    _console.print(
        f"{len(trained.model)} bytes{base}" + (f"; left out: {left_out}" * bool(left_out))
    )
    _console.print(", ".join(f"{name} {value:.4g}" for name, value in trained.metrics.items()))
    if trained.compared:
        _console.print(service.in_words(trained) + (" — worse" if trained.worse else ""))


def _list(
    rows: list[Candidate],
    at: dict[str, list[dict[str, Any]]],
    shadows: dict[str, list[ShadowTold]],
) -> None:
    table = Table(
        "candidate", "labels", "accuracy", "at", "compared", "agreed", "right of labelled"
    )
    for row in rows:
        labelled = sum(row.labels["labels"].values())
        where = ", ".join(f"{each['site']} {each['role']}" for each in at[row.version]) or "—"
        told = shadows[row.version]
        sums = [sum(each[field] for each in map(ShadowTold._asdict, told)) for field in _SUMMED]
        compared, agreed, words, right, candidate_right = sums
        share = f"{agreed / compared:.1%}" if compared else "—"
        score = f"{candidate_right} of {words}, in force {right}" if words else "—"
        table.add_row(
            row.version + (" (forced)" if row.forced else ""),
            str(labelled),
            f"{row.metrics['accuracy']:.1%}",
            where,
            str(compared),
            share,
            score,
        )
    _console.print(table)


_SUMMED: Final = ("compared", "agreed", "labelled", "right", "candidate_right")


def _compared(told: ShadowTold) -> dict[str, Any]:
    return {
        **told._asdict(),
        "candidate_sha256": told.candidate_sha256.hex(),
        "since": _moment(told.since),
        "received_at": _moment(told.received_at),
    }


def _moment(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1e6, tz=UTC).isoformat(timespec="seconds")


def _print(value: Any) -> None:
    typer.echo(msgspec.json.encode(value).decode())
