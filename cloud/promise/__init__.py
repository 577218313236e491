"""What may be promised to customers, and what was: available to promise, windows, backorders."""

from cloud.promise.available import atp
from cloud.promise.looking import Availability, availability, page, promises_of, variants
from cloud.promise.model import LONGEST_HOURS, Answer, Place, Receipt, SiteAnswer, Stock
from cloud.promise.plan import Change, Promise, Shown
from cloud.promise.promising import Receivers, concerned, looked, replan
from cloud.promise.telling import Sender, ShopifyMetafields, TellingError, Webhook, tell

__all__ = [
    "LONGEST_HOURS",
    "Answer",
    "Availability",
    "Change",
    "Place",
    "Promise",
    "Receipt",
    "Receivers",
    "Sender",
    "ShopifyMetafields",
    "Shown",
    "SiteAnswer",
    "Stock",
    "TellingError",
    "Webhook",
    "atp",
    "availability",
    "concerned",
    "looked",
    "page",
    "promises_of",
    "replan",
    "tell",
    "variants",
]
