-- name: one_at_a_time
-- Documents of customers' orders are reconciled one after another: any two may turn out to be one.
SELECT pg_advisory_xact_lock(2201);

-- name: customer
-- The pseudonym of a person or firm; what is newly said replaces what was known, unless it was
-- erased: what somebody had erased does not come back by a late document.
INSERT INTO customer AS c (source, reference, name, email, phone, street, city, postcode, country,
                           region, seen_at)
VALUES (%(source)s, %(reference)s, %(name)s, %(email)s, %(phone)s, %(street)s, %(city)s,
        %(postcode)s, %(country)s, %(region)s, to_timestamp(%(at)s::numeric / 1000000))
ON CONFLICT (source, reference) DO UPDATE
SET name = CASE WHEN c.erased_at IS NULL THEN excluded.name ELSE c.name END,
    email = CASE WHEN c.erased_at IS NULL THEN excluded.email ELSE c.email END,
    phone = CASE WHEN c.erased_at IS NULL THEN excluded.phone ELSE c.phone END,
    street = CASE WHEN c.erased_at IS NULL THEN excluded.street ELSE c.street END,
    city = CASE WHEN c.erased_at IS NULL THEN excluded.city ELSE c.city END,
    postcode = CASE WHEN c.erased_at IS NULL THEN excluded.postcode ELSE c.postcode END,
    country = CASE WHEN c.erased_at IS NULL THEN excluded.country ELSE c.country END,
    region = CASE WHEN c.erased_at IS NULL THEN excluded.region ELSE c.region END,
    seen_at = greatest(c.seen_at, excluded.seen_at)
RETURNING pseudonym::text;

-- name: insert_statement
-- What a feed said, unless it said just that before.
INSERT INTO sales_statement (kind, feed, numbering, scope, number, version, digest, body,
                             delivery_id, position, received_at)
VALUES (%(kind)s, %(feed)s, %(numbering)s, %(scope)s, %(number)s, %(version)s, %(digest)s, %(body)s,
        %(delivery_id)s, %(position)s, to_timestamp(%(received_at)s::numeric / 1000000))
ON CONFLICT (feed, kind, numbering, scope, number, digest) DO NOTHING
RETURNING statement_id;

-- name: predecessor
-- What the same feed said of the same number and what counts until now.
SELECT statement_id, order_id, kind, feed, body FROM sales_statement
WHERE feed = %(feed)s AND kind = %(kind)s AND numbering = %(numbering)s AND scope = %(scope)s
  AND number = %(number)s AND current;

-- name: count_instead
-- Of one feed's words on one number the newest version counts.
UPDATE sales_statement SET current = (statement_id = %(statement_id)s)
WHERE statement_id = ANY(ARRAY[%(statement_id)s::bigint, %(before)s::bigint]);

-- name: orders_of_numbers
-- The orders that these numbers mean.
SELECT DISTINCT r.order_id
FROM sales_reference r
JOIN jsonb_to_recordset(%(numbers)s::jsonb) AS n (numbering text, scope text, number text)
  USING (numbering, scope, number);

-- name: current_statements
-- What counts of some orders, and one statement that belongs to none yet.
SELECT statement_id, order_id, kind, feed, body FROM sales_statement
WHERE current AND (order_id = ANY(%(orders)s::bigint[]) OR statement_id = %(statement_id)s)
ORDER BY statement_id;

-- name: cuts
-- Which of these numbers join nothing.
SELECT c.numbering, c.scope, c.number
FROM sales_cut c
JOIN jsonb_to_recordset(%(numbers)s::jsonb) AS n (numbering text, scope text, number text)
  USING (numbering, scope, number)
WHERE c.lifted_at IS NULL
UNION
SELECT a.numbering, a.scope, a.number
FROM sales_ambiguous a
JOIN jsonb_to_recordset(%(numbers)s::jsonb) AS n (numbering text, scope text, number text)
  USING (numbering, scope, number);

-- name: new_order
-- A row for an order; what it holds is written next.
INSERT INTO sales_order (status, numbering, scope, number, channel, currency, site, segment,
                         priority, promotion, looked_at, first_at, changed_at)
SELECT 'awaited', '', '', '', '', '', '', '', 0, '', now.at, now.at, now.at
FROM (SELECT to_timestamp(%(at)s::numeric / 1000000) AS at) AS now
RETURNING order_id;

