-- name: lock_items
-- Whoever gives stock away waits for others who give the same; nothing else waits. Several are asked
-- for in the order of their keys, always.
SELECT pg_advisory_xact_lock(given.site_id, given.item_id)
FROM unnest(%(site_ids)s::int[], %(item_ids)s::int[]) AS given (site_id, item_id);

-- name: accounts
-- What is known of these items at these sites, in one statement: of one moment. A return counts once
-- everything before it is here, in the epoch of its lease. What was promised under another name or
-- by another gateway is loose. Picks fulfil what was promised before them, as far as that goes: what
-- is still to be kept for a document is the sum of both, less the lowest that it ever was below zero.
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest(%(site_ids)s::int[], %(item_ids)s::int[]) AS given (site_id, item_id)
), promised AS (
    SELECT c.* FROM asked k
    JOIN lease_commitment c ON c.site_id = k.site_id AND c.item_id = k.item_id
)
SELECT 'available', b.site_id, b.item_id, sum(b.quantity)::bigint, 0::bigint, NULL::bigint, false
FROM asked k JOIN balance b ON b.site_id = k.site_id AND b.item_id = k.item_id AND b.state = 0
GROUP BY b.site_id, b.item_id
UNION ALL
SELECT 'reserved', h.site_id, h.item_id, h.reserved, 0, NULL, false
FROM asked k JOIN stock_hold h ON h.site_id = k.site_id AND h.item_id = k.item_id
UNION ALL
SELECT 'lease', l.site_id, l.item_id, l.quantity, coalesce(c.committed, 0), r.returned,
       l.forced_at IS NOT NULL
FROM asked k
JOIN lease l ON l.site_id = k.site_id AND l.item_id = k.item_id
LEFT JOIN (SELECT site_id, item_id, lease, gateway_id, sum(quantity)::bigint AS committed
           FROM promised GROUP BY site_id, item_id, lease, gateway_id) c
       ON c.lease = l.code AND c.gateway_id = l.gateway_id
      AND c.site_id = l.site_id AND c.item_id = l.item_id
LEFT JOIN LATERAL (
    SELECT min(r.quantity)::bigint AS returned FROM lease_return r
    JOIN gateway_head h ON h.gateway_id = r.gateway_id AND h.epoch = r.epoch
    WHERE r.lease = l.code AND r.gateway_id = l.gateway_id AND r.epoch = l.epoch
      AND h.contiguous_seq >= r.seq AND h.frozen_at IS NULL
) r ON true
UNION ALL
SELECT 'loose', c.site_id, c.item_id, sum(c.quantity)::bigint, 0, NULL, false
FROM promised c
LEFT JOIN lease l ON l.code = c.lease AND l.gateway_id = c.gateway_id AND l.item_id = c.item_id
WHERE l.lease_id IS NULL
GROUP BY c.site_id, c.item_id
UNION ALL
SELECT 'document', d.site_id, d.item_id, d.committed, d.total - least(d.lowest, 0), NULL, false
FROM (
    SELECT m.site_id, m.item_id, sum(m.committed)::bigint AS committed,
           sum(m.quantity)::bigint AS total, min(m.so_far)::bigint AS lowest
    FROM (
        SELECT e.*, sum(e.quantity) OVER (PARTITION BY e.site_id, e.item_id, e.document,
                                                       e.gateway_id
                                          ORDER BY e.epoch, e.seq) AS so_far
        FROM (
            SELECT c.site_id, c.item_id, c.document, c.gateway_id, c.epoch, c.seq, c.quantity,
                   c.quantity AS committed
            FROM promised c
            UNION ALL
            SELECT p.site_id, p.item_id, p.document, p.gateway_id, p.epoch, p.seq, -p.quantity, 0
            FROM (SELECT DISTINCT site_id, item_id, document FROM promised) t
            JOIN document_pick p ON p.site_id = t.site_id AND p.item_id = t.item_id
                                AND p.document = t.document
            LEFT JOIN undone_scan u ON u.undone = p.event_id
            WHERE u.undone IS NULL
        ) e
    ) m
    GROUP BY m.site_id, m.item_id, m.document, m.gateway_id
    HAVING sum(m.committed) > 0
) d;

-- name: hold_more
-- More is held by reservations.
INSERT INTO stock_hold (site_id, item_id, reserved)
SELECT * FROM unnest(%(site_ids)s::int[], %(item_ids)s::int[], %(quantities)s::int8[])
ON CONFLICT (site_id, item_id) DO UPDATE SET reserved = stock_hold.reserved + EXCLUDED.reserved;

-- name: hold_less
-- As above, less.
UPDATE stock_hold h SET reserved = h.reserved - less.quantity
FROM unnest(%(site_ids)s::int[], %(item_ids)s::int[], %(quantities)s::int8[])
     AS less (site_id, item_id, quantity)
