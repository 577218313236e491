-- name: facts
-- What is known of units.
SELECT f.unit_fact_id, f.sscc, f.what, f.takes_back, f.inside, coalesce(i.sku, ''), f.lot, f.serial,
       f.quantity, s.code, f.site_id, f.location, f.event_id::text,
       (extract(epoch FROM f.occurred_at) * 1000000)::bigint,
       (extract(epoch FROM f.received_at) * 1000000)::bigint
FROM unit_fact f
JOIN site s USING (site_id)
LEFT JOIN item i USING (item_id)
WHERE f.sscc = ANY(%(ssccs)s::text[])
ORDER BY f.occurred_at, f.unit_fact_id
LIMIT 20000;

-- name: note
-- Appends what is known; the same again is known already.
INSERT INTO unit_fact (key, sscc, what, inside, item_id, lot, serial, quantity, site_id, location,
                       event_id, gateway_id, epoch, seq, occurred_at, received_at)
SELECT f.key, f.sscc, f.what, f.inside, i.item_id, f.lot, f.serial, f.quantity, f.site_id,
       f.location, f.event_id, f.gateway_id, f.epoch, f.seq,
       to_timestamp(f.occurred_at::numeric / 1000000), to_timestamp(%(at)s::numeric / 1000000)
FROM unnest(%(keys)s::text[], %(ssccs)s::text[], %(whats)s::text[], %(insides)s::text[],
            %(skus)s::text[], %(lots)s::text[], %(serials)s::text[], %(quantities)s::int[],
            %(site_ids)s::int[], %(locations)s::text[], %(event_ids)s::uuid[],
            %(gateway_ids)s::int[], %(epochs)s::int[], %(seqs)s::int8[], %(occurred)s::int8[])
     WITH ORDINALITY
     AS f (key, sscc, what, inside, sku, lot, serial, quantity, site_id, location, event_id,
           gateway_id, epoch, seq, occurred_at, number)
LEFT JOIN item i ON i.sku = f.sku
WHERE f.sku = '' OR i.item_id IS NOT NULL
ORDER BY f.number
ON CONFLICT (key) DO NOTHING;

-- name: replace_announced
-- What a notice said before and does not say now: from now on it never did.
INSERT INTO unit_fact (key, sscc, what, takes_back, quantity, site_id, occurred_at, received_at)
SELECT 'back:' || f.unit_fact_id, f.sscc, 'taken-back', f.unit_fact_id, 0, f.site_id,
       f.occurred_at, to_timestamp(%(at)s::numeric / 1000000)
FROM unit_fact f
WHERE f.key >= %(prefix)s || ':' AND f.key < %(prefix)s || ';' AND f.key <> ALL(%(keys)s::text[])
ORDER BY f.unit_fact_id
ON CONFLICT (key) DO NOTHING;

-- name: take_back_events
-- Facts of events that were undone where they were made: no more since then.
INSERT INTO unit_fact (key, sscc, what, takes_back, quantity, site_id, gateway_id, epoch, seq,
                       occurred_at, received_at)
SELECT 'back:' || f.unit_fact_id, f.sscc, 'taken-back', f.unit_fact_id, 0, f.site_id, u.gateway_id,
       u.epoch, u.seq, to_timestamp(u.occurred_at::numeric / 1000000),
       to_timestamp(%(at)s::numeric / 1000000)
FROM unnest(%(event_ids)s::uuid[], %(gateway_ids)s::int[], %(epochs)s::int[], %(seqs)s::int8[],
            %(occurred)s::int8[]) AS u (event_id, gateway_id, epoch, seq, occurred_at)
JOIN unit_fact f ON f.event_id = u.event_id AND f.takes_back IS NULL
ORDER BY f.unit_fact_id
ON CONFLICT (key) DO NOTHING;

-- name: take_back_ranges
-- Facts of a chain that broke: they never were.
INSERT INTO unit_fact (key, sscc, what, takes_back, quantity, site_id, gateway_id, epoch, seq,
                       occurred_at, received_at)
SELECT 'broken:' || f.unit_fact_id, f.sscc, 'taken-back', f.unit_fact_id, 0, f.site_id,
       f.gateway_id, f.epoch, f.seq, f.occurred_at, to_timestamp(%(at)s::numeric / 1000000)
FROM unit_fact f
JOIN unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS range (first_seq, last_seq)
  ON f.seq BETWEEN range.first_seq AND range.last_seq
WHERE f.gateway_id = %(gateway_id)s AND f.epoch = %(epoch)s AND f.takes_back IS NULL
ORDER BY f.unit_fact_id
ON CONFLICT (key) DO NOTHING;

-- name: holders
-- Units that ever held an item or another unit, at the sites asked for, after a key.
SELECT DISTINCT f.sscc
FROM unit_fact f
WHERE (%(sites)s::int[] IS NULL OR f.site_id = ANY(%(sites)s::int[]))
  AND (%(site)s::text IS NULL OR f.site_id = (SELECT site_id FROM site WHERE code = %(site)s))
  AND (%(item)s::text IS NULL OR f.item_id = (SELECT item_id FROM item WHERE sku = %(item)s))
  AND (%(after)s::text IS NULL OR f.sscc > %(after)s)
ORDER BY f.sscc
LIMIT %(limit)s;
