-- name: touch
-- Orders or sales have to be looked at again.
INSERT INTO demand_touched (source, source_id)
SELECT %(source)s, unnest(%(ids)s::bigint[]);

-- name: insert_sale
-- What a feed says was sold, unless that was said before; to be looked at.
WITH fresh AS (
    INSERT INTO demand_sale (numbering, scope, number, version, digest, feed, body, orders,
                             delivery_id, position, received_at)
    VALUES (%(numbering)s, %(scope)s, %(number)s, %(version)s, %(digest)s, %(feed)s, %(body)s,
            %(orders)s, %(delivery_id)s, %(position)s,
            to_timestamp(%(received_at)s::numeric / 1000000))
    ON CONFLICT (numbering, scope, number, digest) DO NOTHING
    RETURNING sale_id
)
INSERT INTO demand_touched (source, source_id) SELECT 'sale', sale_id FROM fresh;

-- name: only_one
-- Only one works off what was touched; whether that is this one.
SELECT pg_try_advisory_xact_lock(2401);

-- name: learn_at
-- The moment at which what follows is learnt: later than all before.
UPDATE demand_state
SET known_at = greatest(to_timestamp(%(now)s::numeric / 1000000),
                        known_at + interval '1 microsecond')
RETURNING (extract(epoch FROM known_at) * 1000000)::bigint;

-- name: take_touched
-- What has to be looked at, in the order in which it was touched.
DELETE FROM demand_touched WHERE touch_id IN (
    SELECT touch_id FROM demand_touched ORDER BY touch_id LIMIT %(limit)s)
RETURNING source, source_id;

-- name: zones
-- The sites' time zones.
SELECT site_id, code, timezone FROM site;

-- name: sales_of_orders
-- Sales that settle one of these orders.
SELECT s.sale_id FROM demand_sale s
WHERE s.orders <> '{}' AND s.orders && ARRAY(
    SELECT r.numbering || E'\x1f' || r.scope || E'\x1f' || r.number FROM sales_reference r
    WHERE r.order_id = ANY(%(orders)s::bigint[]));

-- name: sales_settling
-- Sales that name a number of an order, and may have been counted with it.
SELECT DISTINCT s.sale_id FROM demand_sale s
JOIN sales_number n ON s.orders @> ARRAY[n.numbering || E'\x1f' || n.scope || E'\x1f' || n.number]
JOIN sales_statement t USING (statement_id)
WHERE s.orders <> '{}' AND t.order_id = ANY(%(orders)s::bigint[]);

-- name: counted_sales
-- Of each sale the version that counts, its first row, and whether an order counts instead.
SELECT first.sale_id, s.sale_id, s.feed, s.body,
       EXISTS (SELECT FROM unnest(s.orders) AS name (text)
               JOIN sales_reference r
                 ON r.numbering = split_part(name.text, E'\x1f', 1)
                AND r.scope = split_part(name.text, E'\x1f', 2)
                AND r.number = split_part(name.text, E'\x1f', 3))
FROM (SELECT DISTINCT numbering, scope, number FROM demand_sale
      WHERE %(sales)s::bigint[] IS NULL OR sale_id = ANY(%(sales)s::bigint[])) named
JOIN LATERAL (SELECT min(sale_id) AS sale_id FROM demand_sale d
              WHERE (d.numbering, d.scope, d.number)
                  = (named.numbering, named.scope, named.number)) first ON true
JOIN LATERAL (SELECT * FROM demand_sale d
              WHERE (d.numbering, d.scope, d.number)
                  = (named.numbering, named.scope, named.number)
              ORDER BY version DESC, digest DESC LIMIT 1) s ON true
ORDER BY first.sale_id;

-- name: unresolved_of
-- What of these sales the catalog did not know so far.
SELECT sale_id, unresolved FROM demand_sale
WHERE sale_id = ANY(%(sales)s::bigint[]) AND unresolved <> '';

-- name: note_unresolved
-- What of a sale the catalog does not know.
UPDATE demand_sale d
SET unresolved = x.unresolved, looked_at = to_timestamp(%(at)s::numeric / 1000000)
FROM jsonb_to_recordset(%(rows)s::jsonb) AS x (sale_id bigint, unresolved text)
WHERE d.sale_id = x.sale_id AND (d.unresolved <> '' OR x.unresolved <> '');

-- name: waiting_for
-- Whether a feed has sales that wait for this.
SELECT EXISTS (SELECT FROM demand_sale
               WHERE feed = %(feed)s AND unresolved = %(unresolved)s AND unresolved <> '');

-- name: touch_unresolved
-- Sales that named what the catalog did not know when they were looked at, before a moment.
INSERT INTO demand_touched (source, source_id)
SELECT 'sale', sale_id FROM demand_sale
WHERE unresolved <> '' AND looked_at < to_timestamp(%(before)s::numeric / 1000000)
ORDER BY looked_at LIMIT %(limit)s;

