"""Asks a process of its own: what loads OpenCV or a model is never the gateway's.

The process is one of the gateway's own modules. It reads a question from standard input and answers
on standard output; what it refuses ends with ``EX_DATAERR`` and the error as JSON, in the last line
of standard error: libraries may have said something before.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from shared.errors import Code, QuartermasterError

_ROOT: Final = Path(__file__).resolve().parents[2]
_PATIENCE_S: Final = 30.0
_LONGEST: Final = 200


class _Refusal(msgspec.Struct, frozen=True):
    code: Code
    detail: str = ""
    where: str = ""


def asked_apart(command: Sequence[str], question: bytes) -> bytes:
    """The answer of a module, run with arguments; it has 30 seconds.

    Raises:
        QuartermasterError: what the module refuses, or ``program.failed`` where it does not end
            well.
    """
    module = command[0]
    try:
        ended = subprocess.run(  # noqa: S603 - the gateway's own module, and no shell
            [sys.executable, "-m", *command],
            input=question,
            capture_output=True,
            cwd=_ROOT,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise QuartermasterError("program.failed", "it took too long", where=module) from None
    if ended.returncode == os.EX_DATAERR:
        raise _refused(ended.stderr, module)
    if ended.returncode:
        told = ended.stderr.decode("utf-8", "replace")
        raise QuartermasterError("program.failed", told[-_LONGEST:], where=module)
    return ended.stdout


def _refused(told: bytes, module: str) -> QuartermasterError:
    try:
        error = msgspec.json.decode(told.splitlines()[-1], type=_Refusal)
    except (IndexError, msgspec.MsgspecError):
        return QuartermasterError("program.failed", "it refused without a word", where=module)
    return QuartermasterError(error.code, error.detail, where=error.where)
