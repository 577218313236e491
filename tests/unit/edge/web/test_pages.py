"""The gateway's pages: small, whole, strict; kept for good and never mixed."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import shutil
from pathlib import Path
from typing import get_args

import httpx
import pytest
from starlette.applications import Starlette

from edge.web import pages
from edge.web.guard import guarded
from shared.errors import CATALOGUE
from shared.plan import TaskKind
from shared.policy import Step
from shared.policy.matching import STEPS_OF

MOST_BYTES = 200 * 1000


class Site:
    """The pages, asked over HTTP."""

    def __init__(self, folder: Path = pages.SCAN) -> None:
        room = pages.routes(folder)
        self.app = Starlette(routes=room(lambda handler: guarded(handler, lambda _: None)))
        self.bundle = pages.scan_bundle(folder)

    def get(self, path: str, **headers: str) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="https://gw", follow_redirects=True
            ) as client:
                given = {"accept-encoding": "identity"} | headers
                return await client.get(path, headers=given)

        return asyncio.run(go())


@pytest.fixture(scope="module")
def site() -> Site:
    return Site()


def files_of(site: Site) -> list[str]:
    """What the service worker installs."""
    found = re.search(r"const FILES = (\[.*?\]);", site.get("/scan/sw.js").text)
    assert found
    return json.loads(found.group(1))


def test_the_app_without_the_decoders_wasm_is_below_200_kilobytes(site: Site) -> None:
    paths = [path for path in files_of(site) if not path.endswith(".wasm")]
    sizes = {path: len(site.get(path).content) for path in paths}
    sizes["/scan/"] = len(site.get("/scan/").content)
    assert sum(sizes.values()) < MOST_BYTES, sizes


def test_everything_that_is_installed_is_served_for_good_with_its_type(site: Site) -> None:
    for path in files_of(site):
        answer = site.get(path)
        assert answer.status_code == 200, path
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"] == pages.media_of(path)
    assert any(path.endswith("zxing_reader.wasm") for path in files_of(site))


def test_all_modules_that_a_page_imports_are_part_of_its_version(site: Site) -> None:
    served = set(files_of(site))
    assert not any("/setup/" in path for path in served)
    for path in [path for path in served if "/vendor/" not in path and path.endswith(".js")]:
        text = site.get(path).text
        wanted = re.findall(r"from '([^']+)'|new URL\('([^']+)', import", text)
        for name in [first or second for first, second in wanted if "/" in first + second]:
            found = str(httpx.URL(f"https://gw{path}").join(name).path)
            assert found in served, f"{path} imports {name}"


@pytest.mark.parametrize("path", ["/scan/", "/scanner-setup", "/scan/sw.js"])
def test_pages_are_strict_and_asked_for_each_time(site: Site, path: str) -> None:
    answer = site.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"
    again = site.get(path, **{"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/scan/", "/scanner-setup"])
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(site: Site, path: str) -> None:
    text = site.get(path).text
    assert "@VERSION@" not in text
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
    assert re.findall(r"\son\w+=|style=|<style", text) == []
    assert re.findall(r"(?:src|href)=\"(?!/)", text) == []


def test_another_version_is_another_address_and_the_old_one_is_gone(
    site: Site, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(pages.SCAN, tmp_path / "scan"))
    with (folder / "app.css").open("a") as file:
        file.write("/**/\n")
    renewed = Site(folder)
    assert renewed.bundle.version != site.bundle.version
    assert renewed.get(f"{site.bundle.root}app.css").status_code == 404
    assert renewed.bundle.root in renewed.get("/scan/").text
    assert renewed.get("/scan/sw.js").headers["etag"] != site.get("/scan/sw.js").headers["etag"]


def test_a_browser_that_can_unzip_gets_less(site: Site) -> None:
    path = f"{site.bundle.root}app.css"
    plain, zipped = site.get(path), site.get(path, **{"accept-encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.content == plain.content
    assert int(zipped.headers["content-length"]) < len(plain.content) / 2
    assert gzip.compress(b"") != b""


@pytest.mark.parametrize(
    "name", ["../pages.py", "..%2fpages.py", "js/../../pages.py", "README.md", "", "js"]
)
def test_only_files_of_the_version_are_served(site: Site, name: str) -> None:
    assert site.get(site.bundle.root + name).status_code == 404


def test_the_page_has_the_catalogues_words_for_what_it_refuses_by_itself(site: Site) -> None:
    words = site.get(f"{site.bundle.root}words.json").json()
    scripts = [path.read_text() for path in (pages.SCAN / "js").rglob("*.js")]
    families = {code.partition(".")[0] for code in CATALOGUE}
    said = {
        code
        for text in scripts
        for code in re.findall(r"(?:refusal|refuse)\('([a-z0-9.-]+)'|code: '([a-z0-9.-]+)'", text)
        for code in code
        if code.partition(".")[0] in families
    }
    assert said == set(words)
    for code, told in words.items():
        assert told == list(CATALOGUE[code][1:])


def test_the_page_knows_the_steps_of_the_trade_and_of_each_kind_of_task() -> None:
    text = (pages.SCAN / "js" / "steps.js").read_text()
    steps = text[text.index("export const STEPS = {") : text.index("\n};")]
    assert set(re.findall(r"^  (\w+): \{", steps, re.MULTILINE)) == set(get_args(Step))
    kinds = text[text.index("STEPS_OF_TASK = {") : text.index("TASK_LABELS")]
    told = re.findall(r"^  (\w+): \[(.*)\],", kinds, re.MULTILINE)
    found = {kind: frozenset(re.findall(r"'(\w+)'", names)) for kind, names in told}
    assert found == dict(STEPS_OF)
    assert set(found) == set(get_args(TaskKind))


def test_the_setup_labels_are_drawn_and_say_what_they_should(site: Site) -> None:
    import cv2
    import numpy as np
    import zxingcpp

    from edge.web.labels import LABELS
    from shared.gs1 import read

    for name, label in LABELS.items():
        svg = site.get(f"{site.bundle.root}labels/{name}.svg").text
        assert svg.count("<svg") == 1
        options = {"gs1": True} if label.text.startswith("[") else {}
        symbology = zxingcpp.barcode_format_from_str(label.symbology)
        made = zxingcpp.create_barcode(label.text, symbology, **options)
        picture = np.asarray(zxingcpp.write_barcode_to_image(made, scale=4))
        found = zxingcpp.read_barcode(cv2.copyMakeBorder(picture, 40, 40, 40, 40, 0, value=255))
        assert found is not None
        assert found.bytes.decode() == label.sends
        if name.startswith("gs1"):
            assert read(label.sends).lot == "QM-42"
            assert read(label.sends).expiry == "2048-01-31"