-- name: write_order
-- An order as what was said last makes it.
UPDATE sales_order
SET status = %(status)s, merged_into = NULL, numbering = %(numbering)s, scope = %(scope)s,
    number = %(number)s, channel = %(channel)s,
    placed_at = to_timestamp(%(placed_at)s::numeric / 1000000),
    paid_at = to_timestamp(%(paid_at)s::numeric / 1000000),
    cancelled_at = to_timestamp(%(cancelled_at)s::numeric / 1000000), currency = %(currency)s,
    site = %(site)s, site_id = (SELECT s.site_id FROM site s WHERE s.code = %(site)s),
    segment = %(segment)s, priority = %(priority)s, promotion = %(promotion)s,
    ship_from = nullif(%(ship_from)s, '')::date, ship_by = nullif(%(ship_by)s, '')::date,
    customer = nullif(%(customer)s, '')::uuid, ship_to = nullif(%(ship_to)s, '')::uuid,
    differs = %(differs)s, unresolved = %(unresolved)s,
    looked_at = to_timestamp(%(looked_at)s::numeric / 1000000),
    changed_at = to_timestamp(%(at)s::numeric / 1000000)
WHERE order_id = %(order_id)s
RETURNING site_id;

-- name: absorb
-- An order that turned out to be another one, or of which nothing is left.
UPDATE sales_order
SET status = 'merged', merged_into = %(into)s, differs = '', unresolved = '',
    changed_at = to_timestamp(%(at)s::numeric / 1000000)
WHERE order_id = %(order_id)s;

-- name: clear_lines
-- Before an order's lines are written anew.
DELETE FROM sales_line WHERE order_id = ANY(%(orders)s::bigint[]);

-- name: clear_moved
-- Before what left and came back is written anew.
DELETE FROM sales_moved WHERE order_id = ANY(%(orders)s::bigint[]);

-- name: clear_references
-- Before the numbers of these orders are written anew.
DELETE FROM sales_reference WHERE order_id = ANY(%(orders)s::bigint[]);

-- name: insert_lines
-- An order's lines.
INSERT INTO sales_line (order_id, item, item_id, quantity, cancelled, shipped, returned, amount,
                        wanted, keeps_days)
SELECT %(order_id)s, x.item, i.item_id, x.quantity, x.cancelled, x.shipped, x.returned, x.amount,
       nullif(x.wanted, '')::date, x.keeps_days
FROM jsonb_to_recordset(%(lines)s::jsonb)
     AS x (item text, known boolean, quantity bigint, cancelled bigint, shipped bigint, returned bigint,
           amount bigint, wanted text, keeps_days int)
LEFT JOIN item i ON i.sku = x.item AND x.known;

-- name: insert_moved
-- What left and what came back.
INSERT INTO sales_moved (order_id, line, came_back, item, item_id, site, site_id, at, quantity,
                         feed, number)
SELECT %(order_id)s, x.line, x.came_back, x.item, i.item_id, x.site, s.site_id,
       to_timestamp(x.at::numeric / 1000000), x.quantity, x.feed, x.number
FROM jsonb_to_recordset(%(moved)s::jsonb)
     AS x (line int, came_back boolean, item text, known boolean, site text, at bigint,
           quantity bigint, feed text, number text)
LEFT JOIN item i ON i.sku = x.item AND x.known
LEFT JOIN site s ON s.code = x.site;

-- name: insert_references
-- The numbers that mean an order.
INSERT INTO sales_reference (order_id, numbering, scope, number)
SELECT %(order_id)s, n.numbering, n.scope, n.number
FROM jsonb_to_recordset(%(numbers)s::jsonb) AS n (numbering text, scope text, number text);

-- name: assign
-- The order that statements belong to.
UPDATE sales_statement SET order_id = %(order_id)s
WHERE statement_id = ANY(%(statements)s::bigint[]) AND order_id IS DISTINCT FROM %(order_id)s;

-- name: insert_changes
-- What changed and what made it change.
INSERT INTO sales_change (order_id, statement_id, at, by, what, item, before, after)
SELECT %(order_id)s, %(statement_id)s, to_timestamp(%(at)s::numeric / 1000000), %(by)s, x.what,
       x.item, x.before, x.after
FROM jsonb_to_recordset(%(changes)s::jsonb)
     AS x (what text, item text, before text, after text);

-- name: insert_cut
-- A number joins nothing any more.
INSERT INTO sales_cut (numbering, scope, number, cut_at, cut_by, why)
VALUES (%(numbering)s, %(scope)s, %(number)s, to_timestamp(%(at)s::numeric / 1000000), %(by)s,
        %(why)s)
ON CONFLICT (numbering, scope, number) WHERE lifted_at IS NULL DO NOTHING;

