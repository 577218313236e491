"""Train the detector on rendered scenes and write it as gateways take it.

    python -m cloud.vision [--seconds N | --views N] [--seed N] [--begin FILE] [--rate R]
                           [--out FOLDER] [--version V] [--note TEXT]

With ``--views`` the same seed gives the same scenes, views and schedule; with ``--seconds`` the
schedule follows the clock, so that training ends in time on a busy machine. What was learnt is also
kept as ``detector-V.pt``, which ``--begin`` goes on from.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shared.errors import QuartermasterError

_UNSEEN_SEED = 20_261_121
_KNOWN_SEED = 4_242


def main(arguments: Sequence[str]) -> int:
    """Train, write, tell; 0 when done."""
    asked = _parser().parse_args(arguments)
    try:
        _train(asked)
    except QuartermasterError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command talks to its terminal
        return 69
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cloud.vision", description=__doc__)
    parser.add_argument("--seconds", type=float, help="end the training after so long")
    parser.add_argument("--views", type=int, default=120_000, help="end it after so many views")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--begin", type=Path, help="go on from what was learnt before (.pt)")
    parser.add_argument("--rate", type=float, default=2.5e-3, help="the highest learning rate")
    parser.add_argument("--note", default="", help="a sentence for the model card")
    parser.add_argument("--version", default="1")
    parser.add_argument("--out", type=Path, default=Path("detector"), help="where to write it")
    parser.add_argument("--scenes", type=int, default=300, help="how many to measure on")
    return parser


def _train(asked: Any) -> None:
    network, training, release = _rooms()
    plan = training.Plan(seed=asked.seed, views=asked.views, rate=asked.rate)
    begin = None if asked.begin is None else network.saved(asked.begin)
    began = time.monotonic()
    learnt = [0]

    def tell(progress: Any) -> None:
        learnt[0] = progress.views
        _say(
            f"{progress.part:6.1%}  {progress.views:7} views  loss {progress.loss:.4f}  "
            f"{time.monotonic() - began:5.0f} s"
        )

    asked.out.mkdir(parents=True, exist_ok=True)
    kept = asked.out / f"detector-{asked.version}.pt"

    def keep(so_far: Any, _views: int) -> None:
        network.save(so_far, kept)

    learned = training.train(
        plan,
        tell,
        pace=_pace(asked.seconds, began),
        keep=keep,
        begin=begin,
    )
    content = network.exported(learned)
    told = release.Told(
        version=asked.version,
        seed=asked.seed,
        views=learnt[0],
        parameters=network.parameters(learned),
        rendered=training.scenes_for(plan, learnt[0]),
        more=asked.note,
    )
    write(release, network.answers, learned, content, (asked.out, told, asked.scenes))


def write(
    release: Any,
    answers: Callable[..., Any],
    network: Any,
    content: bytes,
    where: tuple[Path, Any, int],
) -> None:
    """Hold the file against the network, measure it, and write it with its cards.

    Raises:
        QuartermasterError: ``model.scores`` where file and network disagree.
    """
    folder, told, scenes = where
    picture = np.random.default_rng(told.seed).integers(0, 256, (1, 416, 416, 3), np.uint8)
    metrics = release.checked(content, answers(network, picture), picture)
    for name, world, seed in (("known", "train", _KNOWN_SEED), ("unseen", "test", _UNSEEN_SEED)):
        found = release.measured(content, world=world, seed=seed, count=scenes)
        metrics |= {f"{name}_map50_{seen}": value for seen, value in found.items()}
        _say(f"{name}: {found}")
    release.write(folder, content, told, metrics)
    _say(f"written to {folder}")


def _pace(seconds: float | None, began: float) -> Callable[[int], float] | None:
    if seconds is None:
        return None
    return lambda _views: (time.monotonic() - began) / seconds


def _rooms() -> tuple[Any, Any, Any]:
    """The network, its training and what writes its models, where everything for them is installed.

    Raises:
        QuartermasterError: ``program.extra``.
    """
    try:
        from cloud.vision import network, release, training  # noqa: PLC0415 - PyTorch, only to train
    except ModuleNotFoundError as error:
        raise QuartermasterError("program.extra", str(error), where="train") from None
    return network, training, release


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command talks to its terminal


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
