"""The gateway door: large documents by the hash of their content, and nothing else.

The listener demands a certificate of the devices' authority; the ASGI server does not show whose
it is, so a document is protected by its name, which only gateways of its site are told.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Response

from cloud import fleet
from cloud.api.guard import Public, ServiceDep
from cloud.api.problem import responses

router = APIRouter(prefix="/v1", tags=["door"])

_MEDIA_TYPE: Final = "application/cbor"
_CERTIFIED = Depends(Public("the listener admits nobody without a device certificate"))


@router.get(
    "/documents/{sha256}",
    dependencies=[_CERTIFIED],
    response_class=Response,
    responses={
        200: {"description": "The document's bytes.", "content": {_MEDIA_TYPE: {}}},
        **responses("request.not-found", "request.invalid", "database.unreachable"),
    },
)
def get_document(
    service: ServiceDep, sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
) -> Response:
    """A document that an offer named by its hash."""
    with service.as_owner() as connection:
        _, content = fleet.document(connection, bytes.fromhex(sha256))
    return Response(content, media_type=_MEDIA_TYPE)
