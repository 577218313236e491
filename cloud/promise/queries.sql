-- name: items
-- Items by SKU, and whether they are kits.
SELECT i.sku, i.item_id, EXISTS (
    SELECT FROM bill_version b
    WHERE b.item_id = i.item_id AND b.until IS NULL AND NOT b.removed AND b.purpose = 'kit'
)
FROM item i WHERE i.sku = ANY(%(skus)s) AND NOT i.removed;

-- name: sites
-- Sites of a region (or one, or all), and when the gateway that was silent longest last said
-- something; null where no gateway works.
SELECT s.site_id, s.code, s.region, s.timezone, (extract(epoch FROM heard.at) * 1000000)::bigint
FROM site s
LEFT JOIN LATERAL (
    SELECT min(newest.at) AS at FROM (
        SELECT max(h.advanced_at) AS at
        FROM gateway g JOIN gateway_head h USING (gateway_id)
        WHERE g.site_id = s.site_id AND g.status = 'active'
        GROUP BY g.gateway_id
    ) newest
) heard ON true
WHERE (%(region)s::text IS NULL OR s.region = %(region)s)
  AND (%(site)s::text IS NULL OR s.code = %(site)s)
  AND (%(allowed)s::int[] IS NULL OR s.site_id = ANY(%(allowed)s::int[]))
ORDER BY s.code;

-- name: ground
-- An item, and whether it is a kit, beside the sites asked for (as in sites): whether it has ever lain
-- there, and how much of it lies in lots that have expired.
WITH asked AS MATERIALIZED (
    SELECT i.item_id, EXISTS (
        SELECT FROM bill_version b WHERE b.item_id = i.item_id AND b.until IS NULL
          AND NOT b.removed AND b.purpose = 'kit') AS kit
    FROM item i WHERE i.sku = %(sku)s AND NOT i.removed
)
SELECT a.item_id, a.kit, s.site_id, s.code, s.region, s.timezone,
       (extract(epoch FROM heard.at) * 1000000)::bigint, lain.expired
FROM asked a
LEFT JOIN site s ON (%(region)s::text IS NULL OR s.region = %(region)s)
    AND (%(site)s::text IS NULL OR s.code = %(site)s)
    AND (%(allowed)s::int[] IS NULL OR s.site_id = ANY(%(allowed)s::int[]))
LEFT JOIN LATERAL (
    SELECT min(newest.at) AS at FROM (
        SELECT max(h.advanced_at) AS at
        FROM gateway g JOIN gateway_head h USING (gateway_id)
        WHERE g.site_id = s.site_id AND g.status = 'active'
        GROUP BY g.gateway_id
    ) newest
) heard ON true
LEFT JOIN (
    SELECT b.site_id, coalesce(sum(b.quantity) FILTER (
               WHERE b.state = 0 AND b.lot <> '' AND b.quantity > 0
                 AND (SELECT min(e.expires) FROM asn_line e
                      WHERE e.item_id = b.item_id AND e.lot = b.lot AND e.lot <> ''
                        AND e.expires IS NOT NULL) < %(today)s
           ), 0)::bigint AS expired
    FROM balance b WHERE b.item_id = (SELECT item_id FROM asked) GROUP BY b.site_id
) lain ON lain.site_id = s.site_id
ORDER BY s.code;

-- name: stocked
-- Where any of these items has ever lain, and how much of it lies in lots that have expired.
SELECT b.site_id, b.item_id, coalesce(sum(b.quantity) FILTER (
           WHERE b.state = 0 AND b.lot <> '' AND b.quantity > 0
             AND (SELECT min(a.expires) FROM asn_line a
                  WHERE a.item_id = b.item_id AND a.lot = b.lot AND a.lot <> ''
                    AND a.expires IS NOT NULL) < %(today)s
       ), 0)::bigint
FROM balance b
WHERE b.item_id = ANY(%(item_ids)s::int[]) AND b.site_id = ANY(%(site_ids)s::int[])
GROUP BY b.site_id, b.item_id;

