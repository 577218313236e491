-- name: feed_gaps
-- Feeds that were silent for over twice as long as they may be, in the last 28 days.
SELECT f.code, f.site_id, count(*)::int, (max(g.gap) / 60)::bigint, f.interval_s / 60
FROM feed AS f CROSS JOIN LATERAL (
    SELECT extract(epoch FROM received_at - lag(received_at) OVER (ORDER BY received_at)) AS gap
    FROM feed_delivery
    WHERE feed_id = f.feed_id
      AND received_at >= to_timestamp(%(now)s::numeric / 1000000) - interval '28 days') AS g
WHERE f.standing = 'on' AND f.interval_s IS NOT NULL AND g.gap > 2 * f.interval_s
GROUP BY f.feed_id ORDER BY f.code;

-- name: feed_shares
-- How much of what came in the last seven days came twice, and how much was refused.
SELECT f.code, f.site_id, count(*)::int, sum(d.repeats)::int,
       count(*) FILTER (WHERE d.standing IN ('refused', 'partly'))::int,
       coalesce(mode() WITHIN GROUP (ORDER BY d.error_code)
                FILTER (WHERE d.standing IN ('refused', 'partly')), ''),
       coalesce(mode() WITHIN GROUP (ORDER BY d.error_where)
                FILTER (WHERE d.standing IN ('refused', 'partly')), '')
FROM feed AS f JOIN feed_delivery AS d USING (feed_id)
WHERE d.received_at >= to_timestamp(%(now)s::numeric / 1000000) - interval '7 days'
GROUP BY f.feed_id ORDER BY f.code;

-- name: feed_silent
-- Feeds that are known to have stopped.
SELECT code, site_id, (extract(epoch FROM silent_at) * 1000000)::bigint FROM feed
WHERE standing = 'on' AND silent_at IS NOT NULL ORDER BY code;

-- name: topics
-- Feeds and topics of which something was applied in the last 14 days.
SELECT DISTINCT f.feed_id, f.code, f.site_id, CASE WHEN d.origin = 'file' THEN '' ELSE d.topic END
FROM feed AS f JOIN feed_delivery AS d USING (feed_id)
WHERE d.standing = 'applied' AND d.content IS NOT NULL AND d.size < 262144
  AND d.received_at >= to_timestamp(%(now)s::numeric / 1000000) - interval '14 days'
ORDER BY f.code, 4;

-- name: samples
-- The newest, or the oldest, of what was applied of a feed's topic.
SELECT content FROM feed_delivery
WHERE feed_id = %(feed_id)s AND standing = 'applied' AND content IS NOT NULL AND size < 262144
  AND CASE WHEN origin = 'file' THEN '' ELSE topic END = %(topic)s
  AND received_at >= to_timestamp(%(now)s::numeric / 1000000) - interval '14 days'
ORDER BY CASE WHEN %(newest)s THEN -delivery_id ELSE delivery_id END
LIMIT %(limit)s;

-- name: unit_mistakes
-- Days on which an item's demand was many times its usual, and just a number of its packs.
WITH daily AS (
    SELECT DISTINCT ON (item_id, site_id, channel, day) item_id, site_id, channel, day,
           ordered + sold AS quantity
    FROM demand
    WHERE day >= (to_timestamp(%(now)s::numeric / 1000000) - interval '91 days')::date
    ORDER BY item_id, site_id, channel, day, known_at DESC),
usual AS (
    SELECT item_id, site_id, channel,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY quantity) AS median
    FROM daily WHERE quantity > 0
    GROUP BY item_id, site_id, channel HAVING count(*) >= 8)
SELECT i.sku, d.site_id, s.code, d.channel, count(*)::int, max(d.quantity)::bigint,
       max(u.median)::bigint, min(p.quantity)
FROM daily AS d JOIN usual AS u USING (item_id, channel) JOIN item AS i USING (item_id)
LEFT JOIN site AS s ON s.site_id = d.site_id
JOIN item_code AS p ON p.item_id = d.item_id AND p.quantity > 1
WHERE u.site_id IS NOT DISTINCT FROM d.site_id AND d.quantity >= 5 * u.median
  AND d.quantity %% p.quantity = 0 AND d.quantity >= p.quantity
  AND u.median < p.quantity
