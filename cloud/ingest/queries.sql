-- name: insert_segments
-- Stores what is new; what overlaps a stored range is left out and not returned. The caller sorts:
-- workers that insert in one order do not deadlock.
INSERT INTO segment (gateway_id, epoch, first_seq, last_seq, prev_hash, last_hash, sha256,
                     received_at, body)
SELECT gateway_id, epoch, first_seq, last_seq, prev_hash, last_hash, sha256,
       to_timestamp(%(at)s::numeric / 1000000), body
FROM unnest(%(gateway_ids)b::int[], %(epochs)b::int[], %(firsts)b::int8[], %(lasts)b::int8[],
            %(prevs)b::bytea[], %(heads)b::bytea[], %(sha256s)b::bytea[], %(bodies)b::bytea[])
     AS new (gateway_id, epoch, first_seq, last_seq, prev_hash, last_hash, sha256, body)
ON CONFLICT DO NOTHING
RETURNING gateway_id, epoch, first_seq, last_seq;

-- name: stored_overlaps
-- For each range that was not stored: whether exactly this segment is stored already.
SELECT new.gateway_id, new.epoch, new.first_seq, new.last_seq, new.sha256,
       bool_or(s.first_seq = new.first_seq AND s.last_seq = new.last_seq
               AND s.sha256 = new.sha256),
       min(s.first_seq), max(s.last_seq)
FROM unnest(%(gateway_ids)s::int[], %(epochs)s::int[], %(firsts)s::int8[], %(lasts)s::int8[],
            %(sha256s)s::bytea[]) AS new (gateway_id, epoch, first_seq, last_seq, sha256)
JOIN segment s ON s.gateway_id = new.gateway_id AND s.epoch = new.epoch
    AND s.seqs && int8range(new.first_seq, new.last_seq, '[]')
GROUP BY 1, 2, 3, 4, 5;

-- name: frozen
-- Which epochs of these gateways are frozen, and by what.
SELECT gateway_id, epoch, frozen_why FROM gateway_head
WHERE gateway_id = ANY(%(gateway_ids)s) AND frozen_at IS NOT NULL;

-- name: copy_event_ids
-- Fast path: all ids of a batch, binary, sorted; one that exists already fails the statement.
COPY event_id (id, gateway_id, epoch, seq) FROM STDIN (FORMAT binary);

-- name: insert_event_ids
-- Slow path: tells which ids were new, and for which event.
INSERT INTO event_id (id, gateway_id, epoch, seq)
SELECT id, gateway_id, epoch, seq
FROM unnest(%(ids)s::uuid[], %(gateway_ids)s::int[], %(epochs)s::int[], %(seqs)s::int8[])
     AS new (id, gateway_id, epoch, seq)
ON CONFLICT DO NOTHING
RETURNING gateway_id, epoch, seq;

-- name: copy_observations
-- Facts that move no stock. timestamptz travels as microseconds since 2000, uuid as its bytes.
COPY observation (received_at, occurred_at, seq, event_id, gateway_id, epoch, kind, clock_state,
                  device, data) FROM STDIN (FORMAT binary);

-- name: observations
-- The newest observations of a kind, of each gateway.
SELECT o.event_id, s.code, g.name, o.seq, (extract(epoch FROM o.received_at) * 1000000)::bigint,
       o.data
FROM gateway g JOIN site s USING (site_id)
CROSS JOIN LATERAL (
    SELECT event_id, seq, received_at, data FROM observation
    WHERE gateway_id = g.gateway_id AND kind = %(kind)s
    ORDER BY received_at DESC LIMIT %(limit)s
) o;

-- name: make_heads
-- A head for each of these epochs that has none yet.
INSERT INTO gateway_head (gateway_id, epoch, head_hash, advanced_at)
SELECT gateway_id, epoch, %(genesis)s, to_timestamp(%(at)s::numeric / 1000000)
FROM unnest(%(gateway_ids)s::int[], %(epochs)s::int[]) AS due (gateway_id, epoch)
ON CONFLICT DO NOTHING;

-- name: lock_heads
-- The heads of these epochs, locked in one order until the commit.
SELECT h.gateway_id, h.epoch, h.contiguous_seq, h.head_hash, h.frozen_at IS NOT NULL
FROM gateway_head h
JOIN unnest(%(gateway_ids)s::int[], %(epochs)s::int[]) AS due (gateway_id, epoch)
     USING (gateway_id, epoch)
