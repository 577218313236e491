"""The closed catalogue of error codes.

Every refusal in Quartermaster, on the floor, on the wire or in the API, carries one of these
codes, one sentence that a person understands and one that says what to do. Codes are stable:
scripts and runbooks quote them. The HTTP face (RFC 9457) is rendered at the rim from the same
entry; there is no second list.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args

Code = Literal[
    "scan.malformed",
    "scan.empty",
    "scan.too-long",
    "scan.id-reused",
    "scan.other-device",
    "scan.quantity",
    "scan.unknown-item",
    "scan.unknown-location",
    "scan.location-missing",
    "scan.no-catalog",
    "scan.item-removed",
    "scan.reason-missing",
    "scan.large-quantity",
    "scan.negative-on-hand",
    "scan.expired",
    "scan.near-expiry",
    "scan.device-clock",
    "scan.fefo",
    "scan.held",
    "scan.expiry-differs",
    "scan.unknown-unit",
    "scan.unit-elsewhere",
    "scan.unit-step",
    "task.unknown",
    "task.closed",
    "task.step",
    "task.wrong-item",
    "task.wrong-location",
    "task.wrong-lot",
    "task.over",
    "task.over-receipt",
    "task.incomplete",
    "undo.unknown",
    "undo.already",
    "undo.too-late",
    "undo.foreign",
    "undo.moved-on",
    "exception.photo",
    "exception.closed",
    "input.unbound",
    "input.revoked",
    "input.connections",
    "input.unfinished",
    "sensor.malformed",
    "sensor.undeclared",
    "sensor.unit",
    "sensor.range",
    "gs1.check-digit",
    "gs1.syntax",
    "gs1.lost-separator",
    "people.unknown-badge",
    "people.wrong-secret",
    "people.too-many-tries",
    "people.none-known",
    "people.not-signed-in",
    "people.operator-needed",
    "people.secret-needed",
    "people.break-glass",
    "people.session",
    "people.provider",
    "people.no-role",
    "payload.too-large",
    "payload.too-deep",
    "payload.malformed",
    "request.invalid",
    "request.not-found",
    "request.unauthenticated",
    "request.forbidden",
    "request.form",
    "request.conflict",
    "request.method",
    "request.too-many",
    "stock.gateway-owns",
    "stock.contradicts",
    "stock.differs",
    "stock.undone",
    "transit.unknown",
    "transit.closed",
    "transit.over",
    "transit.overdue",
    "transit.short",
    "changes.cursor",
    "webhook.target",
    "webhook.unsigned",
    "webhook.stale",
    "webhook.missed",
    "webhook.gone",
    "webhook.given-up",
    "segment.malformed",
    "segment.too-large",
    "segment.signature",
    "segment.foreign",
    "segment.chain",
    "segment.link",
    "segment.fork",
    "segment.epoch",
    "event.malformed",
    "event.unknown-version",
    "event.unknown-type",
    "event.unknown-item",
    "event.unknown-location",
    "event.duplicate-scan",
    "count.mismatch",
    "count.recount",
    "count.not-found",
    "count.moved",
    "count.crossed",
    "count.unsettled",
    "count.disputed",
    "purchase.document",
    "purchase.unknown-supplier",
    "purchase.unknown-order",
    "purchase.terms",
    "purchase.ended",
    "purchase.kept-elsewhere",
    "purchase.stale",
    "purchase.key-missing",
    "purchase.key-reused",
    "purchase.confirmed-less",
    "purchase.price",
    "purchase.shipped-more",
    "purchase.invoiced-more",
    "purchase.receipt-differs",
    "purchase.over",
    "purchase.short",
    "purchase.damaged",
    "purchase.wrong-item",
    "purchase.late",
    "lease.not-free",
    "lease.exceeded",
    "lease.exhausted",
    "reservation.not-free",
    "reservation.over",
    "reservation.key-reused",
    "decision.diverged",
    "decision.shadow",
    "decision.overridden",
    "gateway.unknown",
    "gateway.revoked",
    "gateway.name",
    "gateway.exists",
    "gateway.not-enrolled",
    "gateway.door-authority",
    "enrol.token",
    "enrol.too-many-tries",
    "enrol.proof",
    "enrol.fingerprint",
    "renew.proof",
    "renew.too-late",
    "epoch.proof",
    "epoch.undecided",
    "epoch.opened",
    "epoch.events-lost",
    "epoch.contradicted",
    "pair.code",
    "pair.too-many-tries",
    "pki.exists",
    "downlink.malformed",
    "downlink.signature",
    "downlink.foreign",
    "downlink.expired",
    "downlink.rollback",
    "downlink.base",
    "downlink.hash",
    "catalog.file",
    "catalog.row",
    "catalog.cycle",
    "document.file",
    "document.row",
    "demand.file",
    "demand.row",
    "order.unnumbered",
    "order.differs",
    "order.over-shipped",
    "order.cancelled-shipped",
    "order.unresolved",
    "order.awaited",
    "order.ambiguous-number",
    "feed.unknown",
    "feed.off",
    "feed.exists",
    "feed.secret",
    "feed.wrong-sender",
    "feed.key-reused",
    "feed.content",
    "feed.document",
    "feed.unknown-item",
    "feed.item-contradicts",
    "feed.unit",
    "feed.unknown-site",
    "feed.too-early",
    "feed.unrouted",
    "feed.silent",
    "feed.stale-items",
    "feed.missed",
    "feed.source",
    "settings.invalid",
    "settings.safe-mode",
    "backup.unverified",
    "backup.foreign",
    "backup.loses",
    "gateway.in-use",
    "broker.unreachable",
    "broker.refused",
    "database.unreachable",
    "database.schema",
    "database.slow",
    "cloud.unreachable",
    "clock.ahead",
    "clock.behind",
    "disk.full",
    "disk.low",
    "disk.scarce",
    "store.damaged",
    "store.failed",
    "camera.unreadable",
    "camera.frozen",
    "camera.black",
    "camera.worker",
    "camera.memory",
    "model.card",
    "model.missing",
    "model.untrusted",
    "model.shape",
    "model.scores",
    "model.few-labels",
    "model.parity",
    "model.worse",
    "slot.invalid",
    "slot.unseen",
    "file.unreadable",
    "program.missing",
    "program.failed",
    "program.extra",
    "x12.envelope",
    "x12.set",
    "x12.partner",
    "x12.duplicate",
    "x12.sequence",
    "x12.rejected",
    "x12.unanswered",
    "x12.profile",
    "x12.unwritable",
    "internal.unexpected",
]


class Entry(NamedTuple):
    """One catalogue entry: the HTTP status it maps to, what is wrong, what to do."""

    status: int
    says: str
    do: str


CATALOGUE: Final[dict[Code, Entry]] = {
    "scan.malformed": Entry(
        422, "The scan could not be understood.", "Scan the label again or enter the code by hand."
    ),
    "scan.empty": Entry(422, "The scan holds no characters.", "Scan the label again."),
    "scan.too-long": Entry(
        422,
        "The scan is longer than any label this site uses.",
        "Check that one label at a time is read and that the scanner sends its suffix.",
    ),
    "scan.id-reused": Entry(
        409,
        "This scan id was already used for a different scan.",
        "Update the scanner app: each pull of the trigger needs an id of its own.",
    ),
    "scan.other-device": Entry(
        403,
        "This scan names another device than the one that sent it.",
        "Pair this device under the name that it uses, or have it send none.",
    ),
    "scan.quantity": Entry(
        422,
        "The quantity must be a whole number within the allowed range.",
        "Correct the quantity and scan again.",
    ),
    "scan.unknown-item": Entry(
        422,
        "No item in the catalog carries this code.",
        "Set the goods aside and report the code to a planner.",
    ),
    "scan.unknown-location": Entry(
        422,
        "This site has no location with this code.",
        "Scan the location label again or ask for the location to be added to the catalog.",
    ),
    "scan.location-missing": Entry(
        422, "This step needs a location.", "Scan the location label, then the goods."
    ),
    "scan.no-catalog": Entry(
        503,
        "The gateway has not received its catalog yet.",
        "Connect the gateway to the cloud once; scanning starts by itself.",
    ),
    "scan.item-removed": Entry(
        422,
        "The item has been taken out of the catalog.",
        "Set the goods aside and ask a planner.",
    ),
    "scan.reason-missing": Entry(
        422, "This step needs a reason.", "Say in a few words why, and scan again."
    ),
    "scan.large-quantity": Entry(
        422,
        "The quantity is unusually large.",
        "Check it; if it is wrong, adjust it with a reason.",
    ),
    "scan.negative-on-hand": Entry(
        422,
        "More was taken from here than is on record here.",
        "Count this location: something was received or moved without a scan.",
    ),
    "scan.expired": Entry(
        422, "The goods are past their expiry date.", "Set them aside in quarantine."
    ),
    "scan.near-expiry": Entry(
        422, "The goods expire soon.", "Use them first and tell the shift lead."
    ),
    "scan.device-clock": Entry(
        422,
        "The scanner's clock is far off: the gateway's own time was used.",
        "Set the scanner's clock, or have it set by the network.",
    ),
    "scan.fefo": Entry(
        422,
        "Another lot of this item here expires earlier.",
        "Put this one back and take the lot named here.",
    ),
    "scan.held": Entry(
        422,
        "These goods are held back: nobody may take them.",
        "Leave them where they are; ask the shift lead to have them inspected.",
    ),
    "scan.expiry-differs": Entry(
        422,
        "This lot came in earlier with another expiry date.",
        "Compare the labels; if they cannot both be right, set the goods aside.",
    ),
    "scan.unknown-unit": Entry(
        422,
        "Nobody has told this gateway what that pallet or parcel holds.",
        "Open it and scan the goods in it one by one.",
    ),
    "scan.unit-elsewhere": Entry(
        422,
        "That pallet or parcel is on record at another place.",
        "Scan the label of the place where it really stands, or look for its double.",
    ),
    "scan.unit-step": Entry(
        422,
        "This step is for the goods themselves, not for the pallet or parcel that holds them.",
        "Scan the goods in it one by one.",
    ),
    "task.unknown": Entry(
        404, "There is no such task here.", "Take a task from the list; this one may be gone."
    ),
    "task.closed": Entry(
        409,
        "This task has ended.",
        "Take the next task; ask the shift lead if goods are left over.",
    ),
    "task.step": Entry(
        422, "The task asks for another kind of work.", "Choose the step that the task names."
    ),
    "task.wrong-item": Entry(
        422,
        "These are not the goods that the task asks for.",
        "Put them back and take what the task names.",
    ),
    "task.wrong-location": Entry(
        422, "This is not the place that the task names.", "Go to the place named and scan there."
    ),
    "task.wrong-lot": Entry(
        422, "The task asks for another lot.", "Put these back and take the lot named."
    ),
    "task.over": Entry(
        422, "This is more than the task asks for.", "Take only what is left to do."
    ),
    "task.over-receipt": Entry(
        422,
        "More has come than was announced.",
        "Count again; if it is right, tell the planner who ordered it.",
    ),
    "task.incomplete": Entry(
        409,
        "The task is not complete yet.",
        "Do what is left, or end the task as short and say why.",
    ),
    "undo.unknown": Entry(
        404, "No scan that can be undone has this number.", "Correct it with a scan of its own."
    ),
    "undo.already": Entry(409, "This scan has been undone already.", "Nothing to do."),
    "undo.too-late": Entry(
        409,
        "This scan is too long ago to be undone.",
        "Correct it with a move or an adjustment, and say why.",
    ),
    "undo.foreign": Entry(
        403,
        "Another device made this scan.",
        "Undo it at that device, or ask an operator to do it.",
    ),
    "undo.moved-on": Entry(
        409,
        "The goods have moved on since this scan.",
        "Undo the later scans first, or correct it with a move or an adjustment.",
    ),
    "exception.photo": Entry(
        422, "The photo is no JPEG of at most 150 KiB.", "Take a smaller photo, or send none."
    ),
    "exception.closed": Entry(409, "This exception has been resolved already.", "Nothing to do."),
    "input.unbound": Entry(
        401,
        "This connection belongs to no paired device.",
        "Pair it: gateway devices add NAME --address ADDRESS; or send a first line: token TOKEN.",
    ),
    "input.revoked": Entry(
        403,
        "This device has been revoked or paired anew.",
        "Give it its new token, or have an operator pair it again.",
    ),
    "input.connections": Entry(
        429,
        "The gateway holds as many connections as it may.",
        "Close those that are not used, or raise the limit in gateway.toml.",
    ),
    "input.unfinished": Entry(
        422,
        "A code came without its end and was not taken.",
        "Set the scanner to send Enter (CR) after each code, and scan again.",
    ),
    "sensor.malformed": Entry(
        422,
        "The reading could not be understood.",
        "Send the documented fields: id, sensor, value and unit, or id and location.",
    ),
    "sensor.undeclared": Entry(
        422,
        "The gateway expects no such sensor from this device.",
        "Correct its name, or declare it in gateway.toml under [[sensor]].",
    ),
    "sensor.unit": Entry(
        422,
        "The reading is in another unit than the sensor was declared with.",
        "Send the declared unit, or correct the declaration in gateway.toml.",
    ),
    "sensor.range": Entry(
        422,
        "The reading lies outside what this sensor can measure.",
        "Check the sensor; if it is right, correct min and max in gateway.toml.",
    ),
    "gs1.check-digit": Entry(
        422,
        "The check digit is wrong: one digit was misread or mistyped.",
        "Scan the label again or type it anew.",
    ),
    "gs1.syntax": Entry(
        422,
        "The code does not follow the GS1 rules for its kind.",
        "Check the label's print; if it is a supplier's label, report it to the supplier.",
    ),
    "gs1.lost-separator": Entry(
        422,
        "The scanner seems to drop the group separator: a lot has swallowed the next field.",
        "Turn on transmission of the group separator (GS, ASCII 29) in the scanner's settings.",
    ),
    "people.unknown-badge": Entry(
        403,
        "Nobody at this site has this badge.",
        "Scan the badge again, or sign in with your code and secret.",
    ),
    "people.wrong-secret": Entry(
        403,
        "Code and secret do not belong together.",
        "Enter both again; a forgotten secret is set anew by an administrator.",
    ),
    "people.too-many-tries": Entry(
        429, "Too many wrong tries.", "Wait as long as it says here, then try again."
    ),
    "people.none-known": Entry(
        503,
        "The gateway has not received its people yet.",
        "Go on without signing in; it starts by itself once the cloud has sent them.",
    ),
    "people.not-signed-in": Entry(
        403, "Nobody is signed in at this device.", "Scan your badge, or enter code and secret."
    ),
    "people.operator-needed": Entry(
        403, "Only an operator may do this.", "Ask an operator to sign in and do it."
    ),
    "people.secret-needed": Entry(
        403,
        "A badge alone does not allow this.",
        "Sign in with your code and secret; that holds for eight hours.",
    ),
    "people.break-glass": Entry(
        403,
        "The break-glass account is in use.",
        "Find out who uses it and why; afterwards publish a new secret for it.",
    ),
    "people.session": Entry(401, "This session has ended.", "Sign in again."),
    "people.provider": Entry(
        503,
        "The identity provider cannot be reached, or its answer cannot be trusted.",
        "Try again; if it stays, an operator compares QM_OIDC_* with the provider's settings.",
    ),
    "people.no-role": Entry(
        403,
        "The identity provider knows you, but none of your groups has a role here.",
        "Ask an administrator to put you into a group that QM_OIDC_ROLES names.",
    ),
    "payload.too-large": Entry(
        413, "The message is larger than allowed.", "Send it in smaller parts."
    ),
    "payload.too-deep": Entry(
        422, "The message is nested deeper than allowed.", "Send the documented structure."
    ),
    "payload.malformed": Entry(
        422, "The message is not well formed.", "Send it as the API documentation describes."
    ),
    "request.invalid": Entry(
        422, "The request does not match the API.", "Compare it with the API documentation."
    ),
    "request.not-found": Entry(
        404, "There is nothing here with that name.", "Check the name and your access to its site."
    ),
    "request.unauthenticated": Entry(
        401, "The request carries no valid key.", "Send a valid API key as a Bearer token."
    ),
    "request.forbidden": Entry(
        403, "The key does not allow this.", "Ask an administrator for a key with this right."
    ),
    "request.form": Entry(
        403,
        "This form does not come from an open page of this console.",
        "Open the page again and repeat it there; nothing was done.",
    ),
    "request.conflict": Entry(
        409, "The request conflicts with what is already there.", "Read the current state first."
    ),
    "request.method": Entry(
        405, "This address does not take this method.", "Use one that the Allow header names."
    ),
    "request.too-many": Entry(429, "Too many requests.", "Wait a moment and try again."),
    "stock.gateway-owns": Entry(
        409,
        "A gateway tells this site's stock; nobody else changes it.",
        "Have it counted or adjusted there: a scan of the floor corrects it.",
    ),
    "stock.contradicts": Entry(
        409,
        "Something else was stated under this number before; it stands.",
        "Compare both; send the correction under a number of its own.",
    ),
    "stock.differs": Entry(
        422,
        "What another system says of a site's stock is not what the ledger has.",
        "Have the items that are named counted; then correct whichever is wrong.",
    ),
    "stock.undone": Entry(
        409,
        "This takes something back already; it is not taken back itself.",
        "Correct the stock anew.",
    ),
    "transit.unknown": Entry(
        404, "There is no such consignment.", "Look it up: GET /v1/stock/in-transit."
    ),
    "transit.closed": Entry(
        409,
        "This consignment is closed; nothing more of it arrives.",
        "Receive the goods for themselves, or correct the stock.",
    ),
    "transit.over": Entry(
        422,
        "More arrived than was on its way.",
        "Ask the sender what was shipped; count what arrived.",
    ),
    "transit.overdue": Entry(
        422,
        "Goods on their way should have arrived long ago.",
        "Ask the carrier; then receive them, or close the consignment with the reason.",
    ),
    "transit.short": Entry(
        422,
        "Not everything arrived that was on its way; the rest was written off.",
        "Claim it from the sender or the carrier.",
    ),
    "changes.cursor": Entry(
        410,
        "The log of changes does not go on from there.",
        "Read the present state, then follow the changes from now on.",
    ),
    "webhook.target": Entry(
        422,
        "Webhooks are not sent there.",
        "Name an https address of the public internet, without a password.",
    ),
    "webhook.unsigned": Entry(
        401,
        "The message is not signed with a secret that is known here.",
        "Sign it as the documentation says, with the secret agreed on.",
    ),
    "webhook.stale": Entry(
        401,
        "The message was signed too long ago.",
        "Check the sender's clock and send it again, signed anew.",
    ),
    "webhook.missed": Entry(
        410,
        "A webhook was paused so long that some changes were never told to it.",
        "Let its receiver read the present state.",
    ),
    "webhook.gone": Entry(
        410,
        "A webhook's receiver says that it is gone; nothing more is sent.",
        "Remove the webhook, or resume it when its receiver is back.",
    ),
    "webhook.given-up": Entry(
        502,
        "A webhook's receiver has not taken a message for a day.",
        "Look at its answers, then replay what was given up.",
    ),
    "segment.malformed": Entry(
        422, "The segment is not a well-formed signed segment.", "Update the gateway's software."
    ),
    "segment.too-large": Entry(
        413, "The segment is larger than 128 KiB or holds over 256 events.", "Update the gateway."
    ),
    "segment.signature": Entry(
        401,
        "The segment's signature does not match the gateway's registered key.",
        "Treat the gateway as tampered with until its key has been checked.",
    ),
    "segment.foreign": Entry(
        403,
        "The segment claims to come from another gateway than its sender.",
        "Treat the sender as tampered with: revoke it and look into it.",
    ),
    "segment.chain": Entry(
        422,
        "The events inside the segment do not form one unbroken chain.",
        "Keep the quarantined body and look into the gateway's storage.",
    ),
    "segment.link": Entry(
        409,
        "The segment does not link to its neighbour.",
        "Two copies of this gateway may be running: find the clone.",
    ),
    "segment.fork": Entry(
        409,
        "The gateway sent two different events under the same sequence number.",
        "A clone or a restored backup is at work: take the gateway into a new epoch.",
    ),
    "segment.epoch": Entry(
        409,
        "The segment belongs to an epoch that the cloud has not granted.",
        "Ask for a new epoch; nothing is lost meanwhile.",
    ),
    "event.malformed": Entry(
        422, "The event's data does not match its type.", "Update the gateway's software."
    ),
    "event.unknown-version": Entry(
        422,
        "The event's format version is not known here.",
        "Update the cloud, then replay the quarantine.",
    ),
    "event.unknown-type": Entry(
        422, "The event's type is not known here.", "Update the cloud, then replay the quarantine."
    ),
    "event.unknown-item": Entry(
        422,
        "The event names an item that the catalog does not hold.",
        "Import the item, then replay the quarantine.",
    ),
    "event.unknown-location": Entry(
        422,
        "The event names a location that the site does not have.",
        "Import the location, then replay the quarantine.",
    ),
    "event.duplicate-scan": Entry(
        409,
        "This scan was already counted under another sequence number.",
        "Nothing to do: it counts once.",
    ),
    "count.mismatch": Entry(
        409,
        "A count expected another quantity than the ledger holds at that point.",
        "Look at the location's movements on both sides; the count itself has been applied.",
    ),
    "count.recount": Entry(
        409,
        "This count is far from what is on record.",
        "Count once more from the start, best by another person.",
    ),
    "count.not-found": Entry(
        409,
        "Something that is on record here has not been counted.",
        "Look for what is named here; end the task again if it is not there.",
    ),
    "count.moved": Entry(
        409,
        "Goods were moved here after this was counted.",
        "Count this place again.",
    ),
    "count.crossed": Entry(
        409,
        "This place was counted after these goods had moved, but before that was known.",
        "Count this place again.",
    ),
    "count.unsettled": Entry(
        409,
        "Three counts of one place do not agree; the last one was taken.",
        "Have a supervisor look at the place.",
    ),
    "count.disputed": Entry(
        409,
        "What a camera saw, what was scanned and what is on record do not agree.",
        "Count the places that the count task names.",
    ),
    "purchase.document": Entry(
        422,
        "The document cannot be read as one on an order of ours.",
        "Correct what is named here and send it again.",
    ),
    "purchase.unknown-supplier": Entry(
        422,
        "There is no supplier with this name.",
        "Add the supplier to the catalog, or correct the name; then retry.",
    ),
    "purchase.unknown-order": Entry(
        422,
        "A document speaks of an order that we have not placed with its sender.",
        "Compare both; it is taken up by itself if the order still comes.",
    ),
    "purchase.terms": Entry(
        422,
        "The order does not keep to the supplier's terms.",
        "Correct the lines that are named, or order it anyway with force and a reason.",
    ),
    "purchase.ended": Entry(
        409,
        "The order, or its line, has ended: nothing more is expected of it.",
        "Place a new order for what is still needed.",
    ),
    "purchase.kept-elsewhere": Entry(
        409,
        "This order is kept by another system.",
        "Change it there; its next word on the order would undo a change made here.",
    ),
    "purchase.stale": Entry(
        412,
        "The order has changed since it was read, or the request does not say what it read.",
        "Read it again and send If-Match with its new ETag.",
    ),
    "purchase.key-missing": Entry(
        400,
        "The request has no Idempotency-Key of 1 to 80 printable characters.",
        "Send one, a new one for each order or change, and the same one when trying again.",
    ),
    "purchase.key-reused": Entry(
        409,
        "This Idempotency-Key was used for something else.",
        "Send a key of its own with each order or change.",
    ),
    "purchase.confirmed-less": Entry(
        409,
        "A supplier confirms less than was ordered.",
        "Order the rest elsewhere, or close what is not needed.",
    ),
    "purchase.price": Entry(
        409,
        "A price differs from what was ordered by more than is tolerated.",
        "Agree on the price with the supplier; correct the order or refuse the invoice.",
    ),
    "purchase.shipped-more": Entry(
        409,
        "More is announced as shipped than was ordered.",
        "Ask the supplier; refuse what is too much, or order it.",
    ),
    "purchase.invoiced-more": Entry(
        409,
        "More was invoiced than was ordered.",
        "Refuse the invoice, or order what came.",
    ),
    "purchase.receipt-differs": Entry(
        409,
        "A warehouse tells of other receipts than our gateways at the same site.",
        "Count what is there; the gateways' scans are in the ledger.",
    ),
    "purchase.over": Entry(
        409,
        "More was received than was ordered or announced.",
        "Send it back, or order it; then close the case.",
    ),
    "purchase.short": Entry(
        409,
        "Less was received than the supplier announced.",
        "Look for the rest on the dock; claim it from the supplier or the carrier.",
    ),
    "purchase.damaged": Entry(
        409,
        "Goods of an order came damaged.",
        "Claim them from the supplier or the carrier; order them again if need be.",
    ),
    "purchase.wrong-item": Entry(
        409,
        "An item that was not ordered is confirmed, shipped, received or invoiced.",
        "Send it back, or order it; look whether the catalog names it rightly.",
    ),
    "purchase.late": Entry(
        409,
        "Goods are not here on the day that was promised.",
        "Ask the supplier for a new day; buy or move what is needed sooner.",
    ),
    "lease.not-free": Entry(
        409,
        "There is not that much left to lease.",
        "Lease less, or recall what others hold: cloud leases list, cloud leases reclaim.",
    ),
    "lease.exceeded": Entry(
        409,
        "More was promised within a lease than it holds.",
        "Look at the orders that were promised to; buy or move what is missing.",
    ),
    "lease.exhausted": Entry(
        409,
        "This site may not promise that much now.",
        "Promise what remains, or ask for the rest when the cloud is back.",
    ),
    "reservation.not-free": Entry(
        409,
        "There is not that much free to reserve.",
        "Reserve less, elsewhere or something else; /v1/atp says what comes when.",
    ),
    "reservation.over": Entry(
        409,
        "The reservation has ended.",
        "Reserve again, with a new Idempotency-Key.",
    ),
    "reservation.key-reused": Entry(
        409,
        "This Idempotency-Key was used for something else.",
        "Use a new key for each new wish, and the same only to repeat it.",
    ),
    "decision.diverged": Entry(
        409,
        "A gateway decided otherwise than it should have.",
        "Compare its policy and software with the cloud's; look at what was carried out.",
    ),
    "decision.shadow": Entry(
        409,
        "Decisions of this kind are only tried out here; nothing is carried out.",
        "Decide yourself, or take the kind out of the policy's shadow list.",
    ),
    "decision.overridden": Entry(
        409,
        "Somebody has already decided otherwise.",
        "Read that decision; it stands.",
    ),
    "gateway.unknown": Entry(
        404, "No gateway is registered under this name.", "Register it first: gateways add."
    ),
    "gateway.revoked": Entry(
        403, "This gateway has been revoked.", "Enrol it anew if it is trusted again."
    ),
    "gateway.name": Entry(
        422,
        "A gateway's name is gw- followed by 1 to 48 lower-case letters, digits or hyphens.",
        "Choose such a name.",
    ),
    "gateway.exists": Entry(
        409, "A gateway with this name is already registered.", "Choose another name."
    ),
    "gateway.not-enrolled": Entry(
        409, "This gateway is not enrolled yet.", "Run: quartermaster gateway enrol."
    ),
    "gateway.door-authority": Entry(
        409,
        "This gateway vouches for itself anew: devices that trusted it before do not trust it yet.",
        "Open the installation page on each device: quartermaster gateway devices pair shows it.",
    ),
    "enrol.token": Entry(
        403,
        "The enrolment token is wrong, used up or expired.",
        "Issue a new one: quartermaster cloud gateways token.",
    ),
    "enrol.too-many-tries": Entry(
        429,
        "Too many wrong tries: this gateway's enrolment token is locked.",
        "Issue a new token and look into who tried.",
    ),
    "enrol.proof": Entry(
        403,
        "The request is not signed by the keys that it names.",
        "Run the enrolment again on the gateway itself.",
    ),
    "enrol.fingerprint": Entry(
        403,
        "The cloud's certificate authority does not match the fingerprint on the enrolment slip.",
        "Check address and slip; if both are right, somebody sits in between.",
    ),
    "renew.proof": Entry(
        403,
        "The renewal is not signed by the gateway's current keys.",
        "Enrol the gateway anew with a fresh token.",
    ),
    "renew.too-late": Entry(
        403,
        "The certificate expired more than 90 days ago.",
        "Enrol the gateway anew with a fresh token.",
    ),
    "epoch.proof": Entry(
        403,
        "The wish for a new epoch is not signed by the gateway's current keys.",
        "Enrol the gateway anew with a fresh token.",
    ),
    "epoch.undecided": Entry(
        409,
        "The gateway's history contradicts the cloud's: a person decides on a new epoch.",
        "Find the clone or the restored backup, then run: quartermaster cloud gateways epoch.",
    ),
    "epoch.opened": Entry(
        409,
        "The gateway could not go on with its database and works in a new epoch.",
        "Compare its last scans with the floor: what had not been sent may be lost.",
    ),
    "epoch.events-lost": Entry(
        409,
        "The gateway has lost recorded events before they were sent, and says which.",
        "Count what was worked on then; the site's completeness lists the ranges as explained.",
    ),
    "epoch.contradicted": Entry(
        409,
        "A head that the cloud countersigned is not in the gateway's own history.",
        "One side was altered or restored: run quartermaster cloud gateways heads, keep both.",
    ),
    "pair.code": Entry(
        403,
        "This pairing code is wrong, used up or older than ten minutes.",
        "Have a new one shown: quartermaster gateway devices pair NAME.",
    ),
    "pair.too-many-tries": Entry(
        429,
        "Too many wrong tries: this pairing code is locked.",
        "Have a new one shown, and ask who tried.",
    ),
    "pki.exists": Entry(
        409,
        "There is something in the PKI's folder already; authorities are never overwritten.",
        "Use it as it is, or name another folder.",
    ),
    "downlink.malformed": Entry(
        422, "The cloud's document is not well formed.", "The last good one stays in force."
    ),
    "downlink.signature": Entry(
        401,
        "The document is not signed by the cloud.",
        "The last good one stays in force; look into the broker.",
    ),
    "downlink.foreign": Entry(
        403, "The document is meant for another gateway.", "The last good one stays in force."
    ),
    "downlink.expired": Entry(
        409, "The document's time has run out.", "The last good one stays in force."
    ),
    "downlink.rollback": Entry(
        409,
        "The document is older than the one in force.",
        "The last good one stays in force; look into who replays old documents.",
    ),
    "downlink.base": Entry(
        409,
        "The change does not start from the version in force here.",
        "The gateway asks for a full snapshot by itself.",
    ),
    "downlink.hash": Entry(
        422,
        "The fetched document is not the one that the cloud announced.",
        "The last good one stays in force; it is fetched again by itself.",
    ),
    "catalog.file": Entry(
        422, "The file cannot be read as a catalog table.", "Compare it with the template."
    ),
    "catalog.row": Entry(
        422, "Some rows of the file cannot be used.", "Correct the rows named and import again."
    ),
    "catalog.cycle": Entry(
        422,
        "An item would be part of itself.",
        "Take one of the components on the path out of its bill, or remove that bill's version.",
    ),
    "document.file": Entry(
        422,
        "The file cannot be read as people or a plan.",
        "Compare it with the example in firmware_config.",
    ),
    "document.row": Entry(
        422, "Some entries of the file cannot be used.", "Correct those named and publish again."
    ),
    "order.unnumbered": Entry(
        422,
        "A document of a customer's order names no order.",
        "Have its source send the order's number with it.",
    ),
    "order.differs": Entry(
        409,
        "Sources say different things of one customer's order.",
        "Find out which is right and have the other corrected; this closes once they agree.",
    ),
    "order.over-shipped": Entry(
        409,
        "More left for a customer's order than was ordered.",
        "Compare order and shipment; call the surplus back or have the order changed.",
    ),
    "order.cancelled-shipped": Entry(
        409,
        "Goods of a customer's order left although it was cancelled.",
        "Call the parcel back, or have the order taken up again.",
    ),
    "order.awaited": Entry(
        404,
        "Goods left or came back for a customer's order that no feed has told of for a day.",
        "Find out which order it is; this closes when its feed tells of it.",
    ),
    "order.ambiguous-number": Entry(
        409,
        "Several customers' orders of one feed quote a number that no feed has as its own.",
        "Have the feed leave it out, or its owner's feed tell of it; until then it joins nothing.",
    ),
    "order.unresolved": Entry(
        404,
        "A customer's order names an item or a site that the catalog does not hold.",
        "Add it to the catalog, or map the feed's code; the order is then looked at again.",
    ),
    "demand.file": Entry(
        422,
        "The file is not a demand table with item, date and units.",
        "Name its columns with --columns, or point to another file.",
    ),
    "demand.row": Entry(
        422,
        "Some rows of the demand table cannot be used.",
        "Correct the rows named, or leave them out with --skip-broken.",
    ),
    "feed.unknown": Entry(
        404,
        "There is no feed with this name.",
        "Check the address; quartermaster cloud feeds list.",
    ),
    "feed.off": Entry(
        409,
        "This feed is switched off: nothing is taken from it.",
        "Switch it on: quartermaster cloud feeds switch CODE on.",
    ),
    "feed.exists": Entry(
        409, "There is a feed with this name already.", "Choose another name, or change that one."
    ),
    "feed.secret": Entry(
        503,
        "This feed's secret is not there, so nobody can prove to be its sender.",
        "Put it into the folder QM_FEED_SECRETS, in a file named as the feed.",
    ),
    "feed.wrong-sender": Entry(
        403, "The delivery comes from another shop than this feed's.", "Correct the address."
    ),
    "feed.key-reused": Entry(
        409,
        "Something else has come under this number before.",
        "Send it again under a number of its own.",
    ),
    "feed.content": Entry(
        422, "The delivery cannot be read.", "Correct what is named here and send it again."
    ),
    "feed.document": Entry(
        422,
        "The documents do not have their form.",
        "Correct the fields that are named; nothing was taken.",
    ),
    "feed.unknown-item": Entry(
        422,
        "No item of ours is known by what the delivery calls it.",
        "Add the item, or say what the code means: quartermaster cloud feeds map; then retry.",
    ),
    "feed.item-contradicts": Entry(
        422,
        "The names that the delivery gives an item belong to different items of ours.",
        "Correct the catalog, the feed's mapping or the other system; then retry.",
    ),
    "feed.unit": Entry(
        422,
        "Nothing says how many base units this unit holds.",
        "Give the item a pack of this level, or have the sender name a trade item number.",
    ),
    "feed.unknown-site": Entry(
        422,
        "No site of ours is known by what the delivery calls it.",
        "Add it to the feed's settings or to the catalog; then retry.",
    ),
    "feed.too-early": Entry(
        409,
        "This speaks of something that has not arrived yet.",
        "Nothing: it is tried again by itself; look at it if it stays for a day.",
    ),
    "feed.unrouted": Entry(
        422,
        "Nothing here takes this kind of document yet.",
        "Nothing: it is kept, and taken up by the version that knows it.",
    ),
    "feed.silent": Entry(
        422,
        "A feed has been silent for longer than it should.",
        "Look whether the other system still sends, and to the right address.",
    ),
    "feed.stale-items": Entry(
        422,
        "Of important items a feed has said nothing for a day.",
        "Look whether they are still sold or kept there, and whether the feed leaves them out.",
    ),
    "feed.missed": Entry(
        422,
        "Reconciliation found what no delivery had brought; it has been applied.",
        "Nothing, if it is rare; otherwise look at the sender's log of failed deliveries.",
    ),
    "feed.source": Entry(
        502,
        "The other system does not answer as it should.",
        "Nothing: it is asked again; check its address and the access token if it stays.",
    ),
    "settings.invalid": Entry(
        500, "A setting is missing or wrong.", "Correct the setting named and start again."
    ),
    "settings.safe-mode": Entry(
        500,
        "The gateway runs in safe mode: its own settings cannot be used.",
        "Correct what is named (quartermaster gateway config check); it is then taken by itself.",
    ),
    "backup.unverified": Entry(
        422,
        "The backup is not whole: it is not used.",
        "Use another backup; or make one anew, after quartermaster gateway scrub.",
    ),
    "backup.foreign": Entry(
        409,
        "The backup is of another gateway.",
        "Use a backup of this gateway, or say --other-gateway if it shall take its place.",
    ),
    "backup.loses": Entry(
        409,
        "Events that the cloud does not have would be lost.",
        "Start the gateway and let it send them first; or say --force to give them up.",
    ),
    "gateway.in-use": Entry(
        409,
        "The gateway's data folder is in use.",
        "Stop the gateway (systemctl stop quartermaster-gateway), or wait for the other command.",
    ),
    "broker.unreachable": Entry(
        503, "The broker cannot be reached.", "Check that mosquitto runs and its address is right."
    ),
    "broker.refused": Entry(
        503,
        "The broker refuses this certificate.",
        "Check the certificate's date and that it is not revoked; renew it.",
    ),
    "database.unreachable": Entry(
        503,
        "The database cannot be reached.",
        "Check that PostgreSQL runs and QM_DATABASE_URL is right.",
    ),
    "database.schema": Entry(
        503,
        "The database's tables do not match this version.",
        "Run: quartermaster cloud migrate.",
    ),
    "database.slow": Entry(
        503,
        "The database took too long over this.",
        "Ask for less at a time, or try again when it has less to do.",
    ),
    "cloud.unreachable": Entry(
        503,
        "The cloud cannot be reached.",
        "Check the address and the network; the floor keeps working.",
    ),
    "clock.ahead": Entry(
        500,
        "The gateway's own clock is ahead: the cloud's time is used.",
        "Set its clock, e.g. with a time service; until then new certificates may be refused.",
    ),
    "clock.behind": Entry(
        500,
        "The gateway's own clock is behind what has certainly passed: it is lifted to that.",
        "Set its clock, e.g. with a time service: it may refuse the cloud's certificate.",
    ),
    "disk.full": Entry(
        507,
        "The gateway's disk is full: the scan was not saved.",
        "Write the scan down; free space or connect the gateway to the cloud.",
    ),
    "disk.low": Entry(
        507,
        "The gateway's disk is filling up.",
        "Connect the gateway to the cloud, or free space.",
    ),
    "disk.scarce": Entry(
        507,
        "The gateway's disk is nearly full: what cameras and sensors see is no longer recorded.",
        "Free space or connect the gateway to the cloud before scans are refused, too.",
    ),
    "store.damaged": Entry(
        507,
        "The gateway's database gave back something else than was written: it was set aside.",
        "Count what the gap names; replace the disk; then delete the files set aside.",
    ),
    "store.failed": Entry(
        507,
        "The gateway's own database could not be used: nothing was saved.",
        "Write the scan down and run: quartermaster doctor.",
    ),
    "camera.unreadable": Entry(
        503, "The camera gives no picture.", "Check its cable, address and password."
    ),
    "camera.frozen": Entry(
        503,
        "The camera gives the same picture over and over.",
        "Look at what it shows; cut its power for a moment.",
    ),
    "camera.black": Entry(
        503,
        "The camera gives a black picture.",
        "Switch on the light, or free its lens.",
    ),
    "camera.worker": Entry(
        503,
        "The process that looks at the camera ended or hung: it is started again.",
        "Where it comes back, send the gateway's log to support.",
    ),
    "camera.memory": Entry(
        503,
        "There is too little shared memory for the camera's picture.",
        "Make /dev/shm larger: in a container with --shm-size.",
    ),
    "model.card": Entry(
        500, "A model has no card that can be read.", "Install this version again; see its log."
    ),
    "model.missing": Entry(
        501,
        "Print on labels cannot be read here: what reads it is not installed.",
        "Install quartermaster with its extra: quartermaster[edge,ocr].",
    ),
    "model.untrusted": Entry(
        500,
        "A model's file is not the one that its card names: it is not used.",
        "Install this version again, or send the model again.",
    ),
    "model.shape": Entry(
        500,
        "A model does not fit what it is used for: it is not used.",
        "Install the model that belongs to this version, or train it again.",
    ),
    "model.scores": Entry(
        500,
        "A model answered with something that is no number: the answer is not used.",
        "If this comes again, install this version again, or train the model again.",
    ),
    "model.few-labels": Entry(
        409,
        "There are too few labels to train this head.",
        "Label more crops of each class at the consoles; cloud vision labels counts them.",
    ),
    "model.parity": Entry(
        500,
        "The exported head does not say what the trained one says: it is not used.",
        "Train it again; if it stays, report the versions of scikit-learn and skl2onnx.",
    ),
    "model.worse": Entry(
        409,
        "The retrained head is worse than the one in force, by more than chance explains.",
        "Look at the labels, or gather more; --force keeps it all the same.",
    ),
    "slot.invalid": Entry(
        422,
        "The slot cannot be looked at as it was drawn.",
        "Draw its corners in turn around it, on a picture on which it is empty or full.",
    ),
    "slot.unseen": Entry(
        409,
        "The camera does not see the slot now.",
        "Wait until it does, then keep the slot: your drawing is still there.",
    ),
    "file.unreadable": Entry(
        422, "The file cannot be read.", "Check the path and that the file is not damaged."
    ),
    "program.missing": Entry(
        500,
        "A program that this needs is not installed.",
        "Run deploy/install/system-packages.sh and make install, then try again.",
    ),
    "program.failed": Entry(
        500, "A program that this needs does not start or has stopped.", "Read its log, named here."
    ),
    "program.extra": Entry(
        500,
        "This part of Quartermaster is not installed on this machine.",
        "Install it: pip install 'quartermaster[PART]', with the part named here.",
    ),
    "x12.envelope": Entry(
        422,
        "The X12 interchange's envelope is broken; nothing of it was applied.",
        "Show the sender what x12 check says of the file, and have it sent anew.",
    ),
    "x12.set": Entry(
        422,
        "An X12 transaction set was refused as a whole; the sender was told by a 997.",
        "Show the sender what x12 check says of it, and have it corrected and sent anew.",
    ),
    "x12.partner": Entry(
        403,
        "No X12 partner with these addresses (ISA05 to ISA08) is known.",
        "Check the file; if it is right, add the partner: cloud x12 partners add.",
    ),
    "x12.duplicate": Entry(
        409,
        "The partner used this interchange control number before, for something else.",
        "Have it sent anew under a number of its own; nothing of it was applied.",
    ),
    "x12.sequence": Entry(
        409,
        "A partner's interchange control numbers do not follow one another.",
        "Ask the partner for the interchanges that are named here.",
    ),
    "x12.rejected": Entry(
        422,
        "A partner has rejected what was sent to it.",
        "Read what its 997 says, correct the document and send it again.",
    ),
    "x12.unanswered": Entry(
        504,
        "A partner has not acknowledged in time what was sent to it.",
        "Ask whether it arrived; send it again if it did not.",
    ),
    "x12.profile": Entry(
        422, "The X12 partner's profile cannot be used.", "Correct the field that is named here."
    ),
    "x12.unwritable": Entry(
        422,
        "This cannot be said in X12 to this partner.",
        "Complete what is missing, or correct the partner's profile.",
    ),
    "internal.unexpected": Entry(
        500,
        "Something unexpected happened; nothing was changed.",
        "Try again; if it stays, send the reference to support.",
    ),
}

if set(CATALOGUE) != set(get_args(Code)):  # pragma: no cover - a build error, not a run-time one
    raise AssertionError(set(CATALOGUE) ^ set(get_args(Code)))


class QuartermasterError(Exception):
    """A refusal with a catalogue code.

    Args:
        code: the catalogue code.
        detail: what exactly was wrong here, with the offending value (bounded, no secrets).
        where: the field, line or file concerned.
    """

    def __init__(self, code: Code, detail: str = "", *, where: str = "") -> None:
        self.code: Code = code
        self.entry: Entry = CATALOGUE[code]
        self.detail = detail[:500]
        self.where = where[:200]
        super().__init__(code)

    def __str__(self) -> str:
        """Code, sentence, particulars and remedy on one line."""
        particulars = "; ".join(part for part in (self.where, self.detail) if part)
        middle = f" ({particulars})" if particulars else ""
        return f"{self.code}: {self.entry.says}{middle} {self.entry.do}"

    def as_dict(self) -> dict[str, str]:
        """The error as answered to scanners, files and ``--json`` (all values text)."""
        return {
            "code": self.code,
            "says": self.entry.says,
            "do": self.entry.do,
            "detail": self.detail,
            "where": self.where,
        }