WHERE h.site_id = less.site_id AND h.item_id = less.item_id;

-- name: free_due
-- Pending reservations whose time has come hold nothing more of these items; their locks are held.
WITH due AS (
    UPDATE reservation_part p SET open = false
    FROM unnest(%(site_ids)s::int[], %(item_ids)s::int[]) AS k (site_id, item_id)
    WHERE p.site_id = k.site_id AND p.item_id = k.item_id AND p.open
      AND p.expires_at <= to_timestamp(%(now)s::numeric / 1000000)
    RETURNING p.reservation_id, p.site_id, p.item_id, p.quantity - p.fulfilled AS held
), said AS (
    UPDATE reservation r
    SET status = 'expired', changed_at = to_timestamp(%(now)s::numeric / 1000000)
    FROM (SELECT reservation_id FROM reservation
          WHERE reservation_id IN (SELECT reservation_id FROM due) AND status = 'pending'
          FOR UPDATE SKIP LOCKED) d
    WHERE r.reservation_id = d.reservation_id
)
UPDATE stock_hold h SET reserved = h.reserved - s.held
FROM (SELECT site_id, item_id, sum(held) AS held FROM due GROUP BY site_id, item_id) s
WHERE h.site_id = s.site_id AND h.item_id = s.item_id;

-- name: due
-- Items of which reservations have ended or documents are to be settled, in the order of locks.
SELECT DISTINCT site_id, item_id FROM (
    SELECT site_id, item_id FROM reservation_part
    WHERE open AND expires_at <= to_timestamp(%(now)s::numeric / 1000000)
    UNION ALL
    SELECT site_id, item_id FROM unsettled_document
) d
ORDER BY site_id, item_id LIMIT %(limit)s;

-- name: take_unsettled
-- Take the documents of these items that are to be settled; their locks are held. One that is being
-- written of just now is left for the next time.
DELETE FROM unsettled_document d
USING (SELECT u.* FROM unnest(%(site_ids)s::int[], %(item_ids)s::int[]) AS k (site_id, item_id)
       JOIN unsettled_document u ON u.site_id = k.site_id AND u.item_id = k.item_id
       FOR UPDATE OF u SKIP LOCKED) t
WHERE d.site_id = t.site_id AND d.item_id = t.item_id AND d.document = t.document
RETURNING d.site_id, d.item_id, d.document;

-- name: unsettled
-- Of these documents: their parts, and what was picked for them beyond what leases had promised. A
-- statement of its own: it sees what those had written who marked them.
SELECT p.site_id, p.item_id, p.document, s.surplus,
       array_agg(p.reservation_id ORDER BY p.reservation_id),
       array_agg(CASE WHEN p.open THEN p.quantity ELSE p.fulfilled END ORDER BY p.reservation_id),
       array_agg(p.picked_before ORDER BY p.reservation_id),
       array_agg(p.fulfilled ORDER BY p.reservation_id),
       array_agg(p.open ORDER BY p.reservation_id)
FROM unnest(%(site_ids)s::int[], %(item_ids)s::int[], %(documents)s::text[])
     AS t (site_id, item_id, document)
JOIN reservation_part p ON p.site_id = t.site_id AND p.item_id = t.item_id
                       AND p.document = t.document
CROSS JOIN LATERAL (SELECT document_surplus(t.site_id, t.item_id, t.document) AS surplus) s
GROUP BY p.site_id, p.item_id, p.document, s.surplus;

-- name: settle
-- How much of each part was picked.
UPDATE reservation_part p SET fulfilled = given.fulfilled
FROM unnest(%(reservation_ids)s::int8[], %(site_ids)s::int[], %(item_ids)s::int[],
            %(fulfilled)s::int[]) AS given (reservation_id, site_id, item_id, fulfilled)
WHERE p.reservation_id = given.reservation_id AND p.site_id = given.site_id
  AND p.item_id = given.item_id;

-- name: unsettle_picks
-- Picks that were just written, of documents with reservations. A mark that stands is written again:
-- who takes it waits for these picks, or leaves it.
INSERT INTO unsettled_document (site_id, item_id, document)
SELECT DISTINCT p.site_id, p.item_id, p.document
FROM unnest(%(site_ids)s::int[], %(item_ids)s::int[], %(documents)s::text[])
     AS p (site_id, item_id, document)
WHERE EXISTS (SELECT FROM reservation_part r WHERE r.site_id = p.site_id
              AND r.item_id = p.item_id AND r.document = p.document)
ORDER BY 1, 2, 3
ON CONFLICT (site_id, item_id, document) DO UPDATE SET document = EXCLUDED.document;