-- name: lift_cut
-- A number joins again.
UPDATE sales_cut SET lifted_at = to_timestamp(%(at)s::numeric / 1000000), lifted_by = %(by)s
WHERE numbering = %(numbering)s AND scope = %(scope)s AND number = %(number)s
  AND lifted_at IS NULL;

-- name: orders_naming
-- Orders whose statements name a number, cut or not.
SELECT DISTINCT s.order_id
FROM sales_number n JOIN sales_statement s USING (statement_id)
WHERE s.current AND s.order_id IS NOT NULL AND n.numbering = %(numbering)s
  AND n.scope = %(scope)s AND n.number = %(number)s;

-- name: unresolved
-- Orders that name what the catalog did not know when they were looked at last.
SELECT order_id FROM sales_order
WHERE unresolved <> '' AND looked_at < to_timestamp(%(before)s::numeric / 1000000)
ORDER BY looked_at, order_id LIMIT %(limit)s;

-- name: insert_numbers
-- The numbers by which a statement belongs to an order.
INSERT INTO sales_number (statement_id, numbering, scope, number, own)
SELECT %(statement_id)s, n.numbering, n.scope, n.number, n.own
FROM jsonb_to_recordset(%(numbers)s::jsonb)
     AS n (numbering text, scope text, number text, own boolean);

-- name: judge_numbers
-- Of some numbers: whether several orders of one feed quote it while nobody owns it, and whether
-- that was known.
SELECT n.numbering, n.scope, n.number, bool_or(q.own) IS FALSE AND max(q.orders) > 1,
       EXISTS (SELECT FROM sales_ambiguous a
               WHERE (a.numbering, a.scope, a.number) = (n.numbering, n.scope, n.number))
FROM jsonb_to_recordset(%(numbers)s::jsonb) AS n (numbering text, scope text, number text)
LEFT JOIN LATERAL (
    SELECT bool_or(m.own) AS own, count(DISTINCT (s.scope, s.number)) AS orders
    FROM sales_number m JOIN sales_statement s USING (statement_id)
    WHERE (m.numbering, m.scope, m.number) = (n.numbering, n.scope, n.number)
      AND s.current AND s.kind = 'sales-order'
    GROUP BY s.feed, s.numbering
) q ON true
GROUP BY n.numbering, n.scope, n.number
ORDER BY 1, 2, 3;

-- name: mark_ambiguous
-- A number joins nothing for now.
INSERT INTO sales_ambiguous (numbering, scope, number, since)
VALUES (%(numbering)s, %(scope)s, %(number)s, to_timestamp(%(at)s::numeric / 1000000));

-- name: unmark_ambiguous
-- A number joins again.
DELETE FROM sales_ambiguous
WHERE numbering = %(numbering)s AND scope = %(scope)s AND number = %(number)s;

-- name: remind
-- Orders that nobody has told of for long, once each.
UPDATE sales_order SET reminded_at = to_timestamp(%(at)s::numeric / 1000000)
WHERE status = 'awaited' AND reminded_at IS NULL
  AND first_at < to_timestamp(%(before)s::numeric / 1000000)
RETURNING order_id, numbering, scope, number, site_id;

-- name: open_lines
-- What customers wait for: lines that have not left. What a gateway picked for an order's document
-- has left available stock already, though no feed may have said so yet.
SELECT o.order_id, o.numbering, o.scope, o.number, l.item_id, o.site_id, o.channel,
       greatest(0, l.quantity - l.cancelled - greatest(l.shipped, coalesce(p.picked, 0)))::bigint,
       (extract(epoch FROM o.placed_at) * 1000000)::bigint,
       (extract(epoch FROM o.paid_at) * 1000000)::bigint,
       o.segment, o.priority, l.keeps_days, l.wanted, o.ship_from, o.ship_by, l.amount, l.quantity,
       o.currency
FROM sales_line l
JOIN sales_order o USING (order_id)
LEFT JOIN LATERAL (
    SELECT sum(d.quantity)::bigint AS picked
    FROM sales_reference r
    JOIN document_pick d ON d.document = r.number AND d.item_id = l.item_id
                        AND (o.site_id IS NULL OR d.site_id = o.site_id)
    LEFT JOIN undone_scan u ON u.undone = d.event_id
    WHERE r.order_id = o.order_id AND u.undone IS NULL
) p ON true
WHERE l.quantity > l.cancelled + l.shipped AND o.status IN ('open', 'part-shipped')
  AND (%(items)s::int[] IS NULL OR l.item_id = ANY(%(items)s::int[]))
  AND l.item_id IS NOT NULL
  AND l.quantity - l.cancelled > greatest(l.shipped, coalesce(p.picked, 0))
