"""Ways in which a disk gives back something else than was written."""

from __future__ import annotations

import random
from pathlib import Path

PAGE = 4096


def flip_bit_in(path: Path, content: bytes, *, at: int = -1) -> None:
    """Flip one bit of ``content`` where it lies in the file (or in its log)."""
    for file in (path, Path(f"{path}-wal")):
        raw = bytearray(file.read_bytes()) if file.exists() else bytearray()
        found = 0
        start = raw.find(content)
        while start >= 0:
            raw[start + (at % len(content))] ^= 0x10
            found += 1
            start = raw.find(content, start + 1)
        if found:
            file.write_bytes(raw)
            return
    raise AssertionError("these bytes lie nowhere in one piece")


def garbage_page(path: Path, number: int, seed: int = 1) -> None:
    """Overwrite a page (from 1) with noise."""
    with path.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(random.Random(seed).randbytes(PAGE))


def spoil(path: Path, seed: int) -> str:
    """Damage a file in one of the ways disks do, drawn from a seed; which it was."""
    chance = random.Random(seed)
    content = bytearray(path.read_bytes())
    way = chance.choice(["bits", "noise", "zeros", "swapped", "stale", "short"])
    start = chance.randrange(len(content))
    end = min(start + chance.choice([16, 512, PAGE, 5 * PAGE]), len(content))
    if way == "bits":
        for _ in range(chance.choice([1, 3, 30, 300])):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    elif way == "noise":
        content[start:end] = chance.randbytes(end - start)
    elif way == "zeros":
        content[start:end] = bytes(end - start)
    elif way == "short":
        del content[start:]
    else:
        one, other = (chance.randrange(len(content) // PAGE) * PAGE for _ in range(2))
        page = content[one : one + PAGE]
        if way == "swapped":
            content[one : one + PAGE] = content[other : other + PAGE]
        content[other : other + PAGE] = page
    path.write_bytes(content)
    return way


def make_illegible(path: Path) -> None:
    """Take the first page, and the copy of what it says: nothing in the file can be found."""
    garbage_page(path, 1)
    Path(f"{path}-schema").unlink(missing_ok=True)


def pages(path: Path) -> int:
    """How many pages a database has."""
    return path.stat().st_size // PAGE


def cut_log(path: Path, keep: float) -> None:
    """Keep only a part of the log."""
    log = Path(f"{path}-wal")
    with log.open("r+b") as file:
        file.truncate(int(log.stat().st_size * keep))