GROUP BY i.sku, d.site_id, s.code, d.channel ORDER BY i.sku, s.code, d.channel LIMIT %(most)s;

-- name: demand_gaps
-- Channels of a site with days in the last 91 of which nobody told anything, between days that were.
WITH days AS (
    SELECT DISTINCT site_id, channel, day FROM demand
    WHERE day >= (to_timestamp(%(now)s::numeric / 1000000) - interval '91 days')::date
      AND channel <> ''),
span AS (
    SELECT site_id, channel, count(*) AS told, max(day) - min(day) + 1 AS days FROM days
    GROUP BY site_id, channel)
SELECT s.code, p.site_id, p.channel, (p.days - p.told)::int, p.days::int
FROM span AS p LEFT JOIN site AS s USING (site_id)
WHERE p.days >= 14 AND p.told < p.days AND p.told * 2 >= p.days
ORDER BY s.code, p.channel;

-- name: future_demand
-- Demand of days that have not begun anywhere, as it is known now.
WITH ahead AS (
    SELECT DISTINCT ON (item_id, site_id, channel, day) item_id, site_id, channel, day,
           ordered + sold AS quantity
    FROM demand
    WHERE day > (to_timestamp(%(now)s::numeric / 1000000) + interval '1 day')::date
    ORDER BY item_id, site_id, channel, day, known_at DESC)
SELECT i.sku, d.site_id, s.code, d.channel, max(d.day)
FROM ahead AS d JOIN item AS i USING (item_id) LEFT JOIN site AS s ON s.site_id = d.site_id
WHERE d.quantity > 0
GROUP BY i.sku, d.site_id, s.code, d.channel ORDER BY i.sku, s.code, d.channel LIMIT %(most)s;

-- name: below_zero
-- Items of which a site has less than nothing.
SELECT i.sku, b.site_id, s.code, sum(b.quantity)::bigint
FROM balance AS b JOIN item AS i USING (item_id) JOIN site AS s USING (site_id)
WHERE b.quantity < 0
GROUP BY i.sku, b.site_id, s.code ORDER BY i.sku, s.code LIMIT %(most)s;

-- name: shipped_beyond
-- Items of which more left, or came back, than was ordered.
SELECT i.sku, o.site_id, s.code, count(*)::int, min(o.number)
FROM sales_line AS l JOIN sales_order AS o USING (order_id) JOIN item AS i USING (item_id)
LEFT JOIN site AS s ON s.site_id = o.site_id
WHERE o.status NOT IN ('merged', 'awaited')
  AND (l.shipped > l.quantity - l.cancelled OR l.returned > l.shipped AND l.shipped > 0)
  AND o.placed_at >= to_timestamp(%(now)s::numeric / 1000000) - interval '91 days'
GROUP BY i.sku, o.site_id, s.code ORDER BY i.sku, s.code LIMIT %(most)s;

-- name: packs
-- Trade item numbers with what one holds, of items that have several sizes.
SELECT i.sku, array_agg(c.quantity ORDER BY c.quantity, c.gtin),
       array_agg(coalesce(p.level, '') ORDER BY c.quantity, c.gtin)
FROM item AS i JOIN item_code AS c USING (item_id)
LEFT JOIN pack_version AS p ON p.gtin = c.gtin AND p.until IS NULL
WHERE NOT i.removed
GROUP BY i.item_id HAVING count(DISTINCT c.quantity) > 1 ORDER BY i.sku;

-- name: same_names
-- Items that are called the same.
SELECT lower(name), array_agg(sku ORDER BY sku) FROM item
WHERE NOT removed AND name <> ''
GROUP BY lower(name) HAVING count(*) > 1 ORDER BY 1 LIMIT %(most)s;

-- name: cost_above_price
-- Items that cost more than they bring.
SELECT i.sku, a.cost, a.price, a.currency
FROM assortment_version AS a JOIN item AS i USING (item_id)
WHERE a.until IS NULL AND NOT i.removed AND a.cost > a.price ORDER BY i.sku LIMIT %(most)s;

-- name: completeness
-- How many items there are, and how many lack what planning needs.
SELECT count(*)::int,
       count(*) FILTER (WHERE a.cost IS NULL)::int,
       count(*) FILTER (WHERE NOT EXISTS (
           SELECT FROM item_code AS c WHERE c.item_id = i.item_id))::int,
       count(*) FILTER (WHERE NOT EXISTS (
           SELECT FROM offer_version AS o
           WHERE o.item_id = i.item_id AND o.until IS NULL AND NOT o.removed))::int
