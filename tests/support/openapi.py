"""Whatever an OpenAPI document allows or forbids, made up and tried."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def held_to(
    operation: Any, mode: GenerationMode, headers: dict[str, str], *, examples: int
) -> bool:
    """Try an operation as the document describes it, or (negative) as it does not.

    Returns:
        Whether there was anything to try: what takes nothing cannot be asked wrongly.
    """
    takes = bool(list(operation.iter_parameters())) or bool(operation.body)
    if mode is GenerationMode.NEGATIVE and not takes:
        return False

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def every_case_holds(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    every_case_holds()
    return True


def some_of(operation: Any, examples: int) -> list[Any]:
    """Some cases of an operation as the document describes it."""
    found: list[Any] = []

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found
