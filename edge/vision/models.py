"""The models a gateway sees with: ONNX files that are used only where they are the ones meant.

Beside each ``<name>-<version>.onnx`` lie a card, ``<name>.toml``, that a machine reads (the file's
SHA-256, the shape of the graph, its classes), and a model card, ``<name>.md``, for people. A file
with another hash is not opened. One thread runs a model: with the other core busy, two are about
twice as slow as one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from shared.errors import Code, QuartermasterError

FOLDER: Final = Path(__file__).with_suffix("")
"""Where the models that ship with the gateway lie."""

MAX_BYTES: Final = 5 * 1024 * 1024
"""No model that a gateway sees with may be larger."""

Array = NDArray[Any]
_Name = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*\Z", max_length=60)]
_TYPES: Final = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(uint8)": "uint8",
    "tensor(int64)": "int64",
    "tensor(string)": "string",
}


class Tensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input or output: a number for each fixed length, a name for each that may vary."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str = "float32"


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be known of a model before it is opened.

    ``thresholds`` are the model's own working points by name; ``trained`` says on what and how,
    ``metrics`` what was measured then.
    """

    name: _Name
    version: _Name
    file: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]*\.onnx\Z", max_length=100)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    classes: tuple[str, ...] = ()
    thresholds: dict[str, float] = {}
    trained: dict[str, str | int | float] = {}
    metrics: dict[str, float] = {}


class Model:
    """A model that may be used. Not for several threads at once."""

    def __init__(self, card: Card, session: Any) -> None:
        self.card: Final = card
        self._session: Final = session
        self._outputs: Final = [output.name for output in card.outputs]

    @property
    def provenance(self) -> tuple[str, bytes]:
        """Name with version, and SHA-256, as events carry them."""
        return f"{self.card.name}-{self.card.version}", bytes.fromhex(self.card.sha256)

    def run(self, given: Array | Mapping[str, Array]) -> dict[str, Array]:
        """All outputs by name; ``given`` is the only input, or each by its name.

        Raises:
            QuartermasterError: ``model.shape`` where the input is not as the card says or the
                graph fails on it, ``model.scores`` where an output is not a number.
        """
        named = given if isinstance(given, Mapping) else {self.card.inputs[0].name: given}
        try:
            found = self._session.run(self._outputs, dict(named))
        except Exception as error:  # noqa: BLE001 - whatever the library raises, it gave no answer
            raise self._refused("model.shape", str(error)) from None
        for name, array in zip(self._outputs, found, strict=True):
            # One sum finds NaN and infinity without a second array; a sum of finite float32 scores
            # and pixels does not overflow.
            wide = np.float64 if array.dtype == np.float16 else None
            if array.dtype.kind == "f" and not np.isfinite(array.sum(dtype=wide)):
                raise self._refused("model.scores", f"output {name}")
        return dict(zip(self._outputs, found, strict=True))

    def _refused(self, code: Code, detail: str) -> QuartermasterError:
        return QuartermasterError(code, detail, where=self.card.file)


def read_card(name: str, folder: Path = FOLDER) -> Card:
    """The card of a model in a folder.

    Raises:
        QuartermasterError: ``model.card``.
    """
    path = folder / f"{name}.toml"
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Card)
    except OSError as error:
        raise QuartermasterError("model.card", error.strerror or "", where=str(path)) from None
    except (ValueError, RecursionError) as error:  # msgspec's and tomllib's are ValueErrors
        raise QuartermasterError("model.card", str(error), where=str(path)) from None


def load(card: Card, folder: Path = FOLDER) -> Model:
    """The model of a card, from its file in a folder.

    Raises:
        QuartermasterError: ``model.untrusted`` where the file is missing, too large or another
            one than the card names, ``model.shape`` where it is not the graph that the card says.
    """
    path = folder / card.file
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise QuartermasterError("model.untrusted", error.strerror or "", where=str(path)) from None
    return opened(card, content)


def opened(card: Card, content: bytes) -> Model:
    """The model of a card, from the bytes of its file.

    Raises:
        QuartermasterError: as :func:`load`.
    """
    if len(content) > MAX_BYTES:
        detail = f"more than {MAX_BYTES} bytes"
        raise QuartermasterError("model.untrusted", detail, where=card.file)
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != card.sha256:
        detail = f"SHA-256 {sha256[:16]}…, its card says {card.sha256[:16]}…"
        raise QuartermasterError("model.untrusted", detail, where=card.file)
    try:
        session = _session(content)
    except Exception as error:  # noqa: BLE001 - what cannot be opened is no graph
        raise QuartermasterError("model.shape", str(error), where=card.file) from None
    for kind, meant, has in (
        ("input", card.inputs, session.get_inputs()),
        ("output", card.outputs, session.get_outputs()),
    ):
        _same_shape(kind, meant, [_tensor(each) for each in has], card.file)
    return Model(card, session)


def _session(content: bytes) -> Any:
    import onnxruntime  # noqa: PLC0415 - 40 MB, only where there is a model

    library: Any = onnxruntime
    options = library.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # refusals are told by us, once
    return library.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _tensor(has: Any) -> Tensor:
    shape = tuple(each if isinstance(each, int) else str(each or "?") for each in has.shape)
    return Tensor(str(has.name), shape, _TYPES.get(has.type, str(has.type)))


def _same_shape(kind: str, meant: tuple[Tensor, ...], has: list[Tensor], file: str) -> None:
    """Names, types and fixed lengths must be the card's; what varies may have any name."""
    if len(meant) == len(has) and all(map(_same, meant, has)):
        return
    said = ", ".join(f"{each.name} {list(each.shape)} {each.dtype}" for each in has)
    raise QuartermasterError("model.shape", f"its {kind}: {said}", where=file)


def _same(one: Tensor, other: Tensor) -> bool:
    return (
        (one.name, one.dtype, len(one.shape)) == (other.name, other.dtype, len(other.shape))
    ) and all(
        a == b or (isinstance(a, str) and isinstance(b, str))
        for a, b in zip(one.shape, other.shape, strict=True)
    )