-- name: all_orders
-- Every order that is one.
SELECT order_id FROM sales_order WHERE status <> 'merged' ORDER BY order_id;

-- name: parts_of
-- What these orders or sales contribute so far.
SELECT part_id, source_id, item_id, site_id, channel, day, measure, quantity, promotion, estimated
FROM demand_part
WHERE source = %(source)s AND source_id = ANY(%(ids)s::bigint[]) AND until IS NULL;

-- name: end_parts
-- These are not so any more.
UPDATE demand_part SET until = to_timestamp(%(at)s::numeric / 1000000)
WHERE part_id = ANY(%(parts)s::bigint[]) AND until IS NULL;

-- name: insert_parts
-- These are so from now on.
INSERT INTO demand_part (source, source_id, item_id, site_id, channel, day, measure, quantity,
                         promotion, estimated, known_at)
SELECT %(source)s, x.*, to_timestamp(%(at)s::numeric / 1000000)
FROM jsonb_to_recordset(%(parts)s::jsonb)
     AS x (source_id bigint, item_id int, site_id int, channel text, day date, measure text,
           quantity bigint, promotion text, estimated boolean);

-- name: roll_up
-- The days concerned as they are now, where that is otherwise than it was.
INSERT INTO demand (item_id, site_id, channel, day, known_at, ordered, cancelled, shipped, sold,
                    returned, promotion, estimated)
SELECT c.item_id, c.site_id, c.channel, c.day, to_timestamp(%(at)s::numeric / 1000000),
       p.ordered, p.cancelled, p.shipped, p.sold, p.returned, p.promotion, p.estimated
FROM jsonb_to_recordset(%(cells)s::jsonb) AS c (item_id int, site_id int, channel text, day date)
JOIN LATERAL (
    SELECT coalesce(sum(quantity) FILTER (WHERE measure = 'ordered'), 0)::bigint AS ordered,
           coalesce(sum(quantity) FILTER (WHERE measure = 'cancelled'), 0)::bigint AS cancelled,
           coalesce(sum(quantity) FILTER (WHERE measure = 'shipped'), 0)::bigint AS shipped,
           coalesce(sum(quantity) FILTER (WHERE measure = 'sold'), 0)::bigint AS sold,
           coalesce(sum(quantity) FILTER (WHERE measure = 'returned'), 0)::bigint AS returned,
           coalesce(max(promotion), '') AS promotion, coalesce(bool_or(estimated), false) AS estimated
    FROM demand_part
    WHERE item_id = c.item_id AND site_id IS NOT DISTINCT FROM c.site_id AND channel = c.channel
      AND day = c.day AND until IS NULL
) p ON true
LEFT JOIN LATERAL (
    SELECT ordered, cancelled, shipped, sold, returned, promotion, estimated
    FROM demand
    WHERE item_id = c.item_id AND site_id IS NOT DISTINCT FROM c.site_id AND channel = c.channel
      AND day = c.day
    ORDER BY known_at DESC LIMIT 1
) d ON true
WHERE (p.ordered, p.cancelled, p.shipped, p.sold, p.returned, p.promotion, p.estimated)
      IS DISTINCT FROM (coalesce(d.ordered, 0), coalesce(d.cancelled, 0), coalesce(d.shipped, 0),
                        coalesce(d.sold, 0), coalesce(d.returned, 0), coalesce(d.promotion, ''),
                        coalesce(d.estimated, false));

-- name: moved_stock
-- Which items moved available stock where, and since when, in the next stretch of what was received;
-- a minute is looked at twice, since transactions end a little after their moment.
WITH stretch AS (
    SELECT s.movements_until - interval '1 minute' AS since,
           least(to_timestamp(%(now)s::numeric / 1000000),
                 greatest(s.movements_until, m.received_at) + interval '6 hours') AS until
    FROM demand_state s
    LEFT JOIN LATERAL (SELECT received_at FROM movement WHERE received_at > s.movements_until
                       ORDER BY received_at LIMIT 1) m ON true
), moved AS (
    UPDATE demand_state SET movements_until = greatest(movements_until, stretch.until) FROM stretch
)
SELECT m.item_id, m.site_id, (extract(epoch FROM min(m.occurred_at)) * 1000000)::bigint
FROM movement m, stretch
WHERE m.received_at > stretch.since AND m.received_at <= stretch.until AND m.state = 0
GROUP BY m.item_id, m.site_id
ORDER BY m.item_id, m.site_id;

