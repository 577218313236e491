"""The arithmetic that decides, the same code on both sides."""

from shared.policy.allocating import MAX_HELD, Allocation, Held, may_promise
from shared.policy.decision import (
    DECISION_KINDS,
    RULES,
    DecisionKind,
    Outcome,
    Part,
    Recorded,
    narrowing,
)
from shared.policy.decisions import (
    MAX_RECORDED,
    Replayed,
    decide,
    decode_input,
    encode_input,
    key_of,
    replay,
)
from shared.policy.noticing import About, Losses, PickErrors
from shared.policy.replenishing import MAX_RESERVES, Replenishment, Reserve
from shared.policy.routing import MAX_PLACES, Place, Routing
from shared.policy.rules import BUILT_IN, Policy, Ruling, Step, decode_policy, from_toml_dict
from shared.policy.supplying import (
    LEAVES_TO_THE_CLOUD_MINUTES,
    Outlook,
    Request,
    missing_of,
)
from shared.policy.verdict import Facts, Notice, Verdict, judge

__all__ = [
    "BUILT_IN",
    "DECISION_KINDS",
    "LEAVES_TO_THE_CLOUD_MINUTES",
    "MAX_HELD",
    "MAX_PLACES",
    "MAX_RECORDED",
    "MAX_RESERVES",
    "RULES",
    "About",
    "Allocation",
    "DecisionKind",
    "Facts",
    "Held",
    "Losses",
    "Notice",
    "Outcome",
    "Outlook",
    "Part",
    "PickErrors",
    "Place",
    "Policy",
    "Recorded",
    "Replayed",
    "Replenishment",
    "Request",
    "Reserve",
    "Routing",
    "Ruling",
    "Step",
    "Verdict",
    "decide",
    "decode_input",
    "decode_policy",
    "encode_input",
    "from_toml_dict",
    "judge",
    "key_of",
    "may_promise",
    "missing_of",
    "narrowing",
    "replay",
]
