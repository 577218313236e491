-- name: lock_item
-- Grants of one item at one site wait for one another; nothing else waits for them.
SELECT pg_advisory_xact_lock(%(site_id)s, %(item_id)s);

-- name: account
-- What is known of one item at one site, in one statement: of one moment. A return counts once
-- everything before it is here, in the epoch of its lease. What was promised under another name or
-- by another gateway is loose. Picks fulfil what was promised before them, as far as that goes: what
-- is still to be kept for a document is the sum of both, less the lowest that it ever was below zero.
SELECT 'available', coalesce(sum(quantity), 0)::bigint, 0::bigint, NULL::bigint, false
FROM balance
WHERE site_id = %(site_id)s AND item_id = %(item_id)s AND state = 0
UNION ALL
SELECT 'lease', l.quantity, coalesce(c.committed, 0), r.returned, l.forced_at IS NOT NULL
FROM lease l
LEFT JOIN (SELECT lease, gateway_id, sum(quantity)::bigint AS committed FROM lease_commitment
           WHERE site_id = %(site_id)s AND item_id = %(item_id)s
           GROUP BY lease, gateway_id) c ON c.lease = l.code AND c.gateway_id = l.gateway_id
LEFT JOIN LATERAL (
    SELECT min(r.quantity)::bigint AS returned FROM lease_return r
    JOIN gateway_head h ON h.gateway_id = r.gateway_id AND h.epoch = r.epoch
    WHERE r.lease = l.code AND r.gateway_id = l.gateway_id AND r.epoch = l.epoch
      AND h.contiguous_seq >= r.seq AND h.frozen_at IS NULL
) r ON true
WHERE l.site_id = %(site_id)s AND l.item_id = %(item_id)s
UNION ALL
SELECT 'loose', coalesce(sum(c.quantity), 0)::bigint, 0, NULL, false
FROM lease_commitment c
LEFT JOIN lease l ON l.code = c.lease AND l.gateway_id = c.gateway_id AND l.item_id = c.item_id
WHERE c.site_id = %(site_id)s AND c.item_id = %(item_id)s AND l.lease_id IS NULL
UNION ALL
SELECT 'document', d.committed, d.total - least(d.lowest, 0), NULL, false
FROM (
    SELECT sum(m.committed)::bigint AS committed, sum(m.quantity)::bigint AS total,
           min(m.so_far)::bigint AS lowest
    FROM (
        SELECT e.*, sum(e.quantity) OVER (PARTITION BY e.document, e.gateway_id
                                          ORDER BY e.epoch, e.seq) AS so_far
        FROM (
            SELECT c.document, c.gateway_id, c.epoch, c.seq, c.quantity, c.quantity AS committed
            FROM lease_commitment c
            WHERE c.site_id = %(site_id)s AND c.item_id = %(item_id)s
            UNION ALL
            SELECT p.document, p.gateway_id, p.epoch, p.seq, -p.quantity, 0
            FROM document_pick p
            LEFT JOIN undone_scan u ON u.undone = p.event_id
            WHERE p.site_id = %(site_id)s AND p.item_id = %(item_id)s AND u.undone IS NULL
        ) e
    ) m
    GROUP BY m.document, m.gateway_id
    HAVING sum(m.committed) > 0
) d;

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
