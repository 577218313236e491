-- name: answered
-- The answer already given to a scan.
SELECT content, answer FROM answered WHERE id = ?

-- name: remember
-- The answer, for retries.
INSERT INTO answered (id, content, answer, answered_at) VALUES (?, ?, ?, ?)

-- name: forget
-- Answers past their retention, a bounded number at a time.
DELETE FROM answered WHERE rowid IN (
    SELECT rowid FROM answered WHERE answered_at < ? ORDER BY answered_at LIMIT ?
)

-- name: add
-- Count up a total.
INSERT INTO tally (name, total) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET total = total + excluded.total

-- name: totals
-- All totals.
SELECT name, total FROM tally
