"""The client's side of TLS towards the cloud: TLS 1.3, our own trust store, our certificate."""

from __future__ import annotations

import ssl

from edge.link.identity import Identity
from shared.errors import QuartermasterError


def client_context(identity: Identity) -> ssl.SSLContext:
    """A context that trusts the cloud's authorities only and shows the gateway's certificate.

    Raises:
        QuartermasterError: ``file.unreadable``.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(identity.trust)
        context.load_cert_chain(identity.tls_certificate, identity.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise QuartermasterError("file.unreadable", str(error), where="identity") from None
    return context
