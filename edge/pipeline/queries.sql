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
