"""The network learns, ends where its pace says, and its file answers as it does."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from edge.vision.detector import Detector
from edge.vision.models import load, read_card
from shared.errors import QuartermasterError

pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

from cloud.vision import __main__ as command  # noqa: E402
from cloud.vision import network as networks  # noqa: E402
from cloud.vision import release, training  # noqa: E402


class AtOnce:
    """An executor without a process of its own."""

    def __init__(self, *_: Any, **__: Any) -> None: ...
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...
    def shutdown(self, **_: Any) -> None: ...

    def submit(self, call: Any, *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(call(*arguments))
        return future


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "ProcessPoolExecutor", AtOnce)
    monkeypatch.setattr(training, "_SHARD", 2)
    monkeypatch.setattr(training, "_BATCH", 4)
    monkeypatch.setattr(training, "SIDE", 96)


@pytest.mark.usefixtures("small")
def test_a_tiny_training_lowers_the_loss_and_tells_how_far_it_is() -> None:
    heard: list[training.Progress] = []
    plan = training.Plan(seed=3, views=400, side=96, reuse=200, close=0.1)
    network = training.train(plan, heard.append)
    assert [each.views for each in heard] == [200, 400]
    assert heard[-1].part == 1
    assert heard[1].loss < 0.9 * heard[0].loss
    assert 100_000 < networks.parameters(network) <= 400_000


@pytest.mark.usefixtures("small")
def test_the_same_seed_learns_the_same_and_going_on_begins_with_what_was_learnt() -> None:
    plan = training.Plan(seed=3, views=12, side=96, reuse=20)
    one, again = (training.train(plan).state_dict() for _ in range(2))
    assert all(bool((one[name] == again[name]).all()) for name in one)
    first = training.train(plan)
    on = training.train(plan._replace(rate=0.0), begin=first).state_dict()
    name = "to8.0.0.weight"
    assert bool((on[name] == one[name]).all())


@pytest.mark.usefixtures("small")
def test_a_training_ends_where_its_pace_says() -> None:
    heard: list[training.Progress] = []
    plan = training.Plan(seed=3, views=10_000, side=96, reuse=20)
    training.train(plan, heard.append, pace=lambda views: views / 8)
    assert heard[-1].views == 8


def test_the_file_that_is_written_answers_as_the_network_and_gateways_take_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = networks.Network().eval()
    content = networks.exported(network)
    told = release.Told("7", seed=1, views=16, parameters=1, rendered=2)
    monkeypatch.setattr(command, "_say", lambda _line: None)
    command.write(release, networks.answers, network, content, (tmp_path, told, 1))
    card = read_card("detector", tmp_path)
    assert card.metrics["parity_scores"] < 1e-3
    assert card.trained == {"seed": 1, "views": 16, "scenes": 2, "parameters": 1}
    assert card.sha256 in (tmp_path / "detector.md").read_text("utf-8")
    detector = Detector(load(card, tmp_path))
    assert detector.provenance[0] == "detector-7"
    assert detector.look(np.zeros((90, 160, 3), np.uint8)) == []


def test_what_was_learnt_is_kept_and_what_is_something_else_is_refused(tmp_path: Path) -> None:
    network = networks.Network()
    networks.save(network, tmp_path / "kept.pt")
    again = networks.saved(tmp_path / "kept.pt").state_dict()
    assert all(bool((again[name] == value).all()) for name, value in network.state_dict().items())
    (tmp_path / "other.pt").write_bytes(b"nothing of the kind")
    for name in ("other.pt", "missing.pt"):
        with pytest.raises(QuartermasterError, match=r"file\.unreadable"):
            networks.saved(tmp_path / name)


def test_a_file_that_answers_otherwise_is_not_written() -> None:
    network = networks.Network().eval()
    picture = np.random.default_rng(1).integers(0, 256, (1, 416, 416, 3), np.uint8)
    boxes, scores = networks.answers(network, picture)
    content = networks.exported(network)
    with pytest.raises(QuartermasterError, match=r"model\.scores"):
        release.checked(content, (boxes, scores + 0.01), picture)
    with pytest.raises(QuartermasterError, match=r"model\.scores"):
        release.checked(content, (boxes + 2, scores), picture)
