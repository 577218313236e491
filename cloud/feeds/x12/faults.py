"""What is wrong with an X12 file, as the standard numbers it and in words. Pure.

Each fault belongs to one level: the file or interchange (TA105), a functional group (AK905), a
transaction set (AK502), a segment (AK304) or an element (AK403). The acknowledgement that goes
back is written from the same records that a person is shown; there is no second judgement.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Level(StrEnum):
    """What a fault condemns, and where the standard lists its code."""

    INTERCHANGE = "TA105"
    GROUP = "AK905"
    SET = "AK502"
    SEGMENT = "AK304"
    ELEMENT = "AK403"


MEANINGS: Final[dict[Level, dict[str, str]]] = {
    Level.INTERCHANGE: {
        "001": "the control numbers in ISA13 and IEA02 differ",
        "002": "the standard in ISA11 is not known",
        "003": "this version of the controls is not known",
        "004": "the segment terminator cannot be used",
        "005": "the sender's qualifier is not valid",
        "006": "the sender's id is not valid",
        "007": "the receiver's qualifier is not valid",
        "008": "the receiver's id is not valid",
        "009": "the receiver's id is not known here",
        "010": "the authorization qualifier is not valid",
        "011": "the authorization is not valid",
        "012": "the security qualifier is not valid",
        "013": "the security information is not valid",
        "014": "the interchange's date is not valid",
        "015": "the interchange's time is not valid",
        "017": "the interchange's version is not valid",
        "018": "the interchange's control number is not valid",
        "019": "the wish for an acknowledgement (ISA14) is not valid",
        "020": "the usage indicator (ISA15) is not valid",
        "021": "the number of groups in IEA01 is not that of the groups that came",
        "022": "the control structure is broken",
        "023": "the file ends before the interchange does",
        "024": "something stands in the interchange that does not belong there",
        "025": "this interchange control number was used before, for something else",
        "026": "the element separator cannot be used",
        "027": "the component separator cannot be used",
    },
    Level.GROUP: {
        "1": "this kind of functional group is not agreed with this partner",
        "2": "this group's version is not known",
        "3": "the group's trailer (GE) is missing",
        "4": "the control numbers in GS06 and GE02 differ",
        "5": "the number of sets in GE01 is not that of the sets that came",
        "6": "the group's control number is not valid",
    },
    Level.SET: {
        "1": "this transaction set is not agreed with this partner",
        "2": "the set's trailer (SE) is missing",
        "3": "the control numbers in ST02 and SE02 differ",
        "4": "the number of segments in SE01 is not that of the segments that came",
        "5": "one or more segments are in error",
        "6": "the set's identifier is missing or not valid",
        "7": "the set's control number is missing or not valid",
    },
    Level.SEGMENT: {
        "1": "this is no segment's name",
        "2": "the segment is not expected here",
        "3": "a mandatory segment is missing",
        "5": "the segment comes more often than it may",
        "7": "the segment is not in its place",
        "8": "the segment has elements in error",
    },
    Level.ELEMENT: {
        "1": "a mandatory element is missing",
        "2": "an element is missing that another one asks for",
        "3": "there are more elements than the segment has",
        "4": "the element is too short",
        "5": "the element is too long",
        "6": "a character does not belong there",
        "7": "the value cannot be used",
        "8": "this is no date",
        "9": "this is no time",
    },
}
"""What each code says, for those that are given here (X12.5, X12.6; data elements 716, 718, 720,
723 and I18)."""


class Fault(NamedTuple):
    """One thing that is wrong, and where.

    ``number`` counts the file's segments from 1, ``position`` those of the set from ST as 1.
    A fault that does not refuse is told to the sender (accepted with errors).
    """

    level: Level
    code: str
    number: int
    segment: str = ""
    position: int = 0
    element: int = 0
    reference: int = 0
    """The data element's number in the dictionary; 0 where it is not listed here."""
    value: str = ""
    detail: str = ""
    refuses: bool = True

    @property
    def says(self) -> str:
        """In words: what, where, and with which value."""
        what = MEANINGS[self.level][self.code]
        where = f"segment {self.number}"
        if self.segment:
            where += f" ({self.segment}"
            where += f"{self.element:02d}" if self.element else ""
            where += f", number {self.position} of its set)" if self.position else ")"
        text = f"{where}: {what} [{self.level} {self.code}]"
        if self.value:
            text += f": {shown(self.value)}"
        return f"{text}; {self.detail}" if self.detail else text

    def as_dict(self) -> dict[str, object]:
        """For scripts."""
        return {
            "level": self.level.value,
            "code": self.code,
            "segment_number": self.number,
            "segment": self.segment,
            "position": self.position,
            "element": self.element,
            "value": self.value,
            "refuses": self.refuses,
            "says": self.says,
        }


class UnreadableError(Exception):
    """A set says something that cannot be taken; carries the one fault. Never leaves this room."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.says)


def shown(value: str, limit: int = 40) -> str:
    """A value as it may be quoted: bounded and printable."""
    text = value if len(value) <= limit else f"{value[:limit]}…"
    return ascii(text)
