"""A model is used only where it is the one that was meant, and its answer is a number."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge.vision import models
from edge.vision.models import Card, Tensor, load, read_card
from shared.errors import QuartermasterError

CARD = """
name = "root"
version = "1"
file = "root-1.onnx"
sha256 = "{sha256}"
inputs = [{{ name = "row", shape = ["rows", 3] }}]
outputs = [{{ name = "answer", shape = ["rows", 3] }}]
"""


def graph(operation: str = "Sqrt", width: int = 3) -> bytes:
    """A graph that does one thing to a row."""
    given = helper.make_tensor_value_info("row", TensorProto.FLOAT, ["n", width])
    found = helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", width])
    node = helper.make_node(operation, ["row"], ["answer"])
    made = helper.make_graph([node], "one", [given], [found])
    opset = helper.make_opsetid("", 17)
    return helper.make_model(made, opset_imports=[opset], ir_version=9).SerializeToString()


def card_for(content: bytes, width: int = 3) -> Card:
    return Card(
        name="root",
        version="1",
        file="root-1.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        inputs=(Tensor("row", ("rows", width)),),
        outputs=(Tensor("answer", ("rows", width)),),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    content = graph()
    (tmp_path / "root-1.onnx").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    (tmp_path / "root.toml").write_text(CARD.format(sha256=sha256), "utf-8")
    return tmp_path


def refused(call: Any) -> QuartermasterError:
    with pytest.raises(QuartermasterError) as caught:
        call()
    return caught.value


def test_a_model_that_its_card_names_answers_and_says_which_it_is(folder: Path) -> None:
    model = load(read_card("root", folder), folder)
    found = model.run(np.array([[1, 4, 9]], np.float32))
    assert found["answer"].tolist() == [[1, 2, 3]]
    content = (folder / "root-1.onnx").read_bytes()
    assert model.provenance == ("root-1", hashlib.sha256(content).digest())


def test_a_file_with_another_hash_is_not_opened(folder: Path) -> None:
    path = folder / "root-1.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    error = refused(lambda: load(read_card("root", folder), folder))
    assert error.code == "model.untrusted"
    assert error.where.endswith("root-1.onnx")


def test_a_missing_or_oversized_file_is_not_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = read_card("root", folder)
    monkeypatch.setattr(models, "MAX_BYTES", 20)
    assert refused(lambda: load(card, folder)).code == "model.untrusted"
    (folder / card.file).unlink()
    assert refused(lambda: load(card, folder)).code == "model.untrusted"


def test_a_graph_of_another_shape_is_refused_though_its_hash_is_right(folder: Path) -> None:
    wider = graph(width=4)
    (folder / "root-1.onnx").write_bytes(wider)
    card = msgspec.structs.replace(
        read_card("root", folder), sha256=hashlib.sha256(wider).hexdigest()
    )
    error = refused(lambda: load(card, folder))
    assert error.code == "model.shape"
    assert "4" in error.detail


def test_a_length_that_may_vary_is_not_taken_for_a_fixed_one(folder: Path) -> None:
    card = read_card("root", folder)
    fixed = msgspec.structs.replace(card, inputs=(Tensor("row", (1, 3)),))
    assert refused(lambda: load(fixed, folder)).code == "model.shape"


def test_what_is_no_graph_is_refused_though_its_hash_is_right(folder: Path) -> None:
    (folder / "root-1.onnx").write_bytes(b"not a graph")
    assert refused(lambda: load(card_for(b"not a graph"), folder)).code == "model.shape"


@pytest.mark.parametrize("row", [[-1, 4, 9], [float("inf"), 1, 1], [1, float("nan"), 1]])
def test_an_answer_that_is_no_number_is_an_error_and_the_next_one_is_given(
    folder: Path, row: list[float]
) -> None:
    model = load(read_card("root", folder), folder)
    assert refused(lambda: model.run(np.array([row], np.float32))).code == "model.scores"
    assert model.run(np.ones((1, 3), np.float32))["answer"].tolist() == [[1, 1, 1]]


@pytest.mark.parametrize("given", [np.ones((1, 4), np.float32), np.ones((1, 3), np.float64)])
def test_an_input_of_another_shape_or_type_is_refused(folder: Path, given: Any) -> None:
    model = load(read_card("root", folder), folder)
    assert refused(lambda: model.run(given)).code == "model.shape"


@pytest.mark.parametrize(
    "text", ["", "name = 3", 'name = "root"', "\xff", "= ", 'name = "root"\nsurprise = 1']
)
def test_a_card_that_cannot_be_read_is_an_error(folder: Path, text: str) -> None:
    (folder / "root.toml").write_bytes(text.encode("latin-1"))
    assert refused(lambda: read_card("root", folder)).code == "model.card"


def test_a_card_may_not_lead_out_of_its_folder(folder: Path) -> None:
    said = (folder / "root.toml").read_text().replace("root-1.onnx", "../root-1.onnx")
    (folder / "root.toml").write_text(said)
    assert refused(lambda: read_card("root", folder)).code == "model.card"


def test_a_missing_card_is_an_error(tmp_path: Path) -> None:
    assert refused(lambda: read_card("root", tmp_path)).code == "model.card"


def test_a_model_runs_on_one_thread(folder: Path) -> None:
    model = load(read_card("root", folder), folder)
    options = model._session.get_session_options()  # pyright: ignore[reportPrivateUsage]
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


SHIPPED = sorted(path.stem for path in models.FOLDER.glob("*.toml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_model_is_the_one_its_card_names_and_has_a_model_card(name: str) -> None:
    card = read_card(name)
    assert card.name == name
    assert card.file == f"{name}-{card.version}.onnx"
    load(card)
    onnx.checker.check_model(str(models.FOLDER / card.file))
    text = (models.FOLDER / f"{name}.md").read_text("utf-8")
    assert text.startswith(f"# {name}-{card.version}\n")


def test_no_model_is_shipped_without_a_card() -> None:
    files = {path.name for path in models.FOLDER.glob("*.onnx")}
    assert files == {read_card(name).file for name in SHIPPED}


def test_models_and_cards_are_part_of_the_wheel() -> None:
    root = Path(models.__file__).parents[2]
    said = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    patterns = said["tool"]["setuptools"]["package-data"]["*"]
    assert {"**/*.onnx", "models/*.toml", "models/*.md"} <= set(patterns)
