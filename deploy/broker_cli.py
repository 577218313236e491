"""``quartermaster broker``: write the broker's configuration, or run it in the foreground."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from deploy.broker import Reloader, write_config
from deploy.processes import LOOPBACK, program

app = typer.Typer(no_args_is_help=True, help="Configure or run the MQTT broker.")

Folder = Annotated[Path, typer.Option(help="Receives the configuration and the ACL files.")]
Pki = Annotated[Path, typer.Option(help="The PKI folder.", envvar="QM_PKI")]
GatewayPort = Annotated[int, typer.Option(help="The gateways' door.", min=1, max=65535)]
ServicePort = Annotated[int, typer.Option(help="The cloud services' door.", min=1, max=65535)]
Address = Annotated[str, typer.Option(help="The address to listen on.")]


@app.command()
def config(
    folder: Folder,
    pki: Pki = Path("pki"),
    gateway_port: GatewayPort = 8883,
    service_port: ServicePort = 8884,
    address: Address = LOOPBACK,
) -> None:
    """Write mosquitto.conf and its ACL files into FOLDER and print the former's path."""
    print(
        write_config(
            folder, pki=pki, gateway_port=gateway_port, service_port=service_port, address=address
        )
    )


@app.command()
def run(
    folder: Folder,
    pki: Pki = Path("pki"),
    gateway_port: GatewayPort = 8883,
    service_port: ServicePort = 8884,
    address: Address = LOOPBACK,
) -> None:
    """Write the configuration and run mosquitto with it until it is interrupted.

    When the revocation list or the server's certificate is replaced, mosquitto reads it anew.
    """
    written = write_config(
        folder, pki=pki, gateway_port=gateway_port, service_port=service_port, address=address
    )
    with subprocess.Popen([str(program("mosquitto")), "-c", str(written)]) as process:
        for number in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, lambda received, _: process.send_signal(received))
        reloader = Reloader(pki, process.pid)
        reloader.start()
        try:
            code = process.wait()
        except KeyboardInterrupt:  # mosquitto was told by the terminal, too
            code = process.wait()
        finally:
            reloader.stop()
    raise typer.Exit(code)
