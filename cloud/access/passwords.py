"""Which passwords will do, by NIST SP 800-63B (revision 4, 3.1.1.2). Pure.

Long, because it is the only factor here; no rules of composition and no expiry, which make people
choose worse. What many others chose, or what stands in the account's own name, is refused.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Final

from shared.errors import QuartermasterError

SHORTEST: Final = 15
LONGEST: Final = 256
_WORDS: Final = """
password passwort pass word wachtwoord motdepasse contrasena secret geheim login admin
administrator root user guest test demo welcome willkommen letmein changeme change me master access
superman batman dragon monkey shadow sunshine princess football baseball soccer hockey iloveyou
love trustno starwars pokemon michael jordan ashley charlie jennifer summer winter spring autumn
january february march april june july august september october november december monday friday
company office warehouse inventory stock quartermaster scanner gateway qwertyuiop qwertzuiop
azertyuiop asdfghjkl zxcvbnm yxcvbnm qwerty qwertz azerty asdf zxcv qazwsx hello whatever default
temp computer internet server samsung google facebook correct horse battery staple
"""
_COMMON: Final = re.compile("|".join(sorted(_WORDS.split(), key=len, reverse=True)))
"""What the most used passwords are made of."""
_LEAST_OWN: Final = 6
"""So many letters must remain when all of that is taken away."""
_LOOK_ALIKES: Final = str.maketrans("@$", "as")
_DIGITS: Final = str.maketrans("013457", "oieast")


def prepared(password: str) -> str:
    """A password as it is hashed: the same on every keyboard that composes it otherwise.

    Raises:
        QuartermasterError: ``request.invalid`` for what no hash takes, or more than 256 characters.
    """
    try:
        text = unicodedata.normalize("NFKC", password)
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise QuartermasterError("request.invalid", "is no text", where="password") from None
    if len(text) > LONGEST:
        raise QuartermasterError(
            "request.invalid", f"at most {LONGEST} characters", where="password"
        )
    return text


def refuse_guessable(password: str, *, account: str, name: str) -> None:
    """Refuse a prepared password that is too short or that many would try.

    Raises:
        QuartermasterError: ``request.invalid``, saying what is wrong with it, never the password.
    """
    if len(password) < SHORTEST:
        raise QuartermasterError(
            "request.invalid",
            f"at least {SHORTEST} characters; a few unrelated words are easy to remember",
            where="password",
        )
    folded = password.casefold().translate(_LOOK_ALIKES)
    for own in re.findall(r"[a-z]{3,}", f"{account} {name}".casefold()):
        folded = folded.replace(own, "")
    if min(_own(folded), _own(folded.translate(_DIGITS))) < _LEAST_OWN:
        raise QuartermasterError(
            "request.invalid",
            "made of what is tried first: common words, rows of keys, your own name",
            where="password",
        )


def _own(folded: str) -> int:
    """How many different characters remain beside what is common, and rows like 1234 and aaaa."""
    left = _COMMON.sub("", folded)
    steps = [ord(after) - ord(before) for before, after in pairwise(left)]
    in_row = {
        place + offset
        for place, (step, following) in enumerate(pairwise(steps))
        if step == following and abs(step) <= 1
        for offset in range(3)
    }
    return len({character for place, character in enumerate(left) if place not in in_row})
