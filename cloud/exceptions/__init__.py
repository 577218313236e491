"""What a person should look at: raised once, counted while open, closed by a person.

An exception here is a case, not a Python exception: a fork, a bad signature, a count that differs.
"""

from cloud.exceptions.model import CASE_KEY, Case
from cloud.exceptions.service import case, cases, close, earlier, open_cases, raise_exception

__all__ = [
    "CASE_KEY",
    "Case",
    "case",
    "cases",
    "close",
    "earlier",
    "open_cases",
    "raise_exception",
]
