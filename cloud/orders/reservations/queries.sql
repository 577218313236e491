-- name: items
-- Items by SKU, and whether they are kits that are put together of components.
SELECT i.sku, i.item_id, EXISTS (
    SELECT FROM bill_version b
    WHERE b.item_id = i.item_id AND b.until IS NULL AND NOT b.removed AND b.purpose = 'kit'
)
FROM item i WHERE i.sku = ANY(%(skus)s) AND NOT i.removed;

-- name: sites
-- Sites by code, and all of these regions.
SELECT site_id, code, region FROM site
WHERE code = ANY(%(sites)s) OR region = ANY(%(regions)s) OR %(everywhere)s;

-- name: stocked
-- Of one item, the sites with the most that reservations have left; what else holds is seen later.
SELECT b.site_id
FROM balance b
LEFT JOIN stock_hold h ON h.site_id = b.site_id AND h.item_id = b.item_id
WHERE b.item_id = %(item_id)s AND b.state = 0 AND b.site_id = ANY(%(site_ids)s)
GROUP BY b.site_id, h.reserved
HAVING sum(b.quantity) > coalesce(h.reserved, 0)
ORDER BY sum(b.quantity) - coalesce(h.reserved, 0) DESC, b.site_id
LIMIT %(limit)s;

-- name: known
-- What was asked for before, by asker and key.
SELECT r.asked_by, r.idempotency_key, r.asked, r.code
FROM unnest(%(askers)s::text[], %(keys)s::text[]) AS given (asked_by, key)
JOIN reservation r ON r.asked_by = given.asked_by AND r.idempotency_key = given.key;

-- name: insert
-- New reservations; what another has just written under the same key stays its.
INSERT INTO reservation (code, asked_by, idempotency_key, asked, item_id, quantity, channel,
                         document, site_ids, reserved_at, expires_at, changed_at)
SELECT n.code, n.asked_by, n.key, n.asked, n.item_id, n.quantity, n.channel, n.document,
       n.site_ids::int[],
       to_timestamp(%(now)s::numeric / 1000000), to_timestamp(n.expires_at::numeric / 1000000),
       to_timestamp(%(now)s::numeric / 1000000)
FROM unnest(%(codes)s::text[], %(askers)s::text[], %(keys)s::text[], %(asked)s::text[],
            %(item_ids)s::int[], %(quantities)s::int[], %(channels)s::text[],
            %(documents)s::text[], %(site_ids)s::text[], %(expires)s::int8[])
     AS n (code, asked_by, key, asked, item_id, quantity, channel, document, site_ids, expires_at)
ORDER BY n.asked_by, n.key
ON CONFLICT (asked_by, idempotency_key) DO NOTHING
RETURNING code, reservation_id;

-- name: insert_parts
-- What they hold. What has left for a document before it is reserved fulfils nothing of it.
INSERT INTO reservation_part (reservation_id, site_id, item_id, quantity, picked_before,
                              free_before, document, expires_at)
SELECT n.reservation_id, n.site_id, n.item_id, n.quantity,
       CASE WHEN EXISTS (SELECT FROM document_pick p WHERE p.site_id = n.site_id
                         AND p.item_id = n.item_id AND p.document = n.document)
            THEN document_surplus(n.site_id, n.item_id, n.document) ELSE 0 END,
       n.free_before, n.document, to_timestamp(n.expires_at::numeric / 1000000)
FROM unnest(%(reservation_ids)s::int8[], %(site_ids)s::int[], %(item_ids)s::int[],
            %(quantities)s::int[], %(free)s::int8[], %(documents)s::text[], %(expires)s::int8[])
     AS n (reservation_id, site_id, item_id, quantity, free_before, document, expires_at);

-- name: reservations
-- Reservations with their parts, the newest first.
SELECT r.reservation_id, r.code, i.sku, r.quantity, r.channel, r.document, r.status,
       (extract(epoch FROM r.reserved_at) * 1000000)::bigint,
       (extract(epoch FROM r.expires_at) * 1000000)::bigint,
       (extract(epoch FROM r.changed_at) * 1000000)::bigint, r.site_ids, p.sites, p.skus,
       p.quantities, p.fulfilled, p.free
FROM reservation r
JOIN item i USING (item_id)
CROSS JOIN LATERAL (
    SELECT array_agg(s.code ORDER BY s.code, c.sku) AS sites,
           array_agg(c.sku ORDER BY s.code, c.sku) AS skus,
           array_agg(q.quantity ORDER BY s.code, c.sku) AS quantities,
           array_agg(q.fulfilled ORDER BY s.code, c.sku) AS fulfilled,
           array_agg(q.free_before ORDER BY s.code, c.sku) AS free
    FROM reservation_part q
    JOIN site s ON s.site_id = q.site_id
    JOIN item c ON c.item_id = q.item_id
    WHERE q.reservation_id = r.reservation_id
) p
WHERE (%(codes)s::text[] IS NULL OR r.code = ANY(%(codes)s))
  AND (%(sku)s::text IS NULL OR r.item_id = (SELECT item_id FROM item WHERE sku = %(sku)s))
  AND (%(document)s::text IS NULL OR r.document = %(document)s)
  AND (%(after)s::int8 IS NULL OR r.reservation_id < %(after)s)
  AND (%(site)s::text IS NULL
       OR r.site_ids @> ARRAY(SELECT site_id FROM site WHERE code = %(site)s))
  AND (%(allowed)s::int[] IS NULL OR r.site_ids <@ %(allowed)s::int[])
ORDER BY r.reservation_id DESC
LIMIT %(limit)s;

-- name: keys
-- Where a reservation's parts lie.
SELECT q.site_id, q.item_id FROM reservation r JOIN reservation_part q USING (reservation_id)
WHERE r.code = %(code)s;

-- name: standing
-- A reservation's status, and whether all of its parts still hold; its items are locked.
SELECT r.reservation_id, r.status, bool_and(q.open)
FROM reservation r JOIN reservation_part q USING (reservation_id)
WHERE r.code = %(code)s
GROUP BY r.reservation_id, r.status;

-- name: change
-- Another status, or another end.
UPDATE reservation
SET status = %(status)s, changed_at = to_timestamp(%(now)s::numeric / 1000000),
    document = coalesce(%(document)s, document),
    expires_at = coalesce(to_timestamp(%(expires)s::numeric / 1000000), expires_at)
WHERE reservation_id = %(reservation_id)s;

-- name: keep_parts
-- Parts of what is confirmed end no more by themselves; of what is extended they end later.
UPDATE reservation_part
SET expires_at = to_timestamp(%(expires)s::numeric / 1000000),
    document = coalesce(%(document)s, document)
WHERE reservation_id = %(reservation_id)s AND open;

-- name: unsettle
-- What was picked for a confirmed reservation's document meanwhile is settled soon.
INSERT INTO unsettled_document (site_id, item_id, document)
SELECT DISTINCT q.site_id, q.item_id, q.document
FROM reservation_part q WHERE q.reservation_id = %(reservation_id)s
ORDER BY 1, 2, 3
ON CONFLICT (site_id, item_id, document) DO UPDATE SET document = EXCLUDED.document;

-- name: close_parts
-- A released reservation's parts hold nothing more.
UPDATE reservation_part SET open = false
WHERE reservation_id = %(reservation_id)s AND open
RETURNING site_id, item_id, quantity - fulfilled;