ORDER BY h.gateway_id, h.epoch
FOR UPDATE OF h;

-- name: links_above
-- The segments above each head, ascending, at most as many as one advance follows.
SELECT h.gateway_id, h.epoch, s.first_seq, s.last_seq, s.prev_hash, s.last_hash
FROM unnest(%(gateway_ids)s::int[], %(epochs)s::int[], %(seqs)s::int8[])
     AS h (gateway_id, epoch, seq)
CROSS JOIN LATERAL (
    SELECT * FROM segment
    WHERE gateway_id = h.gateway_id AND epoch = h.epoch AND first_seq > h.seq
    ORDER BY first_seq LIMIT 2048
) s
ORDER BY h.gateway_id, h.epoch, s.first_seq;

-- name: move_heads
-- Writes the verified heads.
UPDATE gateway_head h
SET contiguous_seq = new.seq, head_hash = new.hash,
    advanced_at = to_timestamp(%(at)s::numeric / 1000000)
FROM unnest(%(gateway_ids)s::int[], %(epochs)s::int[], %(seqs)s::int8[], %(hashes)s::bytea[])
     AS new (gateway_id, epoch, seq, hash)
WHERE h.gateway_id = new.gateway_id AND h.epoch = new.epoch;

-- name: freeze
-- A neighbour does not link: nothing of this epoch advances or is applied any more.
UPDATE gateway_head
SET frozen_at = to_timestamp(%(at)s::numeric / 1000000), frozen_why = %(why)s
WHERE gateway_id = %(gateway_id)s AND epoch = %(epoch)s AND frozen_at IS NULL;

-- name: overdue
-- Epochs whose next segment is stored, but whose head has not followed: their worker died between
-- its two transactions, or another one was first.
SELECT e.gateway_id, e.epoch
FROM gateway_epoch e
LEFT JOIN gateway_head h USING (gateway_id, epoch)
WHERE h.frozen_at IS NULL
  AND EXISTS (SELECT 1 FROM segment s
              WHERE s.gateway_id = e.gateway_id AND s.epoch = e.epoch
                AND s.first_seq = coalesce(h.contiguous_seq, 0) + 1)
ORDER BY e.gateway_id, e.epoch
LIMIT 1000;

-- name: provisional_chains
-- Frozen epochs of which something above the verified head still stands in the ledger.
SELECT h.gateway_id, h.epoch FROM gateway_head h
WHERE h.frozen_at IS NOT NULL
  AND EXISTS (SELECT FROM segment s
              WHERE s.gateway_id = h.gateway_id AND s.epoch = h.epoch
                AND s.first_seq > h.contiguous_seq
                AND NOT EXISTS (SELECT FROM reversal r
                                WHERE r.gateway_id = s.gateway_id AND r.epoch = s.epoch
                                  AND r.first_seq = s.first_seq))
ORDER BY h.gateway_id, h.epoch;

-- name: provisional
-- The oldest segments above a verified head that were not taken back.
SELECT s.first_seq, s.last_seq, s.prev_hash, s.sha256,
       (extract(epoch FROM s.received_at) * 1000000)::bigint, s.body
FROM segment s
WHERE s.gateway_id = %(gateway_id)s AND s.epoch = %(epoch)s AND s.first_seq > %(seq)s
  AND NOT EXISTS (SELECT FROM reversal r
                  WHERE r.gateway_id = s.gateway_id AND r.epoch = s.epoch
                    AND r.first_seq = s.first_seq)
ORDER BY s.first_seq LIMIT %(limit)s;

-- name: first_above
-- Where the lowest segment above a head starts, and from what.
SELECT first_seq, prev_hash FROM segment
WHERE gateway_id = %(gateway_id)s AND epoch = %(epoch)s AND first_seq > %(seq)s
ORDER BY first_seq LIMIT 1;

-- name: release_ids
-- Gives up the ids of events that are taken back: another event may state these scans.
DELETE FROM event_id
WHERE id = ANY(%(ids)s) AND gateway_id = %(gateway_id)s AND epoch = %(epoch)s AND seq > %(seq)s
RETURNING id;