-- name: waiting
-- What customers wait for of these items, by the site that was asked for (0: none was): less what
-- is held for the order's documents, or was picked for them. Orders that nothing is held for count
-- whole.
SELECT w.item_id, w.site_id, sum(greatest(w.open - w.held, 0))::bigint
FROM (
    SELECT l.item_id, coalesce(o.site_id, 0) AS site_id,
           l.quantity - l.cancelled - greatest(l.shipped, coalesce(picked.units, 0)) AS open,
           coalesce(held.units, 0) AS held
    FROM sales_line l
    JOIN sales_order o USING (order_id)
    LEFT JOIN LATERAL (
        SELECT sum(p.quantity - p.fulfilled) AS units
        FROM sales_reference r
        JOIN reservation_part p ON p.item_id = l.item_id AND p.document = r.number AND p.open
        WHERE r.order_id = o.order_id
    ) held ON true
    LEFT JOIN LATERAL (
        SELECT sum(d.quantity) AS units
        FROM sales_reference r
        JOIN document_pick d ON d.document = r.number AND d.item_id = l.item_id
        WHERE r.order_id = o.order_id
          AND NOT EXISTS (SELECT FROM undone_scan u WHERE u.undone = d.event_id)
    ) picked ON true
    WHERE l.item_id = ANY(%(item_ids)s::int[]) AND l.quantity > l.cancelled + l.shipped
      AND o.status IN ('open', 'part-shipped')
) w
WHERE w.open > w.held
GROUP BY w.item_id, w.site_id;

-- name: outflow
-- What left available stock of these items for customers on each recent day, at silent sites. The
-- bounds on received_at leave old chunks out, those on occurred_at are the days meant.
SELECT m.site_id, m.item_id,
       floor((extract(epoch FROM m.occurred_at) * 1000000 - %(since)s) / 86400000000)::int,
       -sum(m.quantity)::bigint
FROM movement m
WHERE m.item_id = ANY(%(item_ids)s::int[]) AND m.site_id = ANY(%(site_ids)s::int[])
  AND m.received_at >= to_timestamp(%(since)s::numeric / 1000000)
  AND m.occurred_at >= to_timestamp(%(since)s::numeric / 1000000)
  AND m.occurred_at < to_timestamp(%(until)s::numeric / 1000000)
  AND m.state = 0 AND m.quantity < 0 AND m.kind = ANY(%(kinds)s::int[])
GROUP BY 1, 2, 3;

-- name: facts
-- An item's SKU, how long it keeps once received, and what a unit costs.
SELECT i.sku, a.shelf_life, a.cost, coalesce(a.currency, '')
FROM item i LEFT JOIN assortment_version a ON a.item_id = i.item_id AND a.until IS NULL
WHERE i.item_id = %(item_id)s;

-- name: held
-- What is held of an item for these orders, by reservation.
SELECT DISTINCT r.reservation_id, s.order_id, r.code, r.asked_by, r.status, p.site_id,
       (r.quantity * p.open / p.whole)::bigint
FROM sales_reference s
JOIN reservation r ON r.document = s.number AND r.item_id = %(item_id)s
                  AND r.status IN ('pending', 'confirmed')
CROSS JOIN LATERAL (
    SELECT min(q.site_id) AS site_id, sum(q.quantity) AS whole, sum(q.quantity - q.fulfilled) AS open
    FROM reservation_part q WHERE q.reservation_id = r.reservation_id AND q.open
) p
WHERE s.order_id = ANY(%(order_ids)s::int8[]) AND p.whole > 0
ORDER BY s.order_id, r.reservation_id;

-- name: lots
-- Available lots of an item of which an expiry date is known.
SELECT b.site_id, e.expires, sum(b.quantity)::bigint
FROM balance b
CROSS JOIN LATERAL (
    SELECT min(a.expires) AS expires FROM asn_line a
    WHERE a.item_id = b.item_id AND a.lot = b.lot AND a.lot <> '' AND a.expires IS NOT NULL
) e
WHERE b.item_id = %(item_id)s AND b.state = 0 AND b.lot <> '' AND b.quantity > 0
  AND e.expires IS NOT NULL
GROUP BY b.site_id, e.expires ORDER BY b.site_id, e.expires;

