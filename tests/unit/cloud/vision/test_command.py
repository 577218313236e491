"""Training without the extra that it needs says which one."""

from __future__ import annotations

import sys

import pytest

import cloud.vision
from cloud.vision.__main__ import main


def test_without_pytorch_the_command_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("network", "training"):
        monkeypatch.delattr(cloud.vision, name, raising=False)
        monkeypatch.delitem(sys.modules, f"cloud.vision.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["--views", "16"]) == 69
    said = capsys.readouterr().err
    assert "program.extra" in said
    assert "train" in said