-- name: set_aside_above
-- Single events of one epoch that are in quarantine, above a head.
SELECT DISTINCT q.first_seq FROM quarantine q
WHERE q.gateway_id = %(gateway_id)s AND q.epoch = %(epoch)s AND q.first_seq > %(seq)s
  AND NOT q.whole_segment
  AND NOT EXISTS (SELECT FROM quarantine_replay r
                  WHERE r.gateway_id = q.gateway_id AND r.epoch = q.epoch AND r.seq = q.first_seq
                    AND r.outcome = 'applied');

-- name: note_reversal
-- One segment is taken back.
INSERT INTO reversal (gateway_id, epoch, first_seq, last_seq, code, detail, head_seq, head_hash,
                      other_seq, other_hash, events, movements, reversed_at)
VALUES (%(gateway_id)s, %(epoch)s, %(first_seq)s, %(last_seq)s, %(code)s, %(detail)s,
        %(head_seq)s, %(head_hash)s, %(other_seq)s, %(other_hash)s, %(events)s, %(movements)s,
        to_timestamp(%(at)s::numeric / 1000000));

-- name: reversals
-- What was taken back, newest first, before a key.
SELECT g.name, s.code, r.epoch, r.first_seq, r.last_seq, r.code, r.detail, r.head_seq,
       encode(r.head_hash, 'hex'), r.other_seq, encode(r.other_hash, 'hex'), r.events,
       r.movements, (extract(epoch FROM r.reversed_at) * 1000000)::bigint, r.gateway_id
FROM reversal r
JOIN gateway g USING (gateway_id)
JOIN site s USING (site_id)
WHERE (%(sites)s::int[] IS NULL OR g.site_id = ANY(%(sites)s::int[]))
  AND (%(site)s::text IS NULL OR s.code = %(site)s)
  AND (%(gateway)s::text IS NULL OR g.name = %(gateway)s)
  AND (%(after_at)s::bigint IS NULL
       OR (r.reversed_at, r.gateway_id, r.epoch, r.first_seq)
        < (to_timestamp(%(after_at)s::numeric / 1000000), %(after_gateway)s::int,
           %(after_epoch)s::int, %(after_seq)s::bigint))
ORDER BY r.reversed_at DESC, r.gateway_id DESC, r.epoch DESC, r.first_seq DESC
LIMIT %(limit)s;

-- name: late_scans
-- Events that were set aside because another one had stated their scan before, since a moment.
SELECT q.quarantine_id, q.gateway_id, q.epoch::bigint, q.first_seq, q.body
FROM quarantine q
WHERE q.code = 'event.duplicate-scan' AND NOT q.whole_segment
  AND q.last_at >= to_timestamp(%(since)s::numeric / 1000000)
  AND NOT EXISTS (SELECT FROM quarantine_replay r
                  WHERE r.gateway_id = q.gateway_id AND r.epoch = q.epoch AND r.seq = q.first_seq
                    AND r.outcome = 'applied')
ORDER BY q.quarantine_id;

-- name: held_head
-- A head that neither moves nor freezes until the commit.
SELECT contiguous_seq, head_hash, frozen_at IS NOT NULL, frozen_why FROM gateway_head
WHERE gateway_id = %(gateway_id)s AND epoch = %(epoch)s FOR SHARE;

-- name: known_head
-- How far one epoch is verified, and whether two histories of it arrived.
SELECT coalesce(h.contiguous_seq, 0), h.head_hash,
       h.frozen_at IS NOT NULL
       OR EXISTS (SELECT FROM quarantine q
                  WHERE q.gateway_id = %(gateway_id)s AND q.epoch = %(epoch)s
                    AND q.code IN ('segment.fork', 'segment.link'))
FROM (SELECT 1) one
LEFT JOIN gateway_head h ON h.gateway_id = %(gateway_id)s AND h.epoch = %(epoch)s;

-- name: gateway_names
-- Names and sites of these gateways.
SELECT gateway_id, name, site_id FROM gateway WHERE gateway_id = ANY(%(gateway_ids)s);

-- name: kept_bytes
-- How much of each gateway's quota its quarantined bodies use.
SELECT gateway, coalesce(sum(size), 0)::bigint FROM quarantine
WHERE gateway = ANY(%(gateways)s) AND body IS NOT NULL
GROUP BY gateway;

