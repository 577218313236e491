"""What a person should look at: raised once, counted while open, closed by a person.

An exception here is a case, not a Python exception: a fork, a bad signature, a count that differs.
"""

from cloud.exceptions.service import Case, open_cases, raise_exception

__all__ = ["Case", "open_cases", "raise_exception"]