-- name: more_movements
-- Whether some were received that nobody looked at.
SELECT EXISTS (SELECT FROM movement m, demand_state s
               WHERE m.received_at > s.movements_until
                 AND m.received_at <= to_timestamp(%(now)s::numeric / 1000000));

-- name: opening
-- What was available of an item at a site before a moment.
SELECT coalesce((SELECT sum(quantity) FROM balance
                 WHERE site_id = %(site_id)s AND item_id = %(item_id)s AND state = 0), 0)::bigint
     - coalesce((SELECT sum(quantity) FROM movement
                 WHERE site_id = %(site_id)s AND item_id = %(item_id)s AND state = 0
                   AND occurred_at >= to_timestamp(%(since)s::numeric / 1000000)), 0)::bigint;

-- name: movements_since
-- How what is available of an item at a site changed since a moment.
SELECT (extract(epoch FROM occurred_at) * 1000000)::bigint, sum(quantity)::bigint
FROM movement
WHERE site_id = %(site_id)s AND item_id = %(item_id)s AND state = 0
  AND occurred_at >= to_timestamp(%(since)s::numeric / 1000000)
GROUP BY occurred_at HAVING sum(quantity) <> 0 ORDER BY occurred_at;

-- name: ledger_spans
-- When nothing was available by the ledger, from a moment on.
SELECT stockout_id, (extract(epoch FROM began) * 1000000)::bigint,
       (extract(epoch FROM ended) * 1000000)::bigint
FROM stockout
WHERE source = 'ledger' AND item_id = %(item_id)s AND site_id = %(site_id)s AND until IS NULL
  AND (ended IS NULL OR ended >= to_timestamp(%(since)s::numeric / 1000000))
ORDER BY began;

-- name: sale_spans
-- When nothing was available as these sales said.
SELECT stockout_id, source_id, item_id, site_id, (extract(epoch FROM began) * 1000000)::bigint,
       (extract(epoch FROM ended) * 1000000)::bigint
FROM stockout
WHERE source = 'sale' AND source_id = ANY(%(ids)s::bigint[]) AND until IS NULL;

-- name: end_spans
-- These were not so.
UPDATE stockout SET until = to_timestamp(%(at)s::numeric / 1000000)
WHERE stockout_id = ANY(%(spans)s::bigint[]) AND until IS NULL;

-- name: insert_spans
-- When nothing was available.
INSERT INTO stockout (source, source_id, item_id, site_id, began, ended, known_at)
SELECT %(source)s, x.source_id, x.item_id, x.site_id, to_timestamp(x.began::numeric / 1000000),
       to_timestamp(x.ended::numeric / 1000000), to_timestamp(%(at)s::numeric / 1000000)
FROM jsonb_to_recordset(%(spans)s::jsonb)
     AS x (source_id bigint, item_id int, site_id int, began bigint, ended bigint);

-- name: demand
-- Days by day, item, site and channel, after a key, as known at a moment; a day without stock on
-- which nothing was asked for is among them, with an empty channel.
WITH seen AS (
    SELECT * FROM stockout o
    WHERE (%(item_id)s::int IS NULL OR o.item_id = %(item_id)s)
      AND (%(site_id)s::int IS NULL OR o.site_id = %(site_id)s)
      AND (%(sites)s::int[] IS NULL OR o.site_id = ANY(%(sites)s::int[]))
      AND CASE WHEN %(known)s::bigint IS NULL THEN o.until IS NULL
               ELSE o.known_at <= to_timestamp(%(known)s::numeric / 1000000)
                AND (o.until IS NULL OR o.until > to_timestamp(%(known)s::numeric / 1000000)) END
), dry AS (
    SELECT DISTINCT o.item_id, o.site_id, d.day::date AS day
    FROM seen o JOIN site s USING (site_id)
    CROSS JOIN LATERAL generate_series(
        greatest((o.began AT TIME ZONE s.timezone)::date, %(from)s::date)::timestamp,
        least(((coalesce(o.ended, to_timestamp(%(now)s::numeric / 1000000))
                - interval '1 microsecond') AT TIME ZONE s.timezone)::date,
              %(to)s::date)::timestamp,
        interval '1 day') AS d (day)
), told AS (
    SELECT DISTINCT ON (item_id, site_id, channel, day) *
    FROM demand
    WHERE day BETWEEN %(from)s AND %(to)s
      AND (%(item_id)s::int IS NULL OR item_id = %(item_id)s)
      AND (%(site_id)s::int IS NULL OR site_id = %(site_id)s)
      AND (%(sites)s::int[] IS NULL OR site_id = ANY(%(sites)s::int[]))
      AND (%(channel)s::text IS NULL OR channel = %(channel)s)
      AND (%(known)s::bigint IS NULL
           OR known_at <= to_timestamp(%(known)s::numeric / 1000000))
    ORDER BY item_id, site_id, channel, day, known_at DESC
), days AS (
    SELECT t.item_id, t.site_id, t.channel, t.day, t.ordered, t.cancelled, t.shipped, t.sold,
           t.returned, t.promotion, t.estimated, d.day IS NOT NULL AS censored, t.known_at
    FROM told t LEFT JOIN dry d ON (d.item_id, d.site_id, d.day) = (t.item_id, t.site_id, t.day)
    WHERE t.ordered + t.cancelled + t.shipped + t.sold + t.returned > 0
    UNION ALL
    SELECT d.item_id, d.site_id, '', d.day, 0, 0, 0, 0, 0, '', false, true, NULL
    FROM dry d
    WHERE NOT EXISTS (SELECT FROM told t
                      WHERE (t.item_id, t.site_id, t.day) = (d.item_id, d.site_id, d.day)
                        AND t.ordered + t.cancelled + t.shipped + t.sold + t.returned > 0)
)
SELECT x.item_id, i.sku, coalesce(x.site_id, 0), s.code, x.channel, x.day::text, x.ordered,
       x.cancelled, x.shipped, x.sold, x.returned,
       coalesce(nullif(x.promotion, ''), p.code, ''), p.code IS NOT NULL OR x.promotion <> '',
       x.estimated, x.censored, (extract(epoch FROM x.known_at) * 1000000)::bigint