-- name: quarantine
-- Keeps one message or event with its reason; the same one again is only counted.
INSERT INTO quarantine (gateway, gateway_id, whole_segment, epoch, first_seq, last_seq, code,
                        detail, sha256, size, body, received_at, last_at)
VALUES (%(gateway)s, %(gateway_id)s, %(whole_segment)s, %(epoch)s, %(first_seq)s, %(last_seq)s,
        %(code)s, %(detail)s, %(sha256)s, %(size)s, %(body)s,
        to_timestamp(%(at)s::numeric / 1000000), to_timestamp(%(at)s::numeric / 1000000))
ON CONFLICT (gateway, sha256, code) DO UPDATE
SET times = quarantine.times + 1, last_at = excluded.last_at;

-- name: count
-- Adds to one worker's counts of one gateway.
INSERT INTO ingest_tally VALUES (%(worker)s, %(gateway)s, %(sr)s, %(sa)s, %(sd)s, %(sq)s,
                                 %(er)s, %(ea)s, %(eq)s)
ON CONFLICT (worker, gateway) DO UPDATE SET
    segments_received = ingest_tally.segments_received + excluded.segments_received,
    segments_applied = ingest_tally.segments_applied + excluded.segments_applied,
    segments_duplicate = ingest_tally.segments_duplicate + excluded.segments_duplicate,
    segments_quarantined = ingest_tally.segments_quarantined + excluded.segments_quarantined,
    events_received = ingest_tally.events_received + excluded.events_received,
    events_applied = ingest_tally.events_applied + excluded.events_applied,
    events_quarantined = ingest_tally.events_quarantined + excluded.events_quarantined;

-- name: tallies
-- The counts per gateway over all workers.
SELECT gateway, sum(segments_received)::bigint, sum(segments_applied)::bigint,
       sum(segments_duplicate)::bigint, sum(segments_quarantined)::bigint,
       sum(events_received)::bigint, sum(events_applied)::bigint, sum(events_quarantined)::bigint
FROM ingest_tally GROUP BY gateway;

-- name: epochs_of_site
-- Each epoch of a site's gateways with its head, what arrived of it, and the epoch that was
-- granted after it: from where on it is in doubt, why, since when, and whether its first event,
-- which tells of this one, is here.
SELECT g.gateway_id, g.name, e.epoch, coalesce(h.contiguous_seq, 0), h.frozen_at IS NOT NULL,
       top.last_seq, (extract(epoch FROM latest.received_at) * 1000000)::bigint,
       following.epoch, following.previous_seq, following.reason,
       (extract(epoch FROM following.granted_at) * 1000000)::bigint, following.opened
FROM gateway g
JOIN gateway_epoch e USING (gateway_id)
LEFT JOIN gateway_head h USING (gateway_id, epoch)
LEFT JOIN LATERAL (
    SELECT last_seq FROM segment s
    WHERE s.gateway_id = e.gateway_id AND s.epoch = e.epoch
    ORDER BY first_seq DESC LIMIT 1
) top ON true
LEFT JOIN LATERAL (
    SELECT max(received_at) AS received_at FROM (
        SELECT received_at FROM segment s
        WHERE s.gateway_id = e.gateway_id AND s.epoch = e.epoch
        ORDER BY first_seq DESC LIMIT 256) newest
) latest ON true
LEFT JOIN LATERAL (
    SELECT n.epoch, n.previous_seq, n.reason, n.granted_at,
           EXISTS (SELECT FROM segment s WHERE s.gateway_id = n.gateway_id
                     AND s.epoch = n.epoch AND s.first_seq = 1) AS opened
    FROM gateway_epoch n
    WHERE n.gateway_id = e.gateway_id AND n.previous_epoch = e.epoch AND NOT n.awaited
    ORDER BY n.epoch LIMIT 1
) following ON true
WHERE g.site_id = %(site_id)s AND NOT e.awaited
ORDER BY g.name, e.epoch;

-- name: insert_tombstones
-- What gateways say of numbers that never arrive; said once, because an event counts once.
INSERT INTO tombstone (gateway_id, stated_epoch, stated_seq, epoch, first_seq, last_seq, outcome,
                       reason, detail, stated_at)