-- name: unsettle_undone
-- Picks that were taken back by these scans, of documents with reservations.
INSERT INTO unsettled_document (site_id, item_id, document)
SELECT DISTINCT p.site_id, p.item_id, p.document
FROM document_pick p
WHERE p.event_id = ANY(%(undone)s::uuid[])
  AND EXISTS (SELECT FROM reservation_part r WHERE r.site_id = p.site_id
              AND r.item_id = p.item_id AND r.document = p.document)
ORDER BY 1, 2, 3
ON CONFLICT (site_id, item_id, document) DO UPDATE SET document = EXCLUDED.document;

-- name: unsettle_forgotten
-- Picks, and scans that took picks back, that are about to be forgotten.
INSERT INTO unsettled_document (site_id, item_id, document)
SELECT DISTINCT p.site_id, p.item_id, p.document
FROM unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS range (first_seq, last_seq)
JOIN LATERAL (
    SELECT o.site_id, o.item_id, o.document FROM document_pick o
    WHERE o.gateway_id = %(gateway_id)s AND o.epoch = %(epoch)s
      AND o.seq BETWEEN range.first_seq AND range.last_seq
    UNION ALL
    SELECT o.site_id, o.item_id, o.document FROM undone_scan u
    JOIN document_pick o ON o.event_id = u.undone
    WHERE u.gateway_id = %(gateway_id)s AND u.epoch = %(epoch)s
      AND u.seq BETWEEN range.first_seq AND range.last_seq
    UNION ALL
    SELECT c.site_id, c.item_id, c.document FROM lease_commitment c
    WHERE c.gateway_id = %(gateway_id)s AND c.epoch = %(epoch)s
      AND c.seq BETWEEN range.first_seq AND range.last_seq
) p ON true
WHERE EXISTS (SELECT FROM reservation_part r WHERE r.site_id = p.site_id
              AND r.item_id = p.item_id AND r.document = p.document)
ORDER BY 1, 2, 3
ON CONFLICT (site_id, item_id, document) DO UPDATE SET document = EXCLUDED.document;

-- name: drift
-- Where the fold of reservations differs from their parts; empty, always.
SELECT coalesce(h.site_id, p.site_id), coalesce(h.item_id, p.item_id),
       coalesce(h.reserved, 0), coalesce(p.held, 0)
FROM stock_hold h
FULL JOIN (SELECT site_id, item_id, sum(quantity - fulfilled)::bigint AS held
           FROM reservation_part WHERE open GROUP BY site_id, item_id) p USING (site_id, item_id)
WHERE coalesce(h.reserved, 0) <> coalesce(p.held, 0)
ORDER BY 1, 2;

-- name: insert_lease
-- A grant.
INSERT INTO lease (code, site_id, gateway_id, epoch, item_id, channel, quantity, granted_at,
                   not_after, granted_by)
VALUES (%(code)s, %(site_id)s, %(gateway_id)s, %(epoch)s, %(item_id)s, %(channel)s, %(quantity)s,
        to_timestamp(%(granted_at)s::numeric / 1000000),
        to_timestamp(%(not_after)s::numeric / 1000000), %(granted_by)s);

-- name: leases
-- Leases with what their gateways said of them, newest first.
SELECT l.code, s.code, g.name, l.epoch, i.sku, l.channel, l.quantity,
       coalesce((SELECT sum(c.quantity) FROM lease_commitment c
                 WHERE c.site_id = l.site_id AND c.item_id = l.item_id AND c.lease = l.code
                   AND c.gateway_id = l.gateway_id), 0)::bigint,
       (SELECT min(r.quantity) FROM lease_return r
        JOIN gateway_head h ON h.gateway_id = r.gateway_id AND h.epoch = r.epoch
        WHERE r.lease = l.code AND r.gateway_id = l.gateway_id AND r.epoch = l.epoch
          AND h.contiguous_seq >= r.seq AND h.frozen_at IS NULL)::bigint,
       (extract(epoch FROM l.granted_at) * 1000000)::bigint,
       (extract(epoch FROM l.not_after) * 1000000)::bigint,
       l.granted_by, l.recalled_at IS NOT NULL,
       l.epoch < (SELECT max(e.epoch) FROM gateway_epoch e WHERE e.gateway_id = l.gateway_id),
       l.forced_by, l.forced_why
FROM lease l
JOIN site s USING (site_id)
JOIN gateway g ON g.gateway_id = l.gateway_id
JOIN item i USING (item_id)
WHERE (%(site)s::text IS NULL OR s.code = %(site)s)
  AND (%(code)s::text IS NULL OR l.code = %(code)s)
ORDER BY l.lease_id DESC
LIMIT %(limit)s;

-- name: recall
-- Ask for what is left of a lease: the site's next document leaves it out.
UPDATE lease SET recalled_at = coalesce(recalled_at, to_timestamp(%(at)s::numeric / 1000000))
WHERE code = %(code)s;

