-- name: head
-- The end of what has been sealed: epoch, seq, hash, and why no more may be sealed.
SELECT epoch, seq, hash, frozen, mark FROM head WHERE id = 1

-- name: put_head
-- After sealing, in a new epoch, or when no more may be sealed.
INSERT INTO head (id, epoch, seq, hash, frozen, mark) VALUES (1, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE
SET epoch = excluded.epoch, seq = excluded.seq, hash = excluded.hash, frozen = excluded.frozen,
    mark = excluded.mark

-- name: last_waiting
-- The newest event that waits.
SELECT seq, body, hash FROM waiting ORDER BY seq DESC LIMIT 1

-- name: waiting
-- The oldest events that wait.
SELECT seq, body, hash FROM waiting ORDER BY seq LIMIT ?

-- name: count_waiting
-- Sequence numbers have no gaps, so the ends tell the number.
SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM waiting

-- name: append
-- One event, chained and answered for.
INSERT INTO waiting (seq, body, hash) VALUES (?, ?, ?)

-- name: remove_waiting
-- What has been sealed waits no more.
DELETE FROM waiting WHERE seq <= ?

-- name: clear_waiting
-- Before the waiting events are chained anew for another epoch.
DELETE FROM waiting

-- name: insert_segment
-- A segment as signed; from now on it is resent byte-identical.
INSERT INTO segment (epoch, first_seq, last_seq, last_hash, sealed_at, body, sha256)
VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: unacknowledged
-- The oldest segments of an epoch after one, beyond what the cloud has. A segment holds at most
-- 256 events: the first bound on first_seq keeps the search off what has long been freed.
SELECT epoch, first_seq, last_seq, body, sha256 FROM segment
WHERE epoch = :epoch AND first_seq > :after AND first_seq > :reached - 256 AND last_seq > :reached
ORDER BY first_seq LIMIT :limit

-- name: count_unacknowledged
-- Sealed in this epoch, beyond what the cloud has: segments and events.
SELECT count(*), coalesce(sum(last_seq - first_seq + 1), 0) FROM segment
WHERE epoch = :epoch AND first_seq > :reached - 256 AND last_seq > :reached

-- name: overlapping
-- Kept segments of an epoch that hold a missing range.
SELECT epoch, first_seq, last_seq, body, sha256 FROM segment
WHERE epoch = :epoch AND first_seq > :first - 256 AND first_seq <= :last AND last_seq >= :first
ORDER BY first_seq LIMIT :limit

-- name: straddling
-- A segment of which a missing range holds a part only.
SELECT first_seq FROM segment
WHERE epoch = :epoch AND first_seq > :first - 256 AND first_seq <= :last AND last_seq >= :first
    AND (first_seq < :first OR last_seq > :last)
LIMIT 1

-- name: ending_at
-- The hash of the event with this sequence number, if a segment ends there.
SELECT last_hash FROM segment
WHERE epoch = :epoch AND first_seq > :seq - 256 AND first_seq <= :seq AND last_seq = :seq

-- name: holding
-- The segment in the middle of which this sequence number stands.
SELECT epoch, first_seq, last_seq, body, sha256 FROM segment
WHERE epoch = :epoch AND first_seq > :seq - 256 AND first_seq <= :seq AND last_seq >= :seq

-- name: uncovered
-- What was sealed in a frozen epoch beyond what the cloud has confirmed, oldest first.
SELECT epoch, first_seq, last_seq, body, sha256 FROM segment
WHERE epoch = :epoch AND last_seq > :reached ORDER BY first_seq

-- name: take_home
-- These segments' events go on in the next epoch, in the same transaction.
DELETE FROM segment WHERE epoch = :epoch AND last_seq > :reached

-- name: watermark
-- The last word of the cloud about one epoch.
SELECT epoch, generation, contiguous_seq, head_hash, mark FROM watermark WHERE epoch = ?

-- name: put_watermark
-- The only statement that frees events: the cloud has committed them.
INSERT INTO watermark (epoch, generation, contiguous_seq, head_hash, received_at, mark)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (epoch) DO UPDATE
SET generation = excluded.generation, contiguous_seq = excluded.contiguous_seq,
    head_hash = excluded.head_hash, received_at = excluded.received_at, mark = excluded.mark

-- name: remove_covered
-- Segments of an epoch that end at or below a number, oldest first, a bounded number at a time.
DELETE FROM segment WHERE (epoch, first_seq) IN (
    SELECT epoch, first_seq FROM segment
    WHERE epoch = :epoch AND first_seq <= :reached AND last_seq <= :reached
    ORDER BY first_seq LIMIT :limit
)

-- name: age
-- How long this database has been in use.
SELECT coalesce(max(micros), 0) FROM age

-- name: set_age
-- It has grown older.
INSERT INTO age (id, micros) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET micros = excluded.micros

-- name: last_noted
-- At which age it was last noted how far the cloud has come.
SELECT max(age) FROM freed

-- name: note_freed
-- Through where the cloud has an epoch, at this age.
INSERT INTO freed (age, epoch, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING

-- name: freed_before
-- Through where it had each epoch at some age.
SELECT epoch, max(seq) FROM freed WHERE age <= ? GROUP BY epoch

-- name: forget_noted
-- Older notes than the last one that says so.
DELETE FROM freed WHERE age < (SELECT max(age) FROM freed WHERE age <= ?)

-- name: forget_freed
-- All of them.
DELETE FROM freed

-- name: last_sealed_at
-- A moment that has certainly passed.
SELECT sealed_at FROM segment ORDER BY epoch DESC, first_seq DESC LIMIT 1

-- name: keep_witness
-- A head that the cloud countersigned; the same one again is known.
INSERT INTO head_witness (generation, epoch, seq, day, head_hash, message, received_at, disagreed)
VALUES (:generation, :epoch, :seq, :day, :head_hash, :message, :now, :disagreed)
ON CONFLICT DO NOTHING

-- name: witnessed
-- The newest countersigned head.
SELECT day, generation, epoch, seq FROM head_witness ORDER BY day DESC, seq DESC LIMIT 1

-- name: disagreed
-- The newest countersigned head that contradicts this database. Once another epoch is in force, a
-- person has decided about the one before.
SELECT disagreed FROM head_witness
WHERE disagreed IS NOT NULL AND epoch >= (SELECT epoch FROM head)
ORDER BY received_at DESC LIMIT 1

-- name: floor
-- A moment that has certainly passed; 0 before the first.
SELECT coalesce(max(moment), 0) FROM floor

-- name: set_floor
-- The moment that has certainly passed, anew.
INSERT INTO floor (id, moment) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET moment = excluded.moment

-- name: all_segments
-- How many there are: told only where all their pages can be read.
SELECT count(*) FROM segment

-- name: segment_keys
-- Which segments there are, without their bodies: a body that cannot be read spoils no other.
SELECT epoch, first_seq, last_seq FROM segment WHERE (epoch, first_seq) > (?, ?)
ORDER BY epoch, first_seq LIMIT 256

-- name: segment_keys_down
-- As before, from the end.
SELECT epoch, first_seq, last_seq FROM segment WHERE (epoch, first_seq) < (?, ?)
ORDER BY epoch DESC, first_seq DESC LIMIT 256

-- name: segment
-- One of them, as it was written.
SELECT epoch, first_seq, last_seq, body, sha256, last_hash, sealed_at FROM segment
WHERE epoch = ? AND first_seq = ?

-- name: waiting_keys
-- Which events wait, without their bodies.
SELECT seq FROM waiting WHERE seq > ? ORDER BY seq LIMIT 256

-- name: waiting_keys_down
-- As before, from the end.
SELECT seq FROM waiting WHERE seq < ? ORDER BY seq DESC LIMIT 256

-- name: waiting_one
-- One of them, as it was written.
SELECT seq, body, hash FROM waiting WHERE seq = ?

-- name: watermarks
-- The last word of the cloud about each epoch, from a given one.
SELECT epoch, generation, contiguous_seq, head_hash, mark FROM watermark WHERE epoch >= ?
ORDER BY epoch

-- name: end_of_epoch
-- How far an epoch was sealed.
SELECT last_seq FROM segment WHERE epoch = ? ORDER BY first_seq DESC LIMIT 1

-- name: tables
-- All tables, to be checked one by one.
SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name

-- name: quick_check
-- Whether a table's pages hang together.
SELECT quick_check FROM pragma_quick_check(?)

-- name: heard_at
-- When the cloud's last word about any epoch was heard.
SELECT coalesce(max(received_at), 0) FROM watermark

-- name: chain_segments
-- All that was sealed and is here, in order, by its hashes.
SELECT epoch, first_seq, last_seq, hex(last_hash), hex(sha256) FROM segment
ORDER BY epoch, first_seq

-- name: all_bodies
-- The same with the bytes.
SELECT epoch, first_seq, last_seq, body, sha256 FROM segment ORDER BY epoch, first_seq

-- name: clear_segments
-- In a database that becomes another gateway's.
DELETE FROM segment

-- name: clear_watermarks
-- The same: the cloud said it of another.
DELETE FROM watermark
