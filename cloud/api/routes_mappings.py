"""Saved mappings of other systems' columns: listed, shown in any version, saved, removed."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from cloud import catalog, tables
from cloud.access import Caller
from cloud.api.guard import ReadCaller, Requires, ServiceDep
from cloud.api.paging import Cursor, Page
from cloud.api.problem import responses
from cloud.api.routes_trade import for_all_sites
from cloud.api.shapes import moment
from cloud.api.shapes_mappings import (
    MappingFilter,
    MappingName,
    MappingShape,
    SavedMapping,
    VersionAsked,
)
from cloud.feeds import tables as files

_MAPPINGS: Final = Cursor("mappings", "text")
Writer = Annotated[Caller, Depends(Requires("catalog:write"))]

router = APIRouter(prefix="/v1", tags=["catalog"])

_LIST: Final = responses(
    "request.invalid", "request.unauthenticated", "request.forbidden", "database.unreachable"
)
_ONE: Final = responses(
    "request.invalid",
    "request.unauthenticated",
    "request.forbidden",
    "request.not-found",
    "database.unreachable",
)


@router.get("/mappings", responses=_LIST)
def get_mappings(
    caller: ReadCaller, service: ServiceDep, asked: Annotated[MappingFilter, Query()]
) -> Page[SavedMapping]:
    """The mappings that stand, by name. The key must be for all sites."""
    for_all_sites(caller)
    after = _MAPPINGS.read(asked.cursor)
    with service.transaction() as connection:
        found = tables.all_saved(
            connection,
            kind=asked.kind,
            after=str(after[0]) if after else None,
            limit=asked.limit + 1,
        )
    keyed = [(SavedMapping.of(one), (one.name,)) for one in found]
    items, following = _MAPPINGS.page(keyed, asked.limit)
    return Page(items=items, next=following)


@router.get("/mappings/{name}", responses=_ONE)
def get_mapping(
    caller: ReadCaller,
    service: ServiceDep,
    name: Annotated[MappingName, Path()],
    asked: Annotated[VersionAsked, Query()],
) -> SavedMapping:
    """A mapping as it stands, or as one version had it. The key must be for all sites."""
    for_all_sites(caller)
    with service.transaction() as connection:
        return SavedMapping.of(tables.saved(connection, name, version=asked.version))


@router.put("/mappings/{name}", responses=_LIST)
def put_mapping(
    caller: Writer,
    service: ServiceDep,
    name: Annotated[MappingName, Path()],
    body: MappingShape,
) -> SavedMapping:
    """Save a mapping under a name: a new version, unless it stands so already.

    The key must be for all sites.
    """
    for_all_sites(caller)
    mapping = body.mapping()
    check = files.check if mapping.kind in files.KINDS else catalog.check_mapping
    check(mapping)
    at = moment(service.clock.now())
    with service.transaction() as connection:
        return SavedMapping.of(tables.save(connection, name, mapping, by=caller.name, at=at))


@router.delete("/mappings/{name}", status_code=204, responses=_ONE)
def delete_mapping(
    caller: Writer, service: ServiceDep, name: Annotated[MappingName, Path()]
) -> Response:
    """Take a mapping out of use; its versions stay. The key must be for all sites."""
    for_all_sites(caller)
    at = moment(service.clock.now())
    with service.transaction() as connection:
        tables.remove(connection, name, by=caller.name, at=at)
    return Response(status_code=204)
