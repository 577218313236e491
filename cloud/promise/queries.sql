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

-- name: stocked
-- Where any of these items has ever lain.
SELECT DISTINCT site_id, item_id FROM balance
WHERE item_id = ANY(%(item_ids)s::int[]) AND site_id = ANY(%(site_ids)s::int[]);

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
