-- name: movements
-- Movements, oldest received first, after a key, with what an event says of them. A scan that undoes
-- another is told as that one: it was made at most two days before.
SELECT (extract(epoch FROM m.received_at) * 1000000)::bigint, m.gateway_id, m.epoch, m.seq, m.leg,
       coalesce(o.event_id, m.event_id)::text, coalesce(o.kind, m.kind),
       (extract(epoch FROM coalesce(o.occurred_at, m.occurred_at)) * 1000000)::bigint,
       m.reversal OR o.event_id IS NOT NULL, s.code, s.timezone, l.code, i.sku,
       (SELECT min(c.gtin) FROM item_code c WHERE c.item_id = m.item_id AND c.quantity = 1),
       m.lot, m.serial, m.state, m.quantity, g.name, p.what, p.reference, p.feed
FROM (
    SELECT * FROM movement
    WHERE (%(sites)s::int[] IS NULL OR site_id = ANY(%(sites)s::int[]))
      AND (%(site)s::text IS NULL OR site_id = (SELECT site_id FROM site WHERE code = %(site)s))
      AND (%(item)s::text IS NULL OR item_id = (SELECT item_id FROM item WHERE sku = %(item)s))
      AND (%(lot)s::text IS NULL OR lot = %(lot)s)
      AND (%(since)s::bigint IS NULL
           OR received_at >= to_timestamp(%(since)s::numeric / 1000000))
      AND (%(until)s::bigint IS NULL
           OR received_at <= to_timestamp(%(until)s::numeric / 1000000))
      AND (%(after_at)s::bigint IS NULL
           OR (received_at >= to_timestamp(%(after_at)s::numeric / 1000000)
               AND (received_at, gateway_id, epoch, seq, leg)
                 > (to_timestamp(%(after_at)s::numeric / 1000000), %(after_gateway)s::int,
                    %(after_epoch)s::int, %(after_seq)s::bigint, %(after_leg)s::int)))
    ORDER BY received_at, gateway_id, epoch, seq, leg
    LIMIT %(limit)s
) m
JOIN site s ON s.site_id = m.site_id
JOIN item i ON i.item_id = m.item_id
JOIN location l ON l.location_id = m.location_id
LEFT JOIN gateway g ON g.gateway_id = m.gateway_id
LEFT JOIN posting p ON m.gateway_id = 0 AND p.posting_id = m.seq
LEFT JOIN undone_scan u
  ON m.kind = 23 AND u.gateway_id = m.gateway_id AND u.epoch = m.epoch AND u.seq = m.seq
LEFT JOIN LATERAL (
    SELECT b.event_id, b.kind, b.occurred_at FROM movement b
    WHERE u.undone IS NOT NULL AND b.item_id = m.item_id AND b.site_id = m.site_id
      AND b.occurred_at BETWEEN m.occurred_at - interval '2 days' AND m.occurred_at
      AND b.event_id = u.undone
    LIMIT 1
) o ON true
ORDER BY m.received_at, m.gateway_id, m.epoch, m.seq, m.leg;

-- name: units
-- What was seen of units, oldest known first, after a key; a row that takes another back tells that.
SELECT f.unit_fact_id, o.unit_fact_id, o.sscc, o.what, NULL::bigint, o.inside,
       coalesce(i.sku, ''), o.lot, o.serial, o.quantity, s.code, o.site_id, o.location,
       o.event_id::text, (extract(epoch FROM o.occurred_at) * 1000000)::bigint,
       (extract(epoch FROM o.received_at) * 1000000)::bigint, s.timezone,
       (SELECT min(c.gtin) FROM item_code c WHERE c.item_id = o.item_id AND c.quantity = 1),
       CASE WHEN f.takes_back IS NOT NULL
            THEN (extract(epoch FROM f.received_at) * 1000000)::bigint END
FROM unit_fact f
JOIN unit_fact o ON o.unit_fact_id = coalesce(f.takes_back, f.unit_fact_id)
JOIN site s ON s.site_id = o.site_id
LEFT JOIN item i ON i.item_id = o.item_id
WHERE o.what IN ('packed', 'unpacked', 'received') AND (o.quantity > 0 OR o.inside <> '')
  AND (%(sites)s::int[] IS NULL OR f.site_id = ANY(%(sites)s::int[]))
  AND (%(site)s::text IS NULL OR s.code = %(site)s)
  AND (%(item)s::text IS NULL OR i.sku = %(item)s)
  AND (%(lot)s::text IS NULL OR o.lot = %(lot)s)
  AND (%(since)s::bigint IS NULL OR f.received_at >= to_timestamp(%(since)s::numeric / 1000000))
  AND (%(until)s::bigint IS NULL OR f.received_at <= to_timestamp(%(until)s::numeric / 1000000))
  AND (%(after)s::bigint IS NULL OR f.unit_fact_id > %(after)s)
ORDER BY f.unit_fact_id
LIMIT %(limit)s;