-- name: substitutes
-- What may stand in for an item, the best first, with what is available beyond reservations.
SELECT i.sku, sum(b.quantity)::bigint - coalesce((
           SELECT sum(h.reserved) FROM stock_hold h
           WHERE h.item_id = i.item_id AND h.site_id = ANY(%(site_ids)s::int[])), 0)::bigint
FROM link_version l
JOIN item i ON i.item_id = l.other_id AND NOT i.removed
JOIN balance b ON b.item_id = i.item_id AND b.state = 0 AND b.site_id = ANY(%(site_ids)s::int[])
WHERE l.item_id = %(item_id)s AND l.kind = 'substitute' AND l.until IS NULL AND NOT l.removed
GROUP BY i.item_id, i.sku, l.rank
ORDER BY l.rank, i.sku LIMIT 5;

-- name: adopt
-- What was promised to an order that turned out to be another one is that one's.
UPDATE promise p SET order_id = o.merged_into
FROM sales_order o
WHERE p.item_id = %(item_id)s AND p.state <> 'closed' AND o.order_id = p.order_id
  AND o.merged_into IS NOT NULL
  AND NOT EXISTS (SELECT FROM promise q
                  WHERE q.order_id = o.merged_into AND q.item_id = p.item_id);

-- name: promised
-- What was promised of an item and is not closed.
SELECT order_id, item_id, number, channel, state, quantity, held, rank, site_id,
       first_day, last_day, because, alternatives,
       (extract(epoch FROM promised_at) * 1000000)::bigint,
       (extract(epoch FROM changed_at) * 1000000)::bigint
FROM promise WHERE item_id = %(item_id)s AND state <> 'closed' ORDER BY order_id;

-- name: write
-- What is promised now.
INSERT INTO promise (order_id, item_id, site_id, number, channel, state, quantity, held, rank,
                     first_day, last_day, because, alternatives, promised_at, changed_at)
VALUES (%(order_id)s, %(item_id)s, %(site_id)s, %(number)s, %(channel)s, %(state)s, %(quantity)s,
        %(held)s, %(rank)s, %(first_day)s, %(last_day)s, %(because)s::jsonb,
        %(alternatives)s::jsonb, to_timestamp(%(now)s::numeric / 1000000),
        to_timestamp(%(now)s::numeric / 1000000))
ON CONFLICT (order_id, item_id) DO UPDATE
SET site_id = EXCLUDED.site_id, number = EXCLUDED.number, channel = EXCLUDED.channel,
    state = EXCLUDED.state, quantity = EXCLUDED.quantity, held = EXCLUDED.held,
    rank = EXCLUDED.rank, first_day = EXCLUDED.first_day, last_day = EXCLUDED.last_day,
    because = EXCLUDED.because, alternatives = EXCLUDED.alternatives,
    changed_at = CASE WHEN %(moved)s THEN EXCLUDED.changed_at ELSE promise.changed_at END;

-- name: write_change
-- How a promise changed, and why.
INSERT INTO promise_change (order_id, item_id, at, before, after, why)
VALUES (%(order_id)s, %(item_id)s, to_timestamp(%(now)s::numeric / 1000000), %(before)s, %(after)s,
        %(why)s);

-- name: write_message
-- What is to be told, to each receiver for itself.
INSERT INTO promise_message (kind, key, body, made_at, receiver, due_at)
SELECT %(kind)s, %(key)s, %(body)s::jsonb, to_timestamp(%(now)s::numeric / 1000000), r,
       to_timestamp(%(now)s::numeric / 1000000)
FROM unnest(%(receivers)s::text[]) AS r;

-- name: looked
-- Up to when changes were looked at.
SELECT (extract(epoch FROM nullif(looked_at, '-infinity')) * 1000000)::bigint FROM promise_state;

-- name: look
-- Changes up to this moment were looked at.
UPDATE promise_state SET looked_at = to_timestamp(%(at)s::numeric / 1000000);

