"""What a label says, by the GS1 General Specifications.

One function reads any scan: :func:`read`. It accepts GTIN-8/12/13/14, SSCC-18, element strings
(with or without AIM identifier, FNC1 as GS, or typed with brackets) and Digital Link URIs; every
other text is ``plain`` and may name an item or a location. Syntax, application identifiers and
check digits come from biip; what a scanner does to them on the way is judged here.

It never repairs: the raw string and the AIM identifier are kept, doubt becomes a warning code.
"""

from shared.gs1.digits import check_digit, is_valid, with_check_digit
from shared.gs1.reading import Kind, Scanned, read

__all__ = ["Kind", "Scanned", "check_digit", "is_valid", "read", "with_check_digit"]