-- name: force
-- Take what is left of a lease without its gateway's word; once, by somebody, for a reason.
UPDATE lease SET forced_at = to_timestamp(%(at)s::numeric / 1000000), forced_by = %(by)s,
                 forced_why = %(why)s,
                 recalled_at = coalesce(recalled_at, to_timestamp(%(at)s::numeric / 1000000))
WHERE code = %(code)s AND forced_at IS NULL;

-- name: lease_item
-- Which item a lease is about, and where.
SELECT site_id, item_id FROM lease WHERE code = %(code)s;

-- name: insert_commitments
-- What gateways promised, each event once.
INSERT INTO lease_commitment (event_id, gateway_id, epoch, seq, site_id, item_id, lease, document,
                              quantity, received_at)
SELECT fact.*, to_timestamp(%(at)s::numeric / 1000000)
FROM unnest(%(event_ids)s::uuid[], %(gateway_ids)s::int[], %(epochs)s::int[], %(seqs)s::int8[],
            %(site_ids)s::int[], %(item_ids)s::int[], %(leases)s::text[], %(documents)s::text[],
            %(quantities)s::int[]) AS fact
ON CONFLICT (event_id) DO NOTHING;

-- name: insert_returns
-- What gateways gave back, each event once.
INSERT INTO lease_return (event_id, gateway_id, epoch, seq, lease, quantity, reason, received_at)
SELECT fact.*, to_timestamp(%(at)s::numeric / 1000000)
FROM unnest(%(event_ids)s::uuid[], %(gateway_ids)s::int[], %(epochs)s::int[], %(seqs)s::int8[],
            %(leases)s::text[], %(quantities)s::int[], %(reasons)s::text[]) AS fact
ON CONFLICT (event_id) DO NOTHING;

-- name: insert_picks
-- What was picked for documents, each event once.
INSERT INTO document_pick (event_id, gateway_id, epoch, seq, site_id, item_id, document, quantity)
SELECT fact.*
FROM unnest(%(event_ids)s::uuid[], %(gateway_ids)s::int[], %(epochs)s::int[], %(seqs)s::int8[],
            %(site_ids)s::int[], %(item_ids)s::int[], %(documents)s::text[],
            %(quantities)s::int[]) AS fact
ON CONFLICT (event_id) DO NOTHING;

-- name: insert_undone
-- Which scans were taken back.
INSERT INTO undone_scan (undone, gateway_id, epoch, seq)
SELECT fact.*
FROM unnest(%(undone)s::uuid[], %(gateway_ids)s::int[], %(epochs)s::int[],
            %(seqs)s::int8[]) AS fact
ON CONFLICT (undone) DO NOTHING;

-- name: questionable
-- Of these leases: those that are not this gateway's, and those of which more was promised than they
-- hold or than was left to them.
SELECT named.lease, g.name, l.lease_id IS NOT NULL, coalesce(l.quantity, 0),
       coalesce(l.forced_by, ''), sum(c.quantity)::bigint
FROM (SELECT DISTINCT * FROM unnest(%(leases)s::text[], %(gateways)s::int[])
      AS given (lease, gateway_id)) named
JOIN gateway g USING (gateway_id)
JOIN lease_commitment c ON c.lease = named.lease AND c.gateway_id = named.gateway_id
LEFT JOIN lease l ON l.code = named.lease AND l.gateway_id = named.gateway_id
                 AND l.item_id = c.item_id
GROUP BY named.lease, g.name, l.lease_id, l.quantity, l.forced_by
HAVING l.lease_id IS NULL OR sum(c.quantity) > l.quantity OR l.forced_by <> ''
ORDER BY 1, 2;

-- name: forget_commitments
-- Events that are taken back never were.
DELETE FROM lease_commitment t
USING unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS range (first_seq, last_seq)
WHERE t.gateway_id = %(gateway_id)s AND t.epoch = %(epoch)s
  AND t.seq BETWEEN range.first_seq AND range.last_seq;

-- name: forget_returns
-- As above.
DELETE FROM lease_return t
USING unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS range (first_seq, last_seq)
WHERE t.gateway_id = %(gateway_id)s AND t.epoch = %(epoch)s
  AND t.seq BETWEEN range.first_seq AND range.last_seq;

-- name: forget_picks
-- As above.
DELETE FROM document_pick t
USING unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS range (first_seq, last_seq)
WHERE t.gateway_id = %(gateway_id)s AND t.epoch = %(epoch)s
  AND t.seq BETWEEN range.first_seq AND range.last_seq;

-- name: forget_undone
-- As above.
DELETE FROM undone_scan t
USING unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS range (first_seq, last_seq)
WHERE t.gateway_id = %(gateway_id)s AND t.epoch = %(epoch)s
  AND t.seq BETWEEN range.first_seq AND range.last_seq;
