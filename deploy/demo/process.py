"""One of Quartermaster's own commands as a child process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.processes import stop, tail, wait_listening
from deploy.settings import child_environment
from shared.errors import QuartermasterError


class Process:
    """One of our commands as a child process, with a log file of its own."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        log: Path,
        variables: dict[str, str],
        module: str = "deploy.cli",
    ) -> None:
        self.name = name
        self.log = log
        self._command = [sys.executable, "-m", module, *arguments]
        self._variables = variables
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, *, ports: Sequence[int] = (), seconds: float = 30.0) -> None:
        """Start it and wait until it listens on ``ports``.

        Raises:
            QuartermasterError: ``program.failed`` with the end of its log.
        """
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=child_environment(self._variables),
                # Ctrl-C is ours to handle: it must not reach the children first.
                start_new_session=True,
            )
        wait_listening(self._child, list(ports), log=self.log, seconds=seconds)

    @property
    def pid(self) -> int:
        """Its process id; 0 when it does not run."""
        return self._child.pid if self._child is not None else 0

    def check(self) -> None:
        """Fail when it has ended by itself.

        Raises:
            QuartermasterError: ``program.failed``.
        """
        if self._child is not None and self._child.poll() is not None:
            raise QuartermasterError(
                "program.failed",
                f"{self.name} ended with {self._child.returncode}: {tail(self.log)}",
                where=str(self.log),
            )

    def stop(self) -> None:
        """End it in good order."""
        if self._child is not None:
            stop(self._child)
            self._child = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