SELECT gateway_id, stated_epoch, stated_seq, epoch, first_seq, last_seq, outcome, reason, detail,
       to_timestamp(%(at)s::numeric / 1000000)
FROM unnest(%(gateway_ids)s::int[], %(stated_epochs)s::int[], %(stated_seqs)s::int8[],
            %(epochs)s::int[], %(firsts)s::int8[], %(lasts)s::int8[], %(outcomes)s::text[],
            %(reasons)s::text[], %(details)s::text[])
     AS new (gateway_id, stated_epoch, stated_seq, epoch, first_seq, last_seq, outcome, reason,
             detail)
ON CONFLICT DO NOTHING;

-- name: tombstones_of_site
-- What was said of the epochs of a site's gateways, by events that were not taken back.
SELECT t.gateway_id, g.name, t.epoch, t.first_seq, t.last_seq, t.outcome, t.reason, t.detail,
       (extract(epoch FROM t.stated_at) * 1000000)::bigint
FROM tombstone t JOIN gateway g USING (gateway_id)
WHERE g.site_id = %(site_id)s
  AND NOT EXISTS (SELECT FROM reversal r
                  WHERE r.gateway_id = t.gateway_id AND r.epoch = t.stated_epoch
                    AND t.stated_seq BETWEEN r.first_seq AND r.last_seq)
ORDER BY t.gateway_id, t.epoch, t.first_seq
LIMIT %(limit)s;

-- name: taken_of_site
-- How many events of each epoch were taken back, and how many a person took over.
SELECT gateway_id, epoch, sum(back)::bigint, sum(over)::bigint
FROM (SELECT gateway_id, epoch, events AS back, 0 AS over FROM reversal
      UNION ALL
      SELECT gateway_id, from_epoch, 0, events FROM rehoming) taken
JOIN gateway g USING (gateway_id)
WHERE g.site_id = %(site_id)s
GROUP BY 1, 2;

-- name: gaps_above
-- The stored ranges above a head, with their arrival, to find what is missing and since when.
SELECT first_seq, last_seq, (extract(epoch FROM received_at) * 1000000)::bigint
FROM segment
WHERE gateway_id = %(gateway_id)s AND epoch = %(epoch)s AND first_seq > %(seq)s
ORDER BY first_seq LIMIT %(limit)s;

-- name: quarantined_of_site
-- What is quarantined of a site's gateways, by epoch and reason. What names no epoch counts to 0.
SELECT g.gateway_id, coalesce(q.epoch, 0)::bigint, q.code, count(*)
FROM gateway g JOIN quarantine q USING (gateway_id)
WHERE g.site_id = %(site_id)s
  AND NOT EXISTS (SELECT FROM quarantine_replay r
                  WHERE r.quarantine_id = q.quarantine_id AND r.outcome = 'applied')
GROUP BY 1, 2, 3;

-- name: quarantined
-- The quarantine, newest first, after a key.
SELECT q.quarantine_id, q.gateway, s.code, q.epoch::bigint, q.first_seq::bigint,
       q.last_seq::bigint, q.code, q.detail, q.size, q.times,
       (extract(epoch FROM q.received_at) * 1000000)::bigint
FROM quarantine q
LEFT JOIN gateway g USING (gateway_id)
LEFT JOIN site s USING (site_id)
WHERE (%(sites)s::int[] IS NULL OR g.site_id = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR s.code = %(site)s)
  AND (%(gateway)s::text IS NULL OR q.gateway = %(gateway)s)
  AND (%(code)s::text IS NULL OR q.code = %(code)s)
  AND (%(released)s OR NOT EXISTS (
       SELECT FROM quarantine_replay r
       WHERE r.quarantine_id = q.quarantine_id AND r.outcome = 'applied'))
  AND (%(after)s::bigint IS NULL OR q.quarantine_id < %(after)s)
ORDER BY q.quarantine_id DESC
LIMIT %(limit)s;

-- name: quarantined_body
-- One quarantined body, if it was kept.
SELECT body FROM quarantine WHERE quarantine_id = %(quarantine_id)s;

-- name: stored_events
-- How many events the stored segments hold, and how many were taken over from others.
SELECT (SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM segment)::bigint
     + (SELECT coalesce(sum(events), 0) FROM rehoming)::bigint;

