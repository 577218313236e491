"""The command ``quartermaster``: one door to every part, opened only when it is asked for.

A part's modules are imported when one of its commands runs, so that help answers at once and a
gateway needs nothing of the cloud. Errors leave here as two lines, what and what to do, with an
exit code by family; a stack trace goes to a file for support, never to the terminal.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import import_module
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from shared.errors import QuartermasterError


class Part(NamedTuple):
    """A part of the command line that is imported when it is used."""

    module: str
    attribute: str
    help: str
    extra: str
    """The optional dependencies that it needs, as pip names them."""
    group: bool = True


_PARTS: Final[dict[str, Part]] = {
    "gateway": Part("edge.cli", "app", "Run, enrol and feed the gateway of a site.", "edge"),
    "cloud": Part("cloud.cli", "app", "Run the cloud; its catalog, gateways and keys.", "cloud"),
    "pki": Part("deploy.pki.cli", "app", "Make the house's certificate authorities.", "cloud"),
    "broker": Part("deploy.broker_cli", "app", "Configure or run the MQTT broker.", ""),
    "demo": Part("deploy.demo.cli", "demo_app", "Everything on this machine, live.", "dev", False),
    "simulate": Part(
        "deploy.demo.cli", "simulate_app", "Replay a demand table through gateways.", "dev", False
    ),
}

_HOUSE: Final = {"edge", "cloud", "deploy", "shared"}

EXIT_CODES: Final = {
    "changes": os.EX_DATAERR,
    "webhook": os.EX_DATAERR,
    "scan": os.EX_DATAERR,
    "gs1": os.EX_DATAERR,
    "count": os.EX_DATAERR,
    "task": os.EX_DATAERR,
    "lease": os.EX_DATAERR,
    "reservation": os.EX_DATAERR,
    "purchase": os.EX_DATAERR,
    "decision": os.EX_DATAERR,
    "undo": os.EX_DATAERR,
    "input": os.EX_NOPERM,
    "sensor": os.EX_DATAERR,
    "exception": os.EX_DATAERR,
    "payload": os.EX_DATAERR,
    "segment": os.EX_DATAERR,
    "event": os.EX_DATAERR,
    "downlink": os.EX_DATAERR,
    "catalog": os.EX_DATAERR,
    "document": os.EX_DATAERR,
    "order": os.EX_DATAERR,
    "x12": os.EX_DATAERR,
    "demand": os.EX_DATAERR,
    "feed": os.EX_DATAERR,
    "stock": os.EX_DATAERR,
    "transit": os.EX_DATAERR,
    "request": os.EX_USAGE,
    "file": os.EX_NOINPUT,
    "gateway": os.EX_NOPERM,
    "enrol": os.EX_NOPERM,
    "people": os.EX_NOPERM,
    "renew": os.EX_NOPERM,
    "epoch": os.EX_NOPERM,
    "pair": os.EX_NOPERM,
    "settings": os.EX_CONFIG,
    "backup": os.EX_DATAERR,
    "pki": os.EX_CONFIG,
    "broker": os.EX_UNAVAILABLE,
    "database": os.EX_UNAVAILABLE,
    "cloud": os.EX_UNAVAILABLE,
    "camera": os.EX_UNAVAILABLE,
    "model": os.EX_DATAERR,
    "slot": os.EX_DATAERR,
    "program": os.EX_UNAVAILABLE,
    "clock": os.EX_UNAVAILABLE,
    "disk": os.EX_IOERR,
    "store": os.EX_IOERR,
}


class Parts(TyperGroup):
    """Lists every part from the table above; imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, part in _PARTS.items():
            if find_spec(part.module.partition(".")[0]) and _is_there(part.module):
                self.add_command(TyperCommand(name, callback=None, help=part.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command called, importing its part."""
        name, command, rest = super().resolve_command(ctx, args)
        if name not in _PARTS:
            return name, command, rest
        try:
            return name, _load(name), rest
        except QuartermasterError:
            if ctx.resilient_parsing:  # a shell that asks what could come next: no place for errors
                return name, command, rest
            raise


app = typer.Typer(
    cls=Parts,
    no_args_is_help=True,
    help="Quartermaster: signed inventory events from the warehouse floor, one truth in the cloud.",
    epilog="Exit codes: 0 done; 1 something was found; 2 not understood; above 63 refused, "
    "by kind (edge/cli/README.md). Each command has --help.",
)


@app.callback()
def root() -> None:
    """Keep the sub-commands under one name even where only one part is installed."""


@app.command()
def version(
    *, as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False
) -> None:
    """Say which version this is."""
    found = version_of("quartermaster")
    print(json.dumps({"version": found}) if as_json else f"quartermaster {found}")


@app.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
    data: Annotated[Path | None, typer.Option(help="A gateway's data folder to look at.")] = None,
    pki: Annotated[Path | None, typer.Option(help="The PKI folder, else QM_PKI.")] = None,
) -> None:
    """Say what is wrong on this machine and how to fix it; exit code 0 when nothing is."""
    from deploy.doctor import examine, healthy  # noqa: PLC0415 - only when asked

    findings = examine(data=data, pki=pki)
    if as_json:
        print(json.dumps([finding.as_dict() for finding in findings], indent=2))
    else:
        for finding in findings:
            print(finding.line())
    raise typer.Exit(0 if healthy(findings) else 1)


def main() -> None:
    """Run the command line and end the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit code."""
    try:
        get_command(app).main(args=arguments, prog_name="quartermaster")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except QuartermasterError as error:
        return _tell(error, as_json="--json" in arguments)
    except Exception:  # noqa: BLE001 - the last door: a person gets two lines, support the trace
        return _tell(_unexpected(), as_json="--json" in arguments)
    return 0


def exit_code(error: QuartermasterError) -> int:
    """The exit code of an error's family, as sysexits.h numbers them."""
    return EXIT_CODES.get(error.code.partition(".")[0], os.EX_SOFTWARE)


def _tell(error: QuartermasterError, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": error.as_dict()}))
    else:
        particulars = ": ".join(part for part in (error.where, error.detail) if part)
        middle = f" ({particulars})" if particulars else ""
        print(f"{error.code}: {error.entry.says}{middle}", file=sys.stderr)
        print(error.entry.do, file=sys.stderr)
    return exit_code(error)


def _unexpected() -> QuartermasterError:
    """Keep the trace in a file of its own and name that file."""
    from deploy.settings import environment  # noqa: PLC0415 - only when it has come to this

    trace = traceback.format_exc()
    kind = trace.strip().rpartition("\n")[2]
    folder = environment().cache / "traces"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{os.getpid()}.txt"
        path.touch(mode=0o600)
        path.write_text(trace, "utf-8")
    except OSError:
        return QuartermasterError("internal.unexpected", kind)
    return QuartermasterError("internal.unexpected", kind, where=f"reference {path}")


def _is_there(module: str) -> bool:
    """Whether the module's file is in this installation, without importing the part."""
    spec = find_spec(module.partition(".")[0])
    if spec is None or not spec.submodule_search_locations:
        return False
    for folder in spec.submodule_search_locations:
        path = Path(folder).joinpath(*module.split(".")[1:])
        if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
            return True
    return False


def _load(name: str) -> Any:
    """Import a part and return its command.

    Raises:
        QuartermasterError: ``program.extra`` when a library that it needs is not installed.
    """
    part = _PARTS[name]
    try:
        found = getattr(import_module(part.module), part.attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _HOUSE:
            raise
        detail = f"{part.extra}: the library {error.name} is missing"
        raise QuartermasterError("program.extra", detail) from None
    return get_group(found) if part.group else get_command(found)


if __name__ == "__main__":
    main()
