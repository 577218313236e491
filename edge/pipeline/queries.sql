-- name: answered
-- The answer already given to a scan.
SELECT content, answer, mark FROM answered WHERE id = ?

-- name: remember
-- The answer, for retries; `answered_at` is the database's age, not a time of day.
INSERT INTO answered (id, content, answer, answered_at, mark)
VALUES (?, ?, ?, (SELECT coalesce(max(micros), 0) FROM age), ?)

-- name: forget
-- Answers past their retention, a bounded number at a time.
DELETE FROM answered WHERE rowid IN (
    SELECT rowid FROM answered WHERE answered_at < ? ORDER BY answered_at LIMIT ?
)

-- name: reading
-- What a reading was told from others by, and the number it was recorded under.
SELECT content, seq FROM reading WHERE id = ?

-- name: remember_reading
-- It has been recorded; `kept_at` is the database's age.
INSERT INTO reading (id, content, seq, kept_at)
VALUES (?, ?, ?, (SELECT coalesce(max(micros), 0) FROM age))

-- name: forget_readings
-- Readings past their retention, a bounded number at a time.
DELETE FROM reading WHERE rowid IN (
    SELECT rowid FROM reading WHERE kept_at < ? ORDER BY kept_at LIMIT ?
)

-- name: add
-- Count up a total.
INSERT INTO tally (name, total) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET total = total + excluded.total

-- name: totals
-- All totals.
SELECT name, total FROM tally

-- name: keep_effect
-- What an accepted request changed.
INSERT INTO effect (id, at, body) VALUES (?, ?, ?)

-- name: effect
-- What a request changed, when, and by which other it was taken back.
SELECT at, body, undone_by FROM effect WHERE id = ?

-- name: undone
-- It was taken back.
UPDATE effect SET undone_by = ? WHERE id = ?

-- name: latest_effects
-- What the latest requests changed.
SELECT at, body FROM effect ORDER BY rowid DESC LIMIT ?

-- name: forget_effects
-- Effects of before a moment, the oldest first, a bounded number at a time.
DELETE FROM effect WHERE rowid IN (
    SELECT id FROM (SELECT rowid AS id, at FROM effect ORDER BY rowid LIMIT ?) WHERE at < ?
)

-- name: put_sight_check
-- A disagreement of the three witnesses.
INSERT INTO sight_check (id, task, task_line, sku, location, by_scan, by_camera, by_ledger, camera,
                         zone, frame_at, model, model_sha256, confidence, image_sha256, count_task,
                         exception, at, kept_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
        (SELECT coalesce(max(micros), 0) FROM age))

-- name: disputed
-- The count that is to settle what is said of an item at a place.
SELECT count_task, exception FROM sight_check
WHERE sku = ? AND location = ? AND settled_at IS NULL
LIMIT 1

-- name: disputed_counts
-- How many such counts are still to be made.
SELECT count(DISTINCT count_task) FROM sight_check WHERE settled_at IS NULL

-- name: counted_disputes
-- Disagreements whose count task has ended or is not there any more.
SELECT id, task, task_line, sku, location, by_scan, by_camera, by_ledger, camera, zone, frame_at,
       model, model_sha256, confidence, image_sha256, count_task, exception
FROM sight_check
WHERE settled_at IS NULL
  AND NOT EXISTS (
      SELECT 1 FROM task WHERE code = count_task AND status IN ('open', 'started')
  )
LIMIT 100

-- name: settle_sight_check
-- What came of its count, and who was right; NULL where nobody can say.
UPDATE sight_check
SET settled_at = ?, difference = ?, scan_right = ?, camera_right = ?, ledger_right = ?
WHERE id = ?

-- name: forget_sight_checks
-- Those that were settled, past their retention, a bounded number at a time.
DELETE FROM sight_check WHERE rowid IN (
    SELECT rowid FROM sight_check
    WHERE kept_at < ? AND settled_at IS NOT NULL
    ORDER BY kept_at LIMIT ?
)