-- name: rehomed_segments
-- The segments of which a person took events over, by the epoch that they were given.
SELECT s.gateway_id, g.name, g.site_id, s.epoch, s.first_seq, r.from_epoch, s.from_seqs, s.sha256,
       s.body
FROM rehomed_segment s
JOIN rehoming r USING (gateway_id, epoch)
JOIN gateway g USING (gateway_id)
ORDER BY s.gateway_id, s.epoch, s.first_seq;

-- name: event_keys
-- Every event key that was ever registered: what it signed stays signed.
SELECT gateway_id, kid, public_key FROM gateway_key;

-- name: set_aside
-- Single events that are quarantined and were not released.
SELECT DISTINCT q.gateway_id, q.epoch::bigint, q.first_seq FROM quarantine q
WHERE NOT q.whole_segment
  AND NOT EXISTS (SELECT FROM quarantine_replay r
                  WHERE r.gateway_id = q.gateway_id AND r.epoch = q.epoch AND r.seq = q.first_seq
                    AND r.outcome = 'applied');

-- name: segments
-- All stored segments in the order of their chains, and whether they were taken back.
SELECT s.gateway_id, g.name, g.site_id, s.epoch, s.first_seq, s.last_seq, s.body,
       EXISTS (SELECT FROM reversal r
               WHERE r.gateway_id = s.gateway_id AND r.epoch = s.epoch
                 AND r.first_seq = s.first_seq)
FROM segment s JOIN gateway g USING (gateway_id)
ORDER BY s.gateway_id, s.epoch, s.first_seq;

-- name: held_gateway
-- A gateway by name; decisions about it take turns until the commit, its segments do not wait.
SELECT gateway_id, site_id, status FROM gateway WHERE name = %(name)s FOR NO KEY UPDATE;

-- name: aside_segments
-- A gateway's segments that verified, and are not in force: they contradict a chain, were taken
-- back from one, or came after the next epoch had begun.
SELECT q.quarantine_id, e.epoch, q.sha256, coalesce(q.body, s.body), r.first_seq IS NOT NULL,
       (extract(epoch FROM q.received_at) * 1000000)::bigint,
       (extract(epoch FROM q.last_at) * 1000000)::bigint
FROM quarantine q
JOIN gateway_epoch e ON e.gateway_id = q.gateway_id AND e.epoch = q.epoch
LEFT JOIN segment s ON s.gateway_id = e.gateway_id AND s.epoch = e.epoch
    AND s.first_seq = q.first_seq AND s.sha256 = q.sha256
LEFT JOIN reversal r ON r.gateway_id = s.gateway_id AND r.epoch = s.epoch
    AND r.first_seq = s.first_seq
WHERE q.gateway_id = %(gateway_id)s AND q.whole_segment
  AND (q.code IN ('segment.fork', 'segment.link')
       OR q.code = 'segment.epoch' AND e.closed_at IS NOT NULL)
ORDER BY e.epoch, q.first_seq, q.sha256, q.quarantine_id;

-- name: bodies_in_force
-- Stored segments of one epoch that were not taken back, from a number on.
SELECT s.body FROM segment s
WHERE s.gateway_id = %(gateway_id)s AND s.epoch = %(epoch)s AND s.last_seq >= %(seq)s
  AND NOT EXISTS (SELECT FROM reversal r
                  WHERE r.gateway_id = s.gateway_id AND r.epoch = s.epoch
                    AND r.first_seq = s.first_seq)
ORDER BY s.first_seq;

-- name: claimed
-- Which of these ids belong to an event that counts.
SELECT id FROM event_id WHERE id = ANY(%(ids)s);

-- name: next_home
-- The number of a gateway's next epoch of the cloud's own.
SELECT coalesce(max(epoch) + 1, %(first)s) FROM rehoming WHERE gateway_id = %(gateway_id)s;

-- name: note_rehoming
-- A person's decision.
INSERT INTO rehoming (gateway_id, epoch, from_epoch, histories, events, reason, decided_by,
                      decided_at)
VALUES (%(gateway_id)s, %(epoch)s, %(from_epoch)s, %(histories)s, %(events)s, %(reason)s, %(by)s,
        to_timestamp(%(at)s::numeric / 1000000));

