"""The installation page: these five files in plain HTTP, nothing else, and nothing secret."""

from __future__ import annotations

import asyncio
import hashlib
import plistlib
import re
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge.link import local_tls
from edge.web.installation import Installation, addresses, authority_in, grouped
from shared.certificates import load_chain
from shared.errors import QuartermasterError
from tests.support import FakeClock

NAMES = ["gw.hall-3.example", "10.1.2.3"]
FILES = {
    "/": "text/html; charset=utf-8",
    "/install.css": "text/css; charset=utf-8",
    "/install.js": "text/javascript; charset=utf-8",
    "/ca.crt": "application/x-x509-ca-cert",
    "/ca.mobileconfig": "application/x-apple-aspen-config",
}
MOST_BYTES = 40_000


class Page:
    """The page of one gateway, asked over HTTP."""

    def __init__(self, folder: Path) -> None:
        self.folder = local_tls.ensure(folder, clock=FakeClock(), hosts=NAMES, gateway="gw-01")
        self.room = Installation(site="berlin", gateway="gw-01", port=8443, own_port=8080)
        self.room.show(self.folder)

    def ask(self, path: str, method: str = "GET") -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.room.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gw") as client:
                return await client.request(method, path)

        return asyncio.run(go())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(tmp_path_factory.mktemp("identity"))


@pytest.mark.parametrize("path", FILES)
def test_what_is_served_is_small_strict_and_kept_by_nobody(page: Page, path: str) -> None:
    answer = page.ask(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == FILES[path]
    assert 0 < len(answer.content) < MOST_BYTES
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert "strict-transport-security" not in answer.headers  # it would lock this very port
    head = page.ask(path, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize(
    "path",
    [
        "/v1/scans",
        "/v1/pair",
        "/v1/status",
        "/healthz",
        "/metrics",
        "/scan/",
        "/console/",
        "/ca.key",
        "/tls.key",
        "/ca.crt/",
        "/../ca.key",
        "/%2e%2e/ca.key",
        "/install/page.html",
        "/page.html",
        "/favicon.ico",
    ],
)
def test_nothing_else_is_there(page: Page, path: str) -> None:
    answer = page.ask(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "location" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", FILES)
def test_nothing_can_be_sent_there(page: Page, path: str, method: str) -> None:
    answer = page.ask(path, method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_the_file_is_the_gateways_authority_bound_to_its_names(page: Page) -> None:
    answer = page.ask("/ca.crt")
    assert answer.headers["content-disposition"] == 'attachment; filename="quartermaster-gw-01.crt"'
    served = x509.load_der_x509_certificate(answer.content)
    kept = load_chain((page.folder / "ca.crt").read_bytes())[0]
    assert served == kept
    assert served.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    constraints = served.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert {str(each.value) for each in constraints.value.permitted_subtrees or ()} == {
        "localhost",
        "127.0.0.1/32",
        "gw.hall-3.example",
        "10.1.2.3/32",
    }


def test_apples_profile_holds_the_same_authority_and_nothing_else(page: Page) -> None:
    profile = plistlib.loads(page.ask("/ca.mobileconfig").content)
    (payload,) = profile["PayloadContent"]
    assert payload["PayloadType"] == "com.apple.security.root"
    assert payload["PayloadContent"] == page.ask("/ca.crt").content
    assert profile["PayloadDisplayName"] == "Quartermaster gw-01"
    assert profile["PayloadUUID"] != payload["PayloadUUID"]


def test_the_page_names_the_fingerprint_and_all_that_is_allowed_by_it(page: Page) -> None:
    text = page.ask("/").text
    der = page.ask("/ca.crt").content
    shown = re.search(r'id="sha256">(.*?)</p>', text, re.DOTALL)
    assert shown
    groups = re.findall(r"<span>([0-9A-F:]+)</span>", shown.group(1))
    assert ":".join(groups) == hashlib.sha256(der).digest().hex(":").upper()
    for name in ["localhost", "127.0.0.1", *NAMES]:
        assert f"<li>{name}</li>" in text
    for system in ("android", "apple", "windows", "linux"):
        assert f'data-system="{system}"' in text, "without a script all steps are shown"


def test_nothing_is_inline_and_only_the_door_itself_is_asked(page: Page) -> None:
    answer = page.ask("/")
    assert re.findall(r"<script(?![^>]*\bsrc=)|\son\w+=|style=|<style", answer.text) == []
    asked = re.search(r"connect-src ([^;]*)", answer.headers["content-security-policy"])
    assert asked
    assert asked.group(1).split() == [
        f"https://{name}:8443" for name in ["localhost", "127.0.0.1", *NAMES]
    ]


def test_no_secret_is_in_anything_that_is_served(page: Page) -> None:
    for path in FILES:
        content = page.ask(path).content
        assert b"PRIVATE KEY" not in content
        for name in ("ca.key", "tls.key"):
            body = b"".join((page.folder / name).read_bytes().splitlines()[1:-1])
            assert body[:40] not in content


def test_another_authority_is_served_once_it_is_there(tmp_path: Path) -> None:
    fresh = Page(tmp_path)
    before = fresh.ask("/ca.crt").content
    local_tls.ensure(tmp_path, clock=FakeClock(), hosts=[*NAMES, "gw-new"], gateway="gw-01")
    fresh.room.show(fresh.folder)
    authority = authority_in(fresh.folder)
    assert fresh.ask("/ca.crt").content == authority.der != before
    assert "<li>gw-new</li>" in fresh.ask("/").text


def test_a_gateway_that_has_never_run_has_nothing_to_trust(tmp_path: Path) -> None:
    with pytest.raises(QuartermasterError) as refused:
        authority_in(tmp_path)
    assert refused.value.code == "file.unreadable"


def test_the_code_stands_in_the_fragment_which_is_never_sent() -> None:
    url, first = addresses("fe80::1", 8443, 8080, "ABCD")
    assert first == "http://[fe80::1]:8080/#pair=ABCD"
    assert url == "https://[fe80::1]:8443/scan/#pair=ABCD"
    assert addresses("gw", None, 0, "ABCD") == ("https://gw/scan/#pair=ABCD", None)


def test_a_fingerprint_is_shown_as_devices_show_it_in_groups(page: Page) -> None:
    authority = authority_in(page.folder)
    certificate = x509.load_der_x509_certificate(authority.der)
    assert certificate.public_bytes(Encoding.DER) == authority.der
    assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", authority.sha256)
    assert re.fullmatch(r"([0-9A-F]{2}:){19}[0-9A-F]{2}", authority.sha1)
    assert [len(group) for group in grouped(authority.sha256)] == [11] * 8
