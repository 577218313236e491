"""OpenID providers for tests: a package's, in a process of its own, and one that can misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.support import free_port

CLIENT = "quartermaster"
REDIRECT = "https://planner.example.org/back"


@contextmanager
def package_provider(*users: dict[str, Any]) -> Iterator[str]:
    """The issuer of ``oidc-provider-mock``, which knows these users."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    for user in users:
        command += ["--user-claims", json.dumps(user)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx.get(f"{issuer}/.well-known/openid-configuration")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield issuer
    finally:
        process.terminate()
        process.wait(10)


def sign_in_at_package(url: str, subject: str) -> dict[str, str]:
    """What the redirect brings back when this user says yes there."""
    answer = httpx.post(url, data={"sub": subject})
    assert answer.status_code in {302, 303}, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


class SmallProvider:
    """A provider without a network that holds clients to PKCE; what it says can be bent.

    Args:
        users: claims by subject.
        now: seconds.
    """

    ISSUER = "https://id.example.org"

    def __init__(self, users: dict[str, dict[str, Any]], now: Callable[[], int]) -> None:
        self.users = users
        self._now = now
        self.key = ECKey.generate_key("P-256", {"kid": "k1"})
        self.published: list[ECKey] = [self.key]
        self.bend: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.asked: list[str] = []
        self.sign: Callable[[dict[str, Any], dict[str, Any]], str] = self._sign
        self._codes: dict[str, tuple[str, dict[str, str]]] = {}
        self.http = httpx.Client(transport=httpx.MockTransport(self._answer))

    def rotate(self, kid: str) -> None:
        """Sign with another key from now on, and publish only that one."""
        self.key = ECKey.generate_key("P-256", {"kid": kid})
        self.published = [self.key]

    def sign_in(self, url: str, subject: str) -> dict[str, str]:
        """What the redirect brings back when this user says yes."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["response_type"] == "code"
        assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT, REDIRECT)
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self._codes)}"
        self._codes[code] = (subject, asked)
        return {"code": code, "state": asked["state"]}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            known = {
                "issuer": self.ISSUER,
                "authorization_endpoint": f"{self.ISSUER}/authorize",
                "token_endpoint": f"{self.ISSUER}/token",
                "jwks_uri": f"{self.ISSUER}/jwks",
            }
            return httpx.Response(200, json=known | self.metadata)
        if path == "/jwks":
            keys = [key.as_dict(private=False) for key in self.published]
            return httpx.Response(200, json={"keys": keys})
        asked = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        subject, begun = self._codes.pop(asked.get("code", ""), ("", {}))
        proof = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        if not subject or challenge != begun["code_challenge"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        claims = {
            "iss": self.ISSUER,
            "aud": CLIENT,
            "sub": subject,
            "nonce": begun["nonce"],
            "iat": self._now(),
            "exp": self._now() + 300,
            **self.users[subject],
            **self.bend,
        }
        header = {"alg": "ES256", "kid": self.key.kid, **self.header}
        token = self.sign(header, {name: each for name, each in claims.items() if each is not None})
        return httpx.Response(200, json={"id_token": token, "access_token": "x"})

    def _sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        return jwt.encode(header, claims, self.key, algorithms=["ES256"])