FROM (SELECT * FROM days
      WHERE %(after_day)s::text IS NULL
         OR (day, item_id, coalesce(site_id, 0), channel COLLATE "C")
          > (%(after_day)s::date, %(after_item)s::int, %(after_site)s::int, %(after_channel)s::text)
      ORDER BY day, item_id, coalesce(site_id, 0), channel COLLATE "C"
      LIMIT %(limit)s) x
JOIN item i ON i.item_id = x.item_id
LEFT JOIN site s ON s.site_id = x.site_id
LEFT JOIN LATERAL (
    SELECT v.code
    FROM promotion_version v,
         (SELECT max(revision) AS revision FROM catalog_revision
          WHERE %(known)s::bigint IS NULL
             OR at <= to_timestamp(%(known)s::numeric / 1000000)) r
    WHERE v.since <= r.revision AND (v.until IS NULL OR v.until > r.revision) AND NOT v.removed
      AND x.day BETWEEN v.starts AND v.ends
      AND v.site IN ('', coalesce(s.code, '')) AND v.channel IN ('', x.channel)
      AND (v.sku = i.sku OR v.category = (
           SELECT a.category FROM assortment_version a
           WHERE a.item_id = i.item_id AND a.since <= r.revision
             AND (a.until IS NULL OR a.until > r.revision) AND a.category <> ''))
    ORDER BY v.code LIMIT 1
) p ON true
ORDER BY x.day, x.item_id, coalesce(x.site_id, 0), x.channel COLLATE "C";

-- name: evidence
-- What makes a day's demand, as known at a moment: each contribution and where it comes from.
SELECT p.part_id, p.measure, p.quantity, p.promotion, p.estimated, p.source, p.source_id,
       coalesce(o.numbering, d.numbering), coalesce(o.scope, d.scope),
       coalesce(o.number, d.number), d.feed, d.delivery_id, d.position,
       (extract(epoch FROM p.known_at) * 1000000)::bigint
FROM demand_part p
LEFT JOIN sales_order o ON p.source = 'order' AND o.order_id = p.source_id
LEFT JOIN LATERAL (
    SELECT w.* FROM demand_sale f
    JOIN demand_sale w ON (w.numbering, w.scope, w.number) = (f.numbering, f.scope, f.number)
    WHERE p.source = 'sale' AND f.sale_id = p.source_id AND w.received_at <= p.known_at
    ORDER BY w.version DESC, w.digest DESC LIMIT 1
) d ON true
WHERE p.item_id = %(item_id)s AND p.day = %(day)s AND p.channel = %(channel)s
  AND p.site_id IS NOT DISTINCT FROM %(site_id)s::int
  AND CASE WHEN %(known)s::bigint IS NULL THEN p.until IS NULL
           ELSE p.known_at <= to_timestamp(%(known)s::numeric / 1000000)
            AND (p.until IS NULL OR p.until > to_timestamp(%(known)s::numeric / 1000000)) END
  AND (%(after)s::bigint IS NULL OR p.part_id > %(after)s)
ORDER BY p.part_id LIMIT %(limit)s;

-- name: standing
-- Every day's demand as it is told now.
SELECT DISTINCT ON (item_id, site_id, channel, day)
       item_id, site_id, channel, day, ordered, cancelled, shipped, sold, returned
FROM demand ORDER BY item_id, site_id, channel, day, known_at DESC;
