-- name: insert_decision
-- A decision, once for its key.
INSERT INTO decision (id, key, kind, subject, policy, outcome, quantity, reasons, alternatives,
                      place, task, carried_out, away_minutes, narrowed, taken_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: has_key
-- Whether this has been decided.
SELECT 1 FROM decision WHERE key = ?

-- name: times_done
-- How often a kind of thing was carried out about a subject and place since a moment.
SELECT count(*) FROM decision
WHERE kind = ? AND subject = ? AND place = ? AND taken_at >= ? AND carried_out = 1

-- name: was_overridden
-- Whether a person decided otherwise about a subject and place since a moment.
SELECT 1 FROM decision
WHERE kind = ? AND subject = ? AND place = ? AND taken_at >= ? AND overridden_at IS NOT NULL
LIMIT 1

-- name: asked_since
-- Units of all decisions of a kind, or of those about a subject, carried out since a moment.
SELECT coalesce(sum(quantity), 0) FROM decision
WHERE kind = :kind AND taken_at >= :since AND carried_out = 1
  AND (:subject IS NULL OR subject = :subject)

-- name: low_faces
-- Pick faces that hold no more than their minimum.
SELECT sku, location, minimum, maximum, reserve FROM pick_face
WHERE minimum >= (
    SELECT coalesce(sum(balance.quantity), 0) FROM balance
    WHERE balance.sku = pick_face.sku AND balance.location = pick_face.location
      AND balance.state = 0
)
ORDER BY sku, location LIMIT ?

-- name: decisions
-- Decisions, the newest first, before one.
SELECT id, key, kind, subject, policy, outcome, quantity, reasons, alternatives, place, task,
       carried_out, away_minutes, narrowed, taken_at, instead, why, overridden_by, overridden_at
FROM decision
WHERE taken_at >= :since AND (:kind IS NULL OR kind = :kind)
  AND (:before IS NULL OR (taken_at, id) < (:before_at, :before))
ORDER BY taken_at DESC, id DESC LIMIT :limit

-- name: decision
-- One decision.
SELECT id, key, kind, subject, policy, outcome, quantity, reasons, alternatives, place, task,
       carried_out, away_minutes, narrowed, taken_at, instead, why, overridden_by, overridden_at
FROM decision WHERE id = ?

-- name: override
-- A person decided otherwise; the first who did stands.
UPDATE decision SET instead = ?, why = ?, overridden_by = ?, overridden_at = ?
WHERE id = ? AND overridden_at IS NULL

-- name: forget_decisions
-- Decisions of long ago, a bounded number at a time.
DELETE FROM decision WHERE id IN (
    SELECT id FROM decision WHERE taken_at < ? ORDER BY taken_at LIMIT ?
)

-- name: grant_lease
-- A lease as the cloud granted it; one that is known stays as it stands.
INSERT INTO lease (code, sku, channel, quantity, committed, remaining, granted_at, not_after,
                   gateway, epoch, ended, ended_at)
VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?, '', 0)
ON CONFLICT (code) DO NOTHING

-- name: leases_in_force
-- Leases that have not ended.
SELECT code, sku, channel, quantity, committed, remaining, granted_at, not_after, gateway, epoch
FROM lease WHERE ended = '' ORDER BY code

-- name: leases_of_item
-- Leases of an item for one channel that have not ended, the first to end first.
SELECT code, sku, channel, quantity, committed, remaining, granted_at, not_after, gateway, epoch
FROM lease WHERE sku = ? AND channel = ? AND ended = '' ORDER BY not_after, code

-- name: commit_lease
-- So much more of a lease is promised.
UPDATE lease SET committed = committed + :quantity, remaining = remaining - :quantity
WHERE code = :code AND ended = '' AND remaining >= :quantity

-- name: end_lease
-- Nothing more is promised within a lease.
UPDATE lease SET ended = ?, ended_at = ? WHERE code = ? AND ended = ''

-- name: forget_leases
-- Leases of earlier epochs that ended long ago. Those of this one are kept: were one granted again
-- under its name, what was promised within it must be known.
DELETE FROM lease WHERE epoch NOT IN (0, ?) AND ended <> '' AND ended_at < ?

-- name: promise
-- What was promised to a document.
INSERT INTO promise (sku, document, promised, picked, changed_at) VALUES (?, ?, ?, 0, ?)
ON CONFLICT (sku, document) DO UPDATE
SET promised = promised + excluded.promised, changed_at = excluded.changed_at

-- name: promised_to
-- What is still to be picked for a document.
SELECT promised - picked FROM promise WHERE sku = ? AND document = ?

-- name: pick_promised
-- So much of a promise was picked.
UPDATE promise SET picked = picked + ?, changed_at = ? WHERE sku = ? AND document = ?

-- name: note_pick
-- Which scan picked it, should that be undone.
INSERT INTO promise_pick (scan, sku, document, quantity, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (scan) DO NOTHING

-- name: picked_by
-- What a scan picked of a promise.
SELECT sku, document, quantity FROM promise_pick WHERE scan = ?

-- name: forget_pick
-- It was undone.
DELETE FROM promise_pick WHERE scan = ?

-- name: outstanding
-- What is promised of an item and not yet picked.
SELECT coalesce(sum(promised - picked), 0) FROM promise WHERE sku = ?

-- name: forget_promises
-- Promises that were fulfilled long ago.
DELETE FROM promise WHERE promised = picked AND changed_at < ?

-- name: forget_picks
-- Picks of long ago: they can no longer be undone.
DELETE FROM promise_pick WHERE at < ?

-- name: decided
-- The answer already given to a request.
SELECT content, status, answer FROM decided WHERE request = ?

-- name: remember
-- The answer, for retries.
INSERT INTO decided (request, content, status, answer, answered_at) VALUES (?, ?, ?, ?, ?)

-- name: forget_decided
-- Answers of long ago, a bounded number at a time.
DELETE FROM decided WHERE request IN (
    SELECT request FROM decided WHERE answered_at < ? ORDER BY answered_at LIMIT ?
)

-- name: add_outflow
-- What left available stock in an hour.
INSERT INTO outflow (sku, hour, quantity) VALUES (?, ?, ?)
ON CONFLICT (sku, hour) DO UPDATE SET quantity = quantity + excluded.quantity

-- name: outflow
-- What left in the hours since one, and the first of them in which anything did.
SELECT coalesce(sum(quantity), 0), min(hour) FROM outflow WHERE sku = ? AND hour >= ?

-- name: items_going
-- Items that left in the hours since one.
SELECT DISTINCT sku FROM outflow WHERE hour >= ? ORDER BY sku LIMIT ?

-- name: forget_outflow
-- What left long ago.
DELETE FROM outflow WHERE hour < ?

-- name: add_count
-- What a count expected, and how far what was found is from it.
INSERT INTO count_loss (sku, day, location, counts, expected, difference)
VALUES (?, ?, ?, 1, ?, ?)
ON CONFLICT (sku, day, location) DO UPDATE
SET counts = counts + 1, expected = expected + excluded.expected,
    difference = difference + excluded.difference

-- name: losses
-- What counts since a day found of an item, by location, the greatest loss first.
SELECT location, sum(counts), sum(expected), sum(difference) FROM count_loss
WHERE sku = ? AND day >= ? GROUP BY location ORDER BY sum(difference), location

-- name: forget_losses
-- Counts of long ago.
DELETE FROM count_loss WHERE day < ?
