-- name: insert_decision
-- A decision, once for its key.
INSERT INTO decision (id, key, kind, subject, policy, outcome, quantity, reasons, alternatives,
                      place, task, carried_out, away_minutes, narrowed, taken_at, kept_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(micros), 0) FROM age))

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
-- Units of all decisions of a kind, or of those about a subject, carried out since a moment, or in
-- the last day of this database's age: a clock that jumps makes no room below a day's ceiling.
SELECT coalesce(sum(quantity), 0) FROM decision
WHERE kind = :kind AND carried_out = 1
  AND (taken_at >= :since OR kept_at > (SELECT coalesce(max(micros), 0) FROM age) - :day)
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

-- name: put_sight
-- What a camera sees of a slot now.
INSERT INTO slot_sight (camera, slot, location, state, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (camera, slot) DO UPDATE
SET location = excluded.location, state = excluded.state, at = excluded.at

-- name: forget_sight
-- The slot is another one now, or none.
DELETE FROM slot_sight WHERE camera = ? AND slot = ?

-- name: sights_of
-- What was last told of the slots of a camera.
SELECT slot, state, at FROM slot_sight WHERE camera = ?

-- name: sights_at
-- What was last told of the slots of a location, since a moment.
SELECT state, camera, slot, at FROM slot_sight WHERE location = ? AND at >= ?

-- name: faces_at
-- The pick faces at a location.
SELECT sku, location, minimum, maximum, reserve FROM pick_face WHERE location = ? ORDER BY sku

-- name: filled_since
-- Whether it was decided since a moment to fill a face, or what was decided before was done since.
SELECT 1 FROM decision LEFT JOIN task ON task.code = decision.task
WHERE decision.kind = 'replenish' AND decision.subject = ? AND decision.place = ?
  AND decision.carried_out = 1 AND (decision.taken_at >= ? OR task.changed_at >= ?)
LIMIT 1

-- name: faces_seen
-- Pick faces of which a camera sees that little is left.
SELECT sku, location, minimum, maximum, reserve FROM pick_face
WHERE location IN (SELECT location FROM slot_sight WHERE state IN ('low', 'empty'))
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
-- Decisions past their term, a bounded number at a time.
DELETE FROM decision WHERE id IN (
    SELECT id FROM decision WHERE kept_at < ? ORDER BY kept_at LIMIT ?
)

-- name: grant_lease
-- A lease as the cloud granted it; one that is known stays as it stands.
INSERT INTO lease (code, sku, channel, quantity, committed, remaining, granted_at, not_after,
                   gateway, epoch, ended, kept_at)
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
UPDATE lease SET ended = ?, kept_at = (SELECT coalesce(max(micros), 0) FROM age)
WHERE code = ? AND ended = ''

-- name: forget_leases
-- Leases of earlier epochs that ended long ago. Those of this one are kept: were one granted again
-- under its name, what was promised within it must be known.
DELETE FROM lease WHERE epoch NOT IN (0, ?) AND ended <> '' AND kept_at < ?

-- name: promise
-- What was promised to a document.
INSERT INTO promise (sku, document, promised, picked, kept_at)
VALUES (?, ?, ?, 0, (SELECT coalesce(max(micros), 0) FROM age))
ON CONFLICT (sku, document) DO UPDATE
SET promised = promised + excluded.promised, kept_at = excluded.kept_at

-- name: promised_to
-- What is still to be picked for a document.
SELECT promised - picked FROM promise WHERE sku = ? AND document = ?

-- name: pick_promised
-- So much of a promise was picked.
UPDATE promise SET picked = picked + ?, kept_at = (SELECT coalesce(max(micros), 0) FROM age)
WHERE sku = ? AND document = ?

-- name: note_pick
-- Which scan picked it, should that be undone.
INSERT INTO promise_pick (scan, sku, document, quantity, kept_at)
VALUES (?, ?, ?, ?, (SELECT coalesce(max(micros), 0) FROM age))
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
DELETE FROM promise WHERE promised = picked AND kept_at < ?

-- name: forget_picks
-- Picks of long ago: they can no longer be undone.
DELETE FROM promise_pick WHERE kept_at < ?

-- name: age
-- How long this database has been in use: terms are counted by it.
SELECT coalesce(max(micros), 0) FROM age

-- name: decided
-- The answer already given to a request.
SELECT content, status, answer FROM decided WHERE request = ?

-- name: remember
-- The answer, for retries.
INSERT INTO decided (request, content, status, answer, kept_at)
VALUES (?, ?, ?, ?, (SELECT coalesce(max(micros), 0) FROM age))

-- name: forget_decided
-- Answers past their term, a bounded number at a time.
DELETE FROM decided WHERE request IN (
    SELECT request FROM decided WHERE kept_at < ? ORDER BY kept_at LIMIT ?
)

-- name: add_outflow
-- What left available stock in an hour.
INSERT INTO outflow (sku, hour, quantity, kept_at)
VALUES (?, ?, ?, (SELECT coalesce(max(micros), 0) FROM age))
ON CONFLICT (sku, hour) DO UPDATE SET quantity = quantity + excluded.quantity

-- name: outflow
-- What left in the hours since one, and the first of them in which anything did.
SELECT coalesce(sum(quantity), 0), min(hour) FROM outflow WHERE sku = ? AND hour >= ?

-- name: items_going
-- Items that left in the hours since one.
SELECT DISTINCT sku FROM outflow WHERE hour >= ? ORDER BY sku LIMIT ?

-- name: forget_outflow
-- What left long ago.
DELETE FROM outflow WHERE kept_at < ?

-- name: add_count
-- What a count expected, and how far what was found is from it.
INSERT INTO count_loss (sku, day, location, counts, expected, difference, kept_at)
VALUES (?, ?, ?, 1, ?, ?, (SELECT coalesce(max(micros), 0) FROM age))
ON CONFLICT (sku, day, location) DO UPDATE
SET counts = counts + 1, expected = expected + excluded.expected,
    difference = difference + excluded.difference

-- name: losses
-- What counts since a day found of an item, by location, the greatest loss first.
SELECT location, sum(counts), sum(expected), sum(difference) FROM count_loss
WHERE sku = ? AND day >= ? GROUP BY location ORDER BY sum(difference), location

-- name: forget_losses
-- Counts of long ago.
DELETE FROM count_loss WHERE kept_at < ?
