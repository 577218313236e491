"""Picture files: what is decoded, and what is refused before it is."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.pictures import MAX_PIXELS, decode_picture, load_picture
from shared.errors import QuartermasterError


def _encoded(suffix: str, width: int = 64, height: int = 48) -> bytes:
    picture = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return cv2.imencode(suffix, picture)[1].tobytes()


def _png_claiming(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + header
        + struct.pack(">I", zlib.crc32(header))
    )


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".gif"])
def test_a_picture_is_read_with_the_hash_of_its_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"label{suffix}"
    path.write_bytes(_encoded(suffix))
    picture = load_picture(path)
    assert picture.image.shape == (48, 64, 3)
    assert picture.sha256 == hashlib.sha256(path.read_bytes()).digest()


@pytest.mark.parametrize("quality", [60, 101])  # 101 is lossless
def test_webp_sizes_are_told_in_all_its_forms(quality: int) -> None:
    picture = np.zeros((30, 50, 3), np.uint8)
    data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
    assert decode_picture(data).shape == (30, 50, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        b"\xff\xd8",
        b"\xff\xd8\xff\xe0\x00\x00" * 4,
        b"\xff\xd8\xff\xff\xff",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x00\x00\x00\x00WEBPVP8X",
        b"BM",
        b"GIF89a\x00\x00\x00\x00",
        _png_claiming(100_000, 100_000),
        _png_claiming(64, 64),
        _encoded(".jpg")[:200],
        b"II*\x00" + bytes(100),
    ],
    ids=range(13),
)
def test_what_is_no_whole_picture_of_bearable_size_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "label.png"
    path.write_bytes(data)
    with pytest.raises(QuartermasterError) as refusal:
        load_picture(path)
    assert refusal.value.code == "file.unreadable"
    assert refusal.value.where == str(path)


def test_the_size_is_told_before_anything_is_decoded() -> None:
    with pytest.raises(QuartermasterError, match=str(MAX_PIXELS)):
        decode_picture(_png_claiming(60_000, 60_000))


@pytest.mark.parametrize("name", ["absent.png", ".", "nul\x00.png"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(QuartermasterError) as refusal:
        load_picture(tmp_path / name)
    assert refusal.value.code == "file.unreadable"
