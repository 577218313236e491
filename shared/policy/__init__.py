"""The arithmetic that decides, the same code on both sides."""

from shared.policy.rules import BUILT_IN, Policy, Ruling, Step, decode_policy, from_toml_dict
from shared.policy.verdict import Facts, Notice, Verdict, judge

__all__ = [
    "BUILT_IN",
    "Facts",
    "Notice",
    "Policy",
    "Ruling",
    "Step",
    "Verdict",
    "decode_policy",
    "from_toml_dict",
    "judge",
]
