"""Roles say what, grants say where, and nobody approves what he proposed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.access import PERMISSIONS, ROLES, SCOPES, Caller, Role, demand_other
from cloud.access.people import caller_of
from cloud.access.roles import MACHINES_ONLY, permissions_of
from shared.errors import QuartermasterError

GRANTS = st.lists(st.tuples(st.sampled_from(ROLES), st.none() | st.integers(1, 4)), max_size=6)


def test_every_permission_is_some_roles_or_said_to_be_for_machines() -> None:
    held = frozenset[str]().union(*PERMISSIONS.values())
    assert held | MACHINES_ONLY == set(SCOPES)
    assert not held & MACHINES_ONLY


def test_who_manages_people_approves_nothing_whatever_else_he_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_approval = PERMISSIONS["buyer"] | {"purchases:approve"}
    monkeypatch.setitem(PERMISSIONS, "buyer", with_approval)
    assert "purchases:approve" in permissions_of({"buyer"})
    assert "purchases:approve" not in permissions_of({"buyer", "admin"})
    both = caller_of("p-1", "s-1", [("buyer", 1), ("admin", 2)])
    with pytest.raises(QuartermasterError, match=r"request\.forbidden"):
        both.within("purchases:approve")  # pyright: ignore[reportArgumentType]


def test_who_proposes_does_not_approve_be_it_by_another_key_of_his() -> None:
    demand_other(Caller("p-2", "p-2", frozenset(), None, session="s"), "p-1")
    for same in (
        Caller("p-1", "p-1", frozenset(), None, session="s"),
        Caller("k2", "erp", frozenset(), None, made_by="p-1"),
    ):
        with pytest.raises(QuartermasterError) as refusal:
            demand_other(same, "p-1")
        assert refusal.value.code == "request.forbidden"


@settings(max_examples=60, deadline=None)
@given(held=GRANTS, scope=st.sampled_from(SCOPES))
def test_a_permission_holds_at_the_sites_of_the_roles_that_give_it_and_nowhere_else(
    held: list[tuple[Role, int | None]], scope: str
) -> None:
    caller = caller_of("p-1", "s-1", held)
    giving = [site for role, site in held if scope in PERMISSIONS[role]]
    if scope == "self" and not held:
        assert caller.within("self").sites == frozenset()
    elif not giving:
        with pytest.raises(QuartermasterError):
            caller.within(scope)  # pyright: ignore[reportArgumentType]
    else:
        here = caller.within(scope)  # pyright: ignore[reportArgumentType]
        assert here.sites == (None if None in giving else frozenset(giving))