-- name: note_rehomed_segment
-- The evidence of one.
INSERT INTO rehomed_segment (gateway_id, epoch, first_seq, from_seqs, sha256, body)
VALUES (%(gateway_id)s, %(epoch)s, %(first_seq)s, %(from_seqs)s, %(sha256)s, %(body)s);

-- name: rehomings
-- What was decided about a gateway's histories, newest first.
SELECT r.epoch, r.from_epoch, r.histories, r.events, r.reason, r.decided_by,
       (extract(epoch FROM r.decided_at) * 1000000)::bigint
FROM rehoming r JOIN gateway g USING (gateway_id)
WHERE g.name = %(name)s
ORDER BY r.epoch DESC LIMIT %(limit)s;

-- name: single_entries
-- Single events with these hashes that are in quarantine and were not released.
SELECT q.quarantine_id FROM quarantine q
WHERE q.gateway_id = %(gateway_id)s AND q.epoch = %(epoch)s AND NOT q.whole_segment
  AND q.sha256 = ANY(%(sha256s)s)
  AND NOT EXISTS (SELECT FROM quarantine_replay p
                  WHERE p.gateway_id = q.gateway_id AND p.epoch = q.epoch AND p.seq = q.first_seq
                    AND p.outcome = 'applied')
ORDER BY q.quarantine_id;

-- name: waiting
-- What was not released, oldest first.
SELECT q.quarantine_id FROM quarantine q
WHERE (%(ids)s::bigint[] IS NULL OR q.quarantine_id = ANY(%(ids)s))
  AND (%(code)s::text IS NULL OR q.code = %(code)s)
  AND (%(gateway)s::text IS NULL OR q.gateway = %(gateway)s)
  AND NOT EXISTS (SELECT FROM quarantine_replay r
                  WHERE r.quarantine_id = q.quarantine_id AND r.outcome = 'applied')
ORDER BY q.quarantine_id;

-- name: locked_quarantined
-- One entry, held until the commit: two replays at once take turns.
SELECT q.quarantine_id, q.gateway, q.gateway_id, g.site_id, q.whole_segment, q.epoch::bigint,
       q.first_seq::bigint, q.last_seq::bigint, q.code, q.body,
       EXISTS (SELECT FROM quarantine_replay r
               WHERE r.outcome = 'applied'
                 AND (r.quarantine_id = q.quarantine_id
                      OR (NOT q.whole_segment AND r.gateway_id = q.gateway_id
                          AND r.epoch = q.epoch AND r.seq = q.first_seq)))
FROM quarantine q LEFT JOIN gateway g USING (gateway_id)
WHERE q.quarantine_id = %(quarantine_id)s
FOR UPDATE OF q;

-- name: why_quarantined
-- The newest reason for which these bytes were set aside.
SELECT code, detail FROM quarantine WHERE sha256 = %(sha256)s ORDER BY last_at DESC LIMIT 1;

-- name: note_replay
-- What came of a replay; single events are named, so that each is released once.
INSERT INTO quarantine_replay (quarantine_id, gateway_id, epoch, seq, outcome, code, detail,
                               replayed_by, replayed_at)
VALUES (%(quarantine_id)s, %(gateway_id)s, %(epoch)s, %(seq)s, %(outcome)s, %(code)s, %(detail)s,
        %(by)s, to_timestamp(%(at)s::numeric / 1000000));

-- name: replays
-- What was tried again, newest first.
SELECT r.replay_id, r.quarantine_id, q.gateway, q.epoch::bigint, q.first_seq, q.last_seq, q.code,
       r.outcome, r.code, r.detail, r.replayed_by,
       (extract(epoch FROM r.replayed_at) * 1000000)::bigint
FROM quarantine_replay r JOIN quarantine q USING (quarantine_id)
ORDER BY r.replay_id DESC LIMIT %(limit)s;

-- name: claimant
-- Whose an event id is.
SELECT gateway_id, epoch, seq FROM event_id WHERE id = %(id)s;

-- name: segment_of
-- The stored segment that holds one event.
SELECT body FROM segment
WHERE gateway_id = %(gateway_id)s AND epoch = %(epoch)s AND first_seq <= %(seq)s
  AND last_seq >= %(seq)s
ORDER BY first_seq DESC LIMIT 1;
