"""``quartermaster gateway devices profile``: what a scanner is to be set to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from edge import settings as settings_file
from edge.cli import screen
from edge.cli.options import FOLDER, Data, Json
from edge.inputs import profiles
from shared.errors import QuartermasterError

TEMPLATE: Final = (
    Path(__file__).resolve().parents[2] / "firmware_config" / "profiles" / "zebra-datawedge.toml"
)
"""Data lies beside the packages, in the repository as where the wheel is installed."""
_ACTION: Final = "com.symbol.datawedge.api.ACTION"
_EXTRA: Final = "com.symbol.datawedge.api.SET_CONFIG"


def profile(
    name: Annotated[str, typer.Argument(help="The device's name, e.g. sc-01.")],
    data: Data = FOLDER,
    *,
    kind: Annotated[
        profiles.Kind, typer.Option(help="Typed into the scan page, or lines to the TCP door.")
    ] = "keystroke",
    address: Annotated[
        str,
        typer.Option(help="With --kind ip: the gateway's IP address, as the device reaches it."),
    ] = "",
    template: Annotated[Path, typer.Option(help="The profile's template.")] = TEMPLATE,
    output: Annotated[
        Path | None, typer.Option(help="Write the SET_CONFIG bundle to this new file, as JSON.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what a Zebra scanner's DataWedge is to be set to; --json gives the SET_CONFIG bundle.

    Example: quartermaster gateway devices profile sc-01 --kind ip --address 10.0.0.1
    """
    from edge.web import devices  # noqa: PLC0415 - only to compare an address

    tcp = settings_file.load(data).tcp
    if kind == "ip":
        if tcp is None:
            raise QuartermasterError("settings.invalid", "there is no [tcp]", where="gateway.toml")
        if devices.plain_address(address) is None:
            raise QuartermasterError("request.invalid", repr(address[:60]), where="--address")
    made = profiles.filled(
        profiles.load(template),
        kind,
        address=address,
        port=tcp.port if tcp is not None else 0,
    )
    if output is not None:
        _write(output, made.bundle)
    if json:
        screen.show_json(made.bundle)
        return
    typer.echo(f"{name}: DataWedge, a new profile {made.bundle['PROFILE_NAME']}:")
    for number, step in enumerate(made.steps, start=1):
        typer.echo(f"{number}. {step}")
    if kind == "ip":
        typer.echo(
            f"The gateway must know where {name} speaks from: "
            f"quartermaster gateway devices speak {name} --address ITS-ADDRESS"
        )
    typer.echo(
        "Then export the profile (DataWedge, Settings, Export Profile) and import that file, "
        "dwprofile_*.db, on every other device of the same model."
    )
    typer.echo(
        f"Instead of these steps an app or a device manager may send "
        f"{output or 'what --json prints'} as the extra {_EXTRA} of the intent {_ACTION}, "
        "DataWedge 7.3 or newer."
    )


def _write(file: Path, bundle: dict[str, Any]) -> None:
    """Write the bundle to a new file.

    Raises:
        QuartermasterError: ``file.unreadable`` or ``request.conflict``.
    """
    try:
        with file.open("xb") as new:
            new.write(msgspec.json.format(msgspec.json.encode(bundle), indent=2) + b"\n")
    except FileExistsError:
        raise QuartermasterError(
            "request.conflict", "it is there already", where=str(file)
        ) from None
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise QuartermasterError("file.unreadable", detail, where=str(file)) from None
