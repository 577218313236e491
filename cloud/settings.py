"""The cloud's settings, from ``QM_*`` environment variables. Read by composition roots only.

Every value has a default that suits one machine, except the database's address. What is wrong is
said by the variable's name before anything starts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from shared.errors import QuartermasterError

Port = Annotated[int, Meta(ge=1, le=65535)]
Host = Annotated[str, Meta(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:_-]+\Z")]
_PREFIX: Final = "QM_"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the cloud's processes need to know; each field is the variable ``QM_<FIELD>``."""

    database_url: Annotated[str, Meta(pattern=r"^postgres(ql)?://")]
    pki: Path = Path("pki")
    """The folder with the certificates and keys that this process uses."""
    trust_domain: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,252}\Z")] = (
        "quartermaster.local"
    )
    environment: Annotated[str, Meta(pattern=r"^[a-z0-9]{1,16}\Z")] = "dev"
    """Becomes part of every API key, so that a key of one environment is told from another's."""
    broker_host: Host = "127.0.0.1"
    broker_port: Port = 8884
    """The broker's listener for cloud services."""
    gateway_broker_host: Host = "localhost"
    gateway_broker_port: Port = 8883
    """The broker's listener for gateways, as told to them at enrolment."""
    api_host: Host = "127.0.0.1"
    api_port: Port = 8443
    api_url: str = ""
    """The public address of the API; follows from the port when empty."""
    door_port: Port = 8444
    door_url: str = ""
    """The public address of the gateway door; follows from the port when empty."""
    generation: Annotated[int, Meta(ge=1, lt=2**53)] = 1
    """Raised by the operator when this cloud was restored from a backup or failed over."""
    pool_size: Annotated[int, Meta(ge=1, le=200)] = 8
    api_rate: Annotated[int, Meta(ge=1, le=100_000)] = 200
    """Requests a second that one API key may make, over ten seconds."""
    api_rate_unknown: Annotated[int, Meta(ge=1, le=100_000)] = 20
    """As much for one address that shows no good key."""
    oidc_issuer: Annotated[str, Meta(pattern=r"^(https?://\S{1,300})?\Z")] = ""
    """An OpenID provider at which people sign in; none when empty."""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    """Empty for a public client; PKCE is used with and without."""
    oidc_redirect: str = ""
    """Where the provider sends browsers back to: the page that finishes the sign-in."""
    oidc_groups_claim: str = "groups"
    oidc_roles: str = ""
    """``group=role[@site]``, separated by commas: ``buyers=buyer,ams-leads=operator@AMS1``."""
    feed_secrets: Path | None = None
    """The folder with one file of secrets per feed, and per webhook of ours (``webhook-CODE``)."""
    feed_drop: Path | None = None
    """The folder with one folder per feed, from which the worker takes files."""
    x12_folder: Path | None = None
    """Where X12 partners' folders lie; without it nothing is exchanged by files."""
    audit_heads: Path | None = None
    """A file to which the worker appends the audit trail's signed head each minute; best on a disk
    that this machine can only add to."""
    promise_webhook: Annotated[str, Meta(pattern=r"^(https://\S{1,500})?\Z")] = ""
    """Customers' system, told of promises; its secret is ``promise-webhook`` among the secrets."""
    shop_admin: Annotated[str, Meta(pattern=r"^(https://\S{1,500})?\Z")] = ""
    """The Shopify shop's Admin GraphQL address, whose variants get windows as metafields; its
    access token is ``shop-admin`` among the secrets."""
    shop_feed: str = "shopify"
    """The feed by which that shop's variants are known."""
    segments: str = ""
    """Customers' segments, the one served first before the others, separated by commas."""
    security_contact: Annotated[str, Meta(pattern=r"^(mailto:|https://)\S{1,200}\Z")] = (
        "mailto:security@quartermaster.invalid"
    )
    """Where vulnerabilities are reported to; the operator's to configure."""
    support_until: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")] = "2031-12-31"
    """The end of the period with security updates, as published in ``/v1/about``."""

    @property
    def public_api_url(self) -> str:
        """Where gateways and planners reach the API, without a trailing slash."""
        return (self.api_url or f"https://localhost:{self.api_port}").rstrip("/")

    @property
    def public_door_url(self) -> str:
        """Where gateways fetch documents, without a trailing slash."""
        return (self.door_url or f"https://localhost:{self.door_port}").rstrip("/")


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from the process's environment, or from ``environment`` where given.

    Raises:
        QuartermasterError: ``settings.invalid``, naming the variable.
    """
    source = os.environ if environment is None else environment  # noqa: TID251 - the one place
    given = {
        field.encode_name: source[name]
        for field in msgspec.structs.fields(Settings)
        if source.get(name := _PREFIX + field.encode_name.upper())
    }
    try:
        return msgspec.convert(given, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise QuartermasterError("settings.invalid", str(error), where=_variable(error)) from None


def _path(kind: type, value: object) -> object:
    if isinstance(value, str) and kind is Path:
        return Path(value)
    raise NotImplementedError(kind)


def _variable(error: msgspec.ValidationError) -> str:
    """The variable that msgspec's message speaks of (it ends in ``at `$.field```, or names it)."""
    text = str(error)
    names = (field.encode_name for field in msgspec.structs.fields(Settings))
    found = [name for name in names if f"`$.{name}`" in text or f"`{name}`" in text]
    return _PREFIX + found[0].upper() if found else ""