ORDER BY l.item_id, o.placed_at, o.order_id;

-- name: order_rows
-- Orders, the newest first, before a key.
SELECT o.order_id, o.merged_into, o.status, o.numbering, o.scope, o.number, o.channel,
       (extract(epoch FROM o.placed_at) * 1000000)::bigint,
       (extract(epoch FROM o.paid_at) * 1000000)::bigint,
       (extract(epoch FROM o.cancelled_at) * 1000000)::bigint,
       o.currency, o.site, o.segment, o.priority, o.promotion, o.ship_from::text, o.ship_by::text,
       o.differs, o.unresolved, (extract(epoch FROM o.first_at) * 1000000)::bigint,
       (extract(epoch FROM o.changed_at) * 1000000)::bigint
FROM sales_order o
WHERE (%(order_id)s::bigint IS NULL OR o.order_id = %(order_id)s)
  AND (%(order_id)s::bigint IS NOT NULL OR o.status <> 'merged')
  AND (%(sites)s::int[] IS NULL OR o.site_id = ANY(%(sites)s::int[]))
  AND (%(site)s::text IS NULL OR o.site = %(site)s)
  AND (%(channel)s::text IS NULL OR o.channel = %(channel)s)
  AND (%(status)s::text IS NULL OR o.status = %(status)s)
  AND (%(item)s::text IS NULL
       OR EXISTS (SELECT FROM sales_line l WHERE l.order_id = o.order_id
                  AND l.item_id = (SELECT i.item_id FROM item i WHERE i.sku = %(item)s)))
  AND (%(number)s::text IS NULL OR o.number = %(number)s
       OR o.order_id = ANY(ARRAY(SELECT r.order_id FROM sales_reference r
                                 WHERE r.number = %(number)s)))
  AND (%(since)s::bigint IS NULL
       OR o.changed_at >= to_timestamp(%(since)s::numeric / 1000000))
  AND (%(after)s::bigint IS NULL OR o.order_id < %(after)s)
ORDER BY o.order_id DESC
LIMIT %(limit)s;

-- name: lines_of
-- The lines of some orders.
SELECT order_id, item, item_id IS NOT NULL, quantity, cancelled, shipped, returned, amount,
       coalesce(wanted::text, ''), keeps_days
FROM sales_line WHERE order_id = ANY(%(orders)s::bigint[]) ORDER BY order_id, item;

-- name: moved_of
-- What left, and came back, of some orders.
SELECT order_id, came_back, item, item_id, site, site_id,
       (extract(epoch FROM at) * 1000000)::bigint, quantity, feed, number
FROM sales_moved WHERE order_id = ANY(%(orders)s::bigint[]) ORDER BY order_id, line;

-- name: picked_of
-- What gateways picked for a document of one of an order's numbers, by SKU.
SELECT i.sku, sum(d.quantity)::bigint
FROM document_pick d
JOIN item i USING (item_id)
LEFT JOIN undone_scan u ON u.undone = d.event_id
WHERE d.document = ANY(ARRAY(SELECT number FROM sales_reference WHERE order_id = %(order_id)s))
  AND u.undone IS NULL
GROUP BY i.sku;

-- name: references_of
-- The numbers of an order.
SELECT numbering, scope, number FROM sales_reference WHERE order_id = %(order_id)s ORDER BY 1, 2, 3;

-- name: statements_of
-- What was said of an order, in the order of arrival.
SELECT statement_id, current, kind, feed, numbering, scope, number, version, body, delivery_id,
       position, (extract(epoch FROM received_at) * 1000000)::bigint
FROM sales_statement WHERE order_id = %(order_id)s ORDER BY statement_id;

-- name: changes_of
-- What changed in an order, in the order of arrival.
SELECT change_id, statement_id, (extract(epoch FROM at) * 1000000)::bigint, by, what, item, before,
       after
FROM sales_change WHERE order_id = %(order_id)s ORDER BY change_id;

-- name: demanded
-- An order as demand: what was asked for, where and when.
SELECT o.order_id, o.status, o.channel, (extract(epoch FROM o.placed_at) * 1000000)::bigint,
       o.site_id, o.promotion, l.item_id, l.quantity, l.cancelled
FROM sales_order o LEFT JOIN sales_line l ON l.order_id = o.order_id AND l.item_id IS NOT NULL
WHERE o.order_id = ANY(%(orders)s::bigint[])
ORDER BY o.order_id, l.item_id;
