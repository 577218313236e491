"""Who works at this site, and who is signed in at which device."""

from edge.people.book import Known, enter, known_person
from edge.people.desk import Browser, Desk, TooManyTriesError
from edge.people.sessions import SignedIn, demand_operator, leave, operator_of, signed_in

__all__ = [
    "Browser",
    "Desk",
    "Known",
    "SignedIn",
    "TooManyTriesError",
    "demand_operator",
    "enter",
    "known_person",
    "leave",
    "operator_of",
    "signed_in",
]