-- name: concerned
-- Items of orders that changed since, of purchases that changed since and are promised from, and
-- those that somebody waits for.
SELECT l.item_id FROM sales_order o JOIN sales_line l USING (order_id)
WHERE (%(since)s::int8 IS NULL OR o.changed_at >= to_timestamp(%(since)s::numeric / 1000000))
  AND l.item_id IS NOT NULL
UNION
SELECT l.item_id FROM purchase_order o JOIN purchase_line l USING (purchase_id)
WHERE (%(since)s::int8 IS NULL OR o.changed_at >= to_timestamp(%(since)s::numeric / 1000000))
  AND EXISTS (SELECT FROM promise p WHERE p.item_id = l.item_id AND p.state <> 'closed')
UNION
SELECT item_id FROM promise WHERE state IN ('backordered', 'unsighted')
ORDER BY 1;

-- name: page
-- Promises, the one that changed last first.
SELECT p.order_id, p.item_id, p.number, p.channel, p.state, p.quantity, p.held, p.rank, p.site_id,
       p.first_day, p.last_day, p.because, p.alternatives,
       (extract(epoch FROM p.promised_at) * 1000000)::bigint,
       (extract(epoch FROM p.changed_at) * 1000000)::bigint, i.sku, coalesce(s.code, '')
FROM promise p
JOIN item i USING (item_id)
LEFT JOIN site s ON s.site_id = p.site_id
WHERE (%(sku)s::text IS NULL OR i.sku = %(sku)s)
  AND (%(number)s::text IS NULL OR p.number = %(number)s
       OR p.order_id IN (SELECT order_id FROM sales_reference WHERE number = %(number)s))
  AND (%(state)s::text IS NULL OR p.state = %(state)s)
  AND (%(site)s::text IS NULL OR s.code = %(site)s)
  AND (%(at)s::int8 IS NULL
       OR (p.changed_at, p.order_id, p.item_id)
          < (to_timestamp(%(at)s::numeric / 1000000), %(order_id)s::int8, %(item_id)s::int))
ORDER BY p.changed_at DESC, p.order_id DESC, p.item_id DESC
LIMIT %(limit)s;

-- name: changes
-- How the promises of an order changed.
SELECT i.sku, (extract(epoch FROM c.at) * 1000000)::bigint, c.before, c.after, c.why
FROM promise_change c JOIN item i USING (item_id)
WHERE c.order_id = ANY(%(order_ids)s::int8[])
   OR c.order_id IN (SELECT o.order_id FROM sales_order o
                     WHERE o.merged_into = ANY(%(order_ids)s::int8[]))
ORDER BY c.change_id;

-- name: storefront
-- What a storefront was told last of an item.
SELECT said FROM storefront_window WHERE item_id = %(item_id)s;

-- name: tell_storefront
-- What it is told now.
INSERT INTO storefront_window VALUES (%(item_id)s, %(said)s, to_timestamp(%(now)s::numeric / 1000000))
ON CONFLICT (item_id) DO UPDATE SET said = EXCLUDED.said, said_at = EXCLUDED.said_at;

-- name: theirs
-- What the shop of a feed calls an item.
SELECT m.theirs FROM feed_item m JOIN feed f USING (feed_id)
JOIN item i ON i.item_id = m.item_id
WHERE f.code = %(feed)s AND i.sku = %(sku)s AND m.until IS NULL AND m.quantity = 1
ORDER BY m.theirs;

-- name: outgoing
-- Messages that are due, the oldest first; another sender's are left to it.
SELECT message_id, kind, key, body, receiver, tries,
       (extract(epoch FROM made_at) * 1000000)::bigint
FROM promise_message
WHERE due_at <= to_timestamp(%(now)s::numeric / 1000000) AND receiver = ANY(%(receivers)s)
ORDER BY due_at, message_id LIMIT 20 FOR UPDATE SKIP LOCKED;

-- name: sent
-- What became of an attempt: sent, or to be tried again, or (without either) given up.
UPDATE promise_message
SET tries = tries + 1, error = %(error)s,
    sent_at = CASE WHEN %(error)s = '' THEN to_timestamp(%(now)s::numeric / 1000000) END,
    due_at = to_timestamp(%(due)s::numeric / 1000000)
WHERE message_id = %(message_id)s;
