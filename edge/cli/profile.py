"""``quartermaster gateway devices profile``: what a scanner is to be set to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

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
        "dwprofile_*.db, on every other device of the same model. An app may send what --json "
        "prints as the intent com.symbol.datawedge.api.SET_CONFIG instead."
    )