FROM item AS i LEFT JOIN assortment_version AS a ON a.item_id = i.item_id AND a.until IS NULL
WHERE NOT i.removed;

-- name: lead_times
-- What suppliers state, beside what their last twelve orders took until goods first came.
WITH taken AS (
    SELECT o.supplier_id, (min(r.received_at)::date - o.ordered_at::date) AS days,
           row_number() OVER (PARTITION BY o.supplier_id ORDER BY o.ordered_at DESC) AS place
    FROM purchase_order AS o JOIN purchase_receipt AS r USING (purchase_id)
    WHERE r.counts GROUP BY o.purchase_id)
SELECT s.code, v.lead_days, count(t.days)::int, min(t.days)::int, max(t.days)::int
FROM supplier AS s JOIN supplier_version AS v ON v.supplier_id = s.supplier_id AND v.until IS NULL
LEFT JOIN taken AS t ON t.supplier_id = s.supplier_id AND t.place <= 12
WHERE NOT v.removed
GROUP BY s.code, v.lead_days ORDER BY s.code;

-- name: demand_days
-- How many days of demand there are, and of how many items.
SELECT count(DISTINCT day)::int, count(DISTINCT item_id)::int FROM demand
WHERE day >= (to_timestamp(%(now)s::numeric / 1000000) - interval '371 days')::date
  AND channel <> '';

-- name: looked
-- Notes when somebody looked.
INSERT INTO quality_look (at) VALUES (to_timestamp(%(now)s::numeric / 1000000))
ON CONFLICT (only_row) DO UPDATE SET at = excluded.at;

-- name: looked_at
-- When somebody last looked.
SELECT (extract(epoch FROM at) * 1000000)::bigint FROM quality_look;

-- name: hold
-- One look at a time.
SELECT pg_advisory_xact_lock(31);

-- name: current
-- What was found and has not gone.
SELECT check_code, subject, detail, blocking FROM quality_finding WHERE gone_at IS NULL;

-- name: gone
-- What is not found any more, or otherwise.
UPDATE quality_finding AS f SET gone_at = to_timestamp(%(now)s::numeric / 1000000)
FROM unnest(%(checks)s::text[], %(subjects)s::text[]) AS g (check_code, subject)
WHERE f.check_code = g.check_code AND f.subject = g.subject AND f.gone_at IS NULL;

-- name: seen
-- What is found again.
UPDATE quality_finding SET last_at = to_timestamp(%(now)s::numeric / 1000000)
WHERE gone_at IS NULL;

-- name: found
-- A finding.
INSERT INTO quality_finding (check_code, area, subject, feed, sku, site_id, detail, blocking,
                             found_at, last_at)
VALUES (%(check)s, %(area)s, %(subject)s, %(feed)s, %(sku)s, %(site_id)s, %(detail)s, %(blocking)s,
        to_timestamp(%(now)s::numeric / 1000000), to_timestamp(%(now)s::numeric / 1000000));

-- name: findings
-- Findings, the newest first, before one.
SELECT q.finding_id, q.check_code, q.area, q.subject, q.feed, q.sku, s.code, q.detail, q.blocking,
       (extract(epoch FROM q.found_at) * 1000000)::bigint,
       (extract(epoch FROM q.last_at) * 1000000)::bigint,
       (extract(epoch FROM q.gone_at) * 1000000)::bigint
FROM quality_finding AS q LEFT JOIN site AS s USING (site_id)
WHERE (%(sites)s::int[] IS NULL OR q.site_id = ANY(%(sites)s::int[]))
  AND (%(check)s::text IS NULL OR q.check_code = %(check)s)
  AND (%(feed)s::text IS NULL OR q.feed = %(feed)s)
  AND (%(sku)s::text IS NULL OR q.sku = %(sku)s)
  AND (%(area)s::text IS NULL OR q.area = %(area)s)
  AND (%(gone)s OR q.gone_at IS NULL)
  AND (%(after)s::bigint IS NULL OR q.finding_id < %(after)s)
ORDER BY q.finding_id DESC LIMIT %(limit)s;
