-- name: lock_numbers
-- Whatever speaks of one order waits for what else does: a statement and the order it is of never
-- miss each other. Sorted by the caller.
SELECT pg_advisory_xact_lock(hashtextextended('purchase ' || alias, 23))
FROM unnest(%(aliases)s::text[]) AS alias ORDER BY alias;

-- name: known_suppliers
-- Keys of suppliers by code.
SELECT code, supplier_id FROM supplier WHERE code = ANY(%(codes)s);

-- name: items_by_reference
-- What a supplier's own names stand for in its offers.
SELECT v.reference, i.sku
FROM offer_version AS v JOIN supplier AS s USING (supplier_id) JOIN item AS i USING (item_id)
WHERE s.code = %(supplier)s AND v.until IS NULL AND NOT v.removed
  AND v.reference = ANY(%(names)s::text[]);

-- name: insert_statement
-- What was said, once.
INSERT INTO purchase_statement (kind, key, version, said_at, said_by, supplier, digest, body,
                                awaits, brings, feed, delivery_id, position, known_at)
VALUES (%(kind)s, %(key)s, %(version)s, to_timestamp(%(said_at)s::numeric / 1000000), %(said_by)s,
        %(supplier)s, %(digest)s, %(body)s::jsonb, %(awaits)s, %(brings)s, %(feed)s,
        %(delivery_id)s, %(position)s, to_timestamp(%(known_at)s::numeric / 1000000))
ON CONFLICT (kind, key, digest) DO NOTHING
RETURNING statement_id;

-- name: aliased
-- The orders that these numbers stand for, with their suppliers.
SELECT DISTINCT o.purchase_id, s.code
FROM purchase_alias AS a JOIN purchase_order AS o USING (purchase_id)
JOIN supplier AS s USING (supplier_id)
WHERE a.alias = ANY(%(aliases)s::text[]) ORDER BY 1;

-- name: insert_aliases
-- From now on these numbers stand for this order.
INSERT INTO purchase_alias (alias, purchase_id)
SELECT unnest(%(aliases)s::text[]), %(purchase_id)s
ON CONFLICT DO NOTHING;

-- name: place
-- These statements are of this order.
INSERT INTO purchase_placing (purchase_id, statement_id)
SELECT %(purchase_id)s, unnest(%(statement_ids)s::bigint[])
ON CONFLICT DO NOTHING;

-- name: waiting
-- What was said of an order under these numbers, and is not yet known to be of it. Only the
-- supplier of an order, or who names none, speaks of it.
SELECT t.statement_id, t.kind, t.key, t.brings
FROM purchase_statement AS t
WHERE t.awaits && %(aliases)s::text[] AND t.supplier IN ('', %(supplier)s)
  AND NOT EXISTS (SELECT FROM purchase_placing AS p
                  WHERE p.statement_id = t.statement_id AND p.purchase_id = %(purchase_id)s)
ORDER BY t.statement_id;

-- name: insert_order
-- An order that nobody has heard of, or nothing.
INSERT INTO purchase_order (number, site_id, supplier_id, ordered_at, changed_at)
VALUES (%(number)s, %(site_id)s, %(supplier_id)s, to_timestamp(%(at)s::numeric / 1000000),
        to_timestamp(%(at)s::numeric / 1000000))
ON CONFLICT (number) DO NOTHING;

-- name: order_id
-- The key of an order.
SELECT purchase_id FROM purchase_order WHERE number = %(number)s;

-- name: next_number
-- A number that nobody has given.
SELECT 'PO-' || lpad(nextval('purchase_number')::text, 6, '0');

-- name: lock_order
-- One order, for whoever folds it. Who has just placed a statement refers to the row, which a lock on
-- its key would wait for: two who did would wait for each other.
SELECT o.number, o.revision, o.site_id, o.status
FROM purchase_order AS o WHERE o.purchase_id = %(purchase_id)s FOR NO KEY UPDATE;

-- name: statements
-- All that was said of an order.
SELECT t.key, t.version, (extract(epoch FROM t.said_at) * 1000000)::bigint, t.said_by, t.digest,
       t.body::text
FROM purchase_placing AS p JOIN purchase_statement AS t USING (statement_id)
WHERE p.purchase_id = %(purchase_id)s;

-- name: arrivals
-- What gateways took in for an order, less what was taken back where it was scanned.
SELECT 'event ' || a.event_id, s.code, i.sku, a.quantity,
       (extract(epoch FROM a.occurred_at) * 1000000)::bigint, a.document, a.damaged, a.lot, a.sscc
FROM purchase_arrival AS a
JOIN site AS s USING (site_id) JOIN item AS i USING (item_id)
LEFT JOIN undone_scan AS u ON u.undone = a.event_id
WHERE a.purchase_id = %(purchase_id)s AND u.undone IS NULL;

-- name: site_day
-- Keys and the present day of a site.
SELECT s.site_id,
       to_char(to_timestamp(%(now)s::numeric / 1000000) AT TIME ZONE s.timezone, 'YYYY-MM-DD')
FROM site AS s WHERE s.code = %(code)s;

-- name: lines
-- The lines of an order as they were folded last.
SELECT l.number, i.sku, l.ordered, l.price, l.per, l.wanted::text, l.confirmed, l.backordered,
       l.rejected, l.confirmed_price, l.confirmed_per, l.ship_day::text, l.deliver_day::text,
       l.promised_day::text, l.shipped, l.received, l.damaged, l.invoiced, l.invoiced_minor,
       l.cancelled, l.open, l.coming, l.status, l.closed_by, l.closed_why,
       (extract(epoch FROM l.first_receipt) * 1000000)::bigint,
       (extract(epoch FROM l.last_receipt) * 1000000)::bigint
FROM purchase_line AS l JOIN item AS i USING (item_id)
WHERE l.purchase_id = %(purchase_id)s
ORDER BY length(l.number), l.number;

-- name: clear_lines
-- The fold is written again.
DELETE FROM purchase_line WHERE purchase_id = %(purchase_id)s;

-- name: clear_shipments
-- As above; lines and packages go with it.
DELETE FROM asn WHERE purchase_id = %(purchase_id)s;

-- name: clear_receipts
-- Those beyond the ones that there are; the others are compared.
DELETE FROM purchase_receipt WHERE purchase_id = %(purchase_id)s AND position >= %(receipts)s;

-- name: insert_line
-- A line as it stands.
INSERT INTO purchase_line (purchase_id, number, site_id, item_id, ordered, price, per, wanted,
    confirmed, backordered, rejected, confirmed_price, confirmed_per, ship_day, deliver_day,
    promised_day, shipped, received, damaged, invoiced, invoiced_minor, cancelled, open, coming,
    status, closed_by, closed_why, first_receipt, last_receipt)
SELECT %(purchase_id)s, %(number)s, %(site_id)s, i.item_id, %(ordered)s, %(price)s, %(per)s,
    %(wanted)s::date, %(confirmed)s, %(backordered)s, %(rejected)s, %(confirmed_price)s,
    %(confirmed_per)s, %(ship_day)s::date, %(deliver_day)s::date, %(promised_day)s::date,
    %(shipped)s, %(received)s, %(damaged)s, %(invoiced)s, %(invoiced_minor)s, %(cancelled)s,
    %(open)s, %(coming)s, %(status)s, %(closed_by)s, %(closed_why)s,
    to_timestamp(%(first_receipt)s::numeric / 1000000),
    to_timestamp(%(last_receipt)s::numeric / 1000000)
FROM item AS i WHERE i.sku = %(sku)s;

-- name: insert_shipment
-- A shipment as it stands; it goes to the site that it names, else to its order's.
INSERT INTO asn (purchase_id, scope, number, site_id, status, shipped_at, eta, eta_by, carrier,
                 trouble)
VALUES (%(purchase_id)s, %(scope)s, %(number)s,
        coalesce((SELECT site_id FROM site WHERE code = %(site)s), %(site_id)s), %(status)s,
        to_timestamp(%(shipped_at)s::numeric / 1000000), to_timestamp(%(eta)s::numeric / 1000000),
        %(eta_by)s, %(carrier)s, %(trouble)s);

-- name: insert_shipment_line
-- Goods in it.
INSERT INTO asn_line (purchase_id, scope, shipment, position, number, line, site_id, item_id,
                      quantity, received, lot, serial, expires, sscc)
SELECT %(purchase_id)s, %(scope)s, %(shipment)s, %(position)s, %(number)s, %(line)s,
       coalesce((SELECT site_id FROM site WHERE code = %(site)s), %(site_id)s), i.item_id, %(quantity)s, %(received)s, %(lot)s, %(serial)s, %(expires)s::date, %(sscc)s
FROM item AS i WHERE i.sku = %(sku)s;

-- name: insert_package
-- What stands on what.
INSERT INTO asn_package (purchase_id, scope, shipment, sscc, stands_on, site_id)
VALUES (%(purchase_id)s, %(scope)s, %(shipment)s, %(sscc)s, %(stands_on)s,
        coalesce((SELECT site_id FROM site WHERE code = %(site)s), %(site_id)s))
ON CONFLICT DO NOTHING;

-- name: receipts_of
-- The receipts of an order as they were folded last.
SELECT position, source, line, shipment, quantity, counts FROM purchase_receipt
WHERE purchase_id = %(purchase_id)s;

-- name: insert_receipts
-- Goods that came, where something else stood or nothing.
INSERT INTO purchase_receipt (purchase_id, position, source, line, shipment, site_id, item_id,
                              quantity, damaged, counts, lot, sscc, received_at)
SELECT %(purchase_id)s, r.position, r.source, r.line, r.shipment, s.site_id, i.item_id, r.quantity,
       r.damaged, r.counts, r.lot, r.sscc, to_timestamp(r.at::numeric / 1000000)
FROM unnest(%(positions)s::int[], %(sources)s::text[], %(lines)s::text[], %(shipments)s::text[],
            %(sites)s::text[], %(skus)s::text[], %(quantities)s::bigint[], %(damaged)s::boolean[],
            %(counts)s::boolean[], %(lots)s::text[], %(ssccs)s::text[], %(moments)s::bigint[])
     AS r (position, source, line, shipment, site, sku, quantity, damaged, counts, lot, sscc, at)
JOIN item AS i ON i.sku = r.sku JOIN site AS s ON s.code = r.site
ON CONFLICT (purchase_id, position) DO UPDATE
SET source = excluded.source, line = excluded.line, shipment = excluded.shipment,
    site_id = excluded.site_id, item_id = excluded.item_id, quantity = excluded.quantity,
    damaged = excluded.damaged, counts = excluded.counts, lot = excluded.lot, sscc = excluded.sscc,
    received_at = excluded.received_at;

-- name: update_order
-- An order as it stands.
UPDATE purchase_order
SET site_id = %(site_id)s, supplier_id = s.supplier_id, keeper = %(keeper)s, version = %(version)s,
    status = %(status)s, ordered_at = to_timestamp(%(ordered_at)s::numeric / 1000000),
    currency = %(currency)s, incoterm = %(incoterm)s, lane = %(lane)s, revision = %(revision)s,
    changed_at = to_timestamp(%(at)s::numeric / 1000000)
FROM supplier AS s
WHERE purchase_id = %(purchase_id)s AND s.code = %(supplier)s;

-- name: insert_change
-- How a line came to stand as it does.
INSERT INTO purchase_change (purchase_id, line, what, before, after, said_by, why, revision,
                             known_at)
VALUES (%(purchase_id)s, %(line)s, %(what)s, %(before)s, %(after)s, %(said_by)s, %(why)s,
        %(revision)s, to_timestamp(%(at)s::numeric / 1000000));

-- name: open_discrepancies
-- What did not agree when an order was folded last.
SELECT kind, line, shipment, item, ours, theirs, quantity FROM purchase_discrepancy
WHERE purchase_id = %(purchase_id)s AND closed_at IS NULL;

-- name: open_discrepancy
-- Two sides do not agree, or no longer in the same way.
INSERT INTO purchase_discrepancy (purchase_id, site_id, kind, line, shipment, item, ours, theirs,
                                  quantity, opened_at)
VALUES (%(purchase_id)s, %(site_id)s, %(kind)s, %(line)s, %(shipment)s, %(item)s, %(ours)s,
        %(theirs)s, %(quantity)s, to_timestamp(%(at)s::numeric / 1000000))
ON CONFLICT (purchase_id, kind, line, shipment, item) WHERE closed_at IS NULL
DO UPDATE SET ours = excluded.ours, theirs = excluded.theirs, quantity = excluded.quantity;

-- name: end_discrepancy
-- They agree again.
UPDATE purchase_discrepancy SET closed_at = to_timestamp(%(at)s::numeric / 1000000)
WHERE purchase_id = %(purchase_id)s AND kind = %(kind)s AND line = %(line)s
  AND shipment = %(shipment)s AND item = %(item)s AND closed_at IS NULL;

-- name: insert_arrivals
-- What gateways took in against documents, each event once.
INSERT INTO purchase_arrival (event_id, gateway_id, epoch, seq, site_id, item_id, document,
                              quantity, damaged, lot, sscc, occurred_at, known_at)
SELECT f.event_id, f.gateway_id, f.epoch, f.seq, f.site_id, i.item_id, f.document, f.quantity,
       f.damaged, f.lot, f.sscc, to_timestamp(f.occurred_at::numeric / 1000000),
       to_timestamp(%(at)s::numeric / 1000000)
FROM unnest(%(event_ids)s::uuid[], %(gateway_ids)s::int[], %(epochs)s::int[], %(seqs)s::bigint[],
            %(site_ids)s::int[], %(skus)s::text[], %(documents)s::text[], %(quantities)s::int[],
            %(damaged)s::boolean[], %(lots)s::text[], %(ssccs)s::text[],
            %(occurred)s::bigint[])
     AS f (event_id, gateway_id, epoch, seq, site_id, sku, document, quantity, damaged, lot, sscc,
           occurred_at)
JOIN item AS i ON i.sku = f.sku
ON CONFLICT (event_id) DO NOTHING;

-- name: documents_orders
-- For which order goods may be that came to a site against these documents: the lowest number that
-- orders the item under it, else the lowest number.
SELECT a.event_id, o.purchase_id, o.number,
       EXISTS (SELECT FROM purchase_line AS l
               WHERE l.purchase_id = o.purchase_id AND l.item_id = a.item_id)
FROM purchase_arrival AS a
JOIN purchase_alias AS n ON n.alias IN ('ours::' || a.document, 'shipment:*:' || a.document)
JOIN purchase_order AS o ON o.purchase_id = n.purchase_id AND o.site_id = a.site_id
WHERE a.purchase_id IS NULL AND a.document = ANY(%(documents)s::text[])
ORDER BY a.event_id, 4 DESC, o.number;

-- name: adopt_arrivals
-- These goods were for this order.
UPDATE purchase_arrival AS a SET purchase_id = f.purchase_id
FROM unnest(%(event_ids)s::uuid[], %(purchase_ids)s::bigint[]) AS f (event_id, purchase_id)
WHERE a.event_id = f.event_id;

-- name: orders_of_events
-- The orders that these scans were receipts of.
SELECT DISTINCT purchase_id FROM purchase_arrival
WHERE event_id = ANY(%(event_ids)s::uuid[]) AND purchase_id IS NOT NULL ORDER BY 1;

-- name: forget_arrivals
-- Events that are taken back never were; the orders that they were for.
DELETE FROM purchase_arrival AS t
USING unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS range (first_seq, last_seq)
WHERE t.gateway_id = %(gateway_id)s AND t.epoch = %(epoch)s
  AND t.seq BETWEEN range.first_seq AND range.last_seq
RETURNING t.purchase_id;

-- name: orders_of_chain
-- The orders that an epoch of a gateway took goods in for.
SELECT DISTINCT purchase_id FROM purchase_arrival
WHERE gateway_id = %(gateway_id)s AND epoch = %(epoch)s AND purchase_id IS NOT NULL;

-- name: due
-- Orders in which something has become late, or short, since they were folded: what is still coming
-- and was due, and shipments that were delivered and are not all received.
SELECT DISTINCT l.purchase_id FROM purchase_line AS l
WHERE l.coming > 0 AND l.purchase_id > %(after)s
  AND coalesce(l.deliver_day, l.wanted) < (to_timestamp(%(now)s::numeric / 1000000))::date
  AND NOT EXISTS (SELECT FROM purchase_discrepancy AS d
                  WHERE d.purchase_id = l.purchase_id AND d.line = l.number AND d.kind = 'late'
                    AND d.closed_at IS NULL)
UNION
SELECT a.purchase_id FROM asn AS a
WHERE a.status = 'delivered' AND a.purchase_id > %(after)s
  AND NOT EXISTS (SELECT FROM purchase_discrepancy AS d
                  WHERE d.purchase_id = a.purchase_id AND d.shipment = a.number
                    AND d.kind = 'short' AND d.closed_at IS NULL)
ORDER BY 1 LIMIT %(limit)s;

-- name: coming_items
-- Items of which something is still to come.
SELECT DISTINCT item_id FROM purchase_line WHERE coming > 0;

-- name: coming
-- What is still to come of these items, with what is known of when.
SELECT o.number, l.number, o.site_id, t.code, l.item_id, i.sku, l.coming, s.code,
       coalesce(nullif(o.lane, ''), '→' || t.code),
       coalesce(split_part(c.category, '/', 1), ''),
       (extract(epoch FROM o.ordered_at) * 1000000)::bigint, l.deliver_day::text, t.timezone,
       v.lead_days,
       (SELECT coalesce(json_agg(json_build_array(
                   a.number, g.quantity - g.received,
                   (extract(epoch FROM a.eta) * 1000000)::bigint) ORDER BY a.eta, a.number), '[]')
        FROM asn AS a JOIN asn_line AS g
          ON g.purchase_id = a.purchase_id AND g.scope = a.scope AND g.shipment = a.number
        WHERE a.purchase_id = l.purchase_id AND g.line = l.number AND g.quantity > g.received
          AND a.status IN ('under-way', 'delivered'))
FROM purchase_line AS l
JOIN purchase_order AS o USING (purchase_id)
JOIN supplier AS s USING (supplier_id)
JOIN item AS i USING (item_id)
JOIN site AS t ON t.site_id = o.site_id
LEFT JOIN supplier_version AS v ON v.supplier_id = o.supplier_id AND v.until IS NULL
LEFT JOIN assortment_version AS c ON c.item_id = l.item_id AND c.until IS NULL
WHERE l.coming > 0 AND l.item_id = ANY(%(item_ids)s::int[])
  AND (%(site_ids)s::int[] IS NULL OR l.site_id = ANY(%(site_ids)s))
ORDER BY o.number, length(l.number), l.number;

-- name: lead_times
-- What was learnt of a supplier.
SELECT supplier, lane, item_class, clock, days, survival, observed, open FROM lead_time
WHERE supplier = %(supplier)s
ORDER BY supplier, lane, item_class, clock;

-- name: lead_times_of
-- What was learnt of these cells.
SELECT t.supplier, t.lane, t.item_class, t.clock, t.days, t.survival, t.observed, t.open
FROM unnest(%(suppliers)s::text[], %(lanes)s::text[], %(item_classes)s::text[])
     AS c (supplier, lane, item_class)
JOIN lead_time AS t USING (supplier, lane, item_class);

-- name: clear_lead_times
-- They are learnt again.
DELETE FROM lead_time;

-- name: insert_lead_time
-- What was learnt.
INSERT INTO lead_time (supplier, lane, item_class, clock, days, survival, observed, open, learnt_at)
VALUES (%(supplier)s, %(lane)s, %(item_class)s, %(clock)s, %(days)s, %(survival)s, %(observed)s,
        %(open)s, to_timestamp(%(at)s::numeric / 1000000));

-- name: stated_lead_days
-- What suppliers state.
SELECT s.code, v.lead_days FROM supplier AS s
LEFT JOIN supplier_version AS v ON v.supplier_id = s.supplier_id AND v.until IS NULL;

-- name: experience
-- Each line of the orders since a moment, with the receipts that count: what lead times are learnt
-- from. Days are counted from the order and from the first promised day.
SELECT s.code, coalesce(nullif(o.lane, ''), '→' || t.code),
       coalesce(split_part(c.category, '/', 1), ''), o.number, l.number, l.ordered, l.coming,
       l.cancelled, (extract(epoch FROM o.ordered_at) * 1000000)::bigint,
       (extract(epoch FROM l.promised_day::timestamp AT TIME ZONE t.timezone) * 1000000)::bigint,
       (SELECT coalesce(json_agg(json_build_array(
                   r.quantity, (extract(epoch FROM r.received_at) * 1000000)::bigint,
                   (extract(epoch FROM a.eta) * 1000000)::bigint)
                   ORDER BY r.received_at, r.position), '[]')
        FROM purchase_receipt AS r
        LEFT JOIN asn AS a ON a.purchase_id = r.purchase_id AND a.number = r.shipment
        WHERE r.purchase_id = l.purchase_id AND r.line = l.number AND r.counts)
FROM purchase_line AS l
JOIN purchase_order AS o USING (purchase_id)
JOIN supplier AS s USING (supplier_id)
JOIN site AS t ON t.site_id = o.site_id
LEFT JOIN assortment_version AS c ON c.item_id = l.item_id AND c.until IS NULL
WHERE o.ordered_at >= to_timestamp(%(since)s::numeric / 1000000)
ORDER BY o.number, length(l.number), l.number;

-- name: orders
-- Orders of the sites that a caller may see, by number.
SELECT o.number, s.code, t.code, o.keeper, o.status,
       (extract(epoch FROM o.ordered_at) * 1000000)::bigint, o.currency, o.incoterm, o.lane,
       o.revision, (extract(epoch FROM o.changed_at) * 1000000)::bigint, o.purchase_id
FROM purchase_order AS o JOIN supplier AS s USING (supplier_id) JOIN site AS t USING (site_id)
WHERE o.revision > 0
  AND (%(sites)s::int[] IS NULL OR o.site_id = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR t.code = %(site)s)
  AND (%(supplier)s::text IS NULL OR s.code = %(supplier)s)
  AND (%(status)s::text IS NULL OR o.status = %(status)s)
  AND (%(number)s::text IS NULL OR o.number = %(number)s)
  AND (%(sku)s::text IS NULL OR EXISTS (
       SELECT FROM purchase_line AS l JOIN item AS i USING (item_id)
       WHERE l.purchase_id = o.purchase_id AND i.sku = %(sku)s))
  AND (%(after)s::text IS NULL OR o.number > %(after)s)
ORDER BY o.number LIMIT %(limit)s;

-- name: history
-- How an order came to stand as it does, the first change first.
SELECT c.change_id, c.line, c.what, c.before, c.after, c.said_by, c.why, c.revision,
       (extract(epoch FROM c.known_at) * 1000000)::bigint
FROM purchase_change AS c
WHERE c.purchase_id = %(purchase_id)s
  AND (%(after)s::bigint IS NULL OR c.change_id > %(after)s)
ORDER BY c.change_id LIMIT %(limit)s;

-- name: shipments
-- Shipments of the sites that a caller may see, by number.
SELECT a.number, a.scope, o.number, s.code, t.code, a.status,
       (extract(epoch FROM a.shipped_at) * 1000000)::bigint,
       (extract(epoch FROM a.eta) * 1000000)::bigint, a.eta_by, a.carrier, a.trouble,
       (SELECT coalesce(json_agg(json_build_array(g.number, g.line, i.sku, g.quantity, g.received,
                   g.lot, g.serial, g.expires, g.sscc) ORDER BY g.position), '[]')
        FROM asn_line AS g JOIN item AS i USING (item_id)
        WHERE g.purchase_id = a.purchase_id AND g.scope = a.scope AND g.shipment = a.number),
       (SELECT coalesce(json_agg(json_build_array(p.sscc, p.stands_on) ORDER BY p.sscc), '[]')
        FROM asn_package AS p
        WHERE p.purchase_id = a.purchase_id AND p.scope = a.scope AND p.shipment = a.number)
FROM asn AS a JOIN purchase_order AS o USING (purchase_id)
JOIN supplier AS s ON s.supplier_id = o.supplier_id JOIN site AS t ON t.site_id = a.site_id
WHERE (%(sites)s::int[] IS NULL OR a.site_id = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR t.code = %(site)s)
  AND (%(supplier)s::text IS NULL OR s.code = %(supplier)s)
  AND (%(status)s::text IS NULL OR a.status = %(status)s)
  AND (%(order)s::text IS NULL OR o.number = %(order)s)
  AND (%(a0)s::text IS NULL OR (o.number, a.scope, a.number) > (%(a0)s, %(a1)s, %(a2)s))
ORDER BY o.number, a.scope, a.number LIMIT %(limit)s;

-- name: etas
-- When what is under way for the orders that these numbers stand for is expected.
SELECT DISTINCT a.scope, a.number, (extract(epoch FROM a.eta) * 1000000)::bigint
FROM purchase_alias AS n JOIN asn AS a USING (purchase_id)
WHERE n.alias = ANY(%(aliases)s::text[]) AND a.status = 'under-way' AND a.eta IS NOT NULL
ORDER BY 1, 2;

-- name: receipts
-- Receipts of the sites that a caller may see, by order.
SELECT o.number, r.position, r.line, r.shipment, t.code, i.sku, r.quantity, r.damaged, r.counts,
       r.lot, r.sscc, r.source, (extract(epoch FROM r.received_at) * 1000000)::bigint
FROM purchase_receipt AS r JOIN purchase_order AS o USING (purchase_id)
JOIN site AS t ON t.site_id = r.site_id JOIN item AS i USING (item_id)
WHERE (%(sites)s::int[] IS NULL OR r.site_id = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR t.code = %(site)s)
  AND (%(order)s::text IS NULL OR o.number = %(order)s)
  AND (%(sku)s::text IS NULL OR i.sku = %(sku)s)
  AND (%(a0)s::text IS NULL OR (o.number, r.position) > (%(a0)s, %(a1)s::int))
ORDER BY o.number, r.position LIMIT %(limit)s;

-- name: discrepancies
-- What does not agree, or did not, at the sites that a caller may see.
SELECT d.discrepancy_id, o.number, s.code, t.code, d.kind, d.line, d.shipment, d.item, d.ours,
       d.theirs, d.quantity, (extract(epoch FROM d.opened_at) * 1000000)::bigint,
       (extract(epoch FROM d.closed_at) * 1000000)::bigint
FROM purchase_discrepancy AS d JOIN purchase_order AS o USING (purchase_id)
JOIN supplier AS s ON s.supplier_id = o.supplier_id JOIN site AS t ON t.site_id = d.site_id
WHERE (%(sites)s::int[] IS NULL OR d.site_id = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR t.code = %(site)s)
  AND (%(order)s::text IS NULL OR o.number = %(order)s)
  AND (%(kind)s::text IS NULL OR d.kind = %(kind)s)
  AND (%(closed)s::boolean IS NULL OR (d.closed_at IS NOT NULL) = %(closed)s)
  AND (%(after)s::bigint IS NULL OR d.discrepancy_id > %(after)s)
ORDER BY d.discrepancy_id LIMIT %(limit)s;

-- name: last_orders
-- A supplier's last orders that were not cancelled before anything came.
SELECT o.purchase_id, o.number FROM purchase_order AS o JOIN supplier AS s USING (supplier_id)
WHERE s.code = %(supplier)s AND o.status <> 'cancelled' AND o.revision > 0
ORDER BY o.ordered_at DESC, o.number DESC LIMIT %(limit)s;

-- name: request
-- What was asked for under a key before.
SELECT digest, number FROM purchase_request WHERE caller = %(caller)s AND request = %(request)s;

-- name: insert_request
-- What was asked for under a key.
INSERT INTO purchase_request (caller, request, digest, number, asked_at)
VALUES (%(caller)s, %(request)s, %(digest)s, %(number)s,
        to_timestamp(%(at)s::numeric / 1000000));

-- name: score_lines
-- The lines of orders for a scorecard, their days counted from the day of the order at its site.
SELECT o.number, l.ordered, l.open,
       l.promised_day - (o.ordered_at AT TIME ZONE t.timezone)::date, l.price, l.per, l.invoiced,
       l.invoiced_minor,
       (SELECT coalesce(json_agg(json_build_array(r.quantity,
                   (r.received_at AT TIME ZONE t.timezone)::date
                   - (o.ordered_at AT TIME ZONE t.timezone)::date) ORDER BY r.position), '[]')
        FROM purchase_receipt AS r
        WHERE r.purchase_id = l.purchase_id AND r.line = l.number AND r.counts)
FROM purchase_line AS l JOIN purchase_order AS o USING (purchase_id)
JOIN site AS t ON t.site_id = o.site_id
WHERE l.purchase_id = ANY(%(purchase_ids)s::bigint[])
ORDER BY o.number, length(l.number), l.number;

-- name: score_shipments
-- What was announced and what came, of shipments that were received or that nobody unloads any more.
SELECT o.number, g.quantity, g.received
FROM asn AS a
JOIN asn_line AS g ON g.purchase_id = a.purchase_id AND g.scope = a.scope AND g.shipment = a.number
JOIN purchase_order AS o ON o.purchase_id = a.purchase_id
WHERE a.purchase_id = ANY(%(purchase_ids)s::bigint[])
  AND (a.status = 'received' OR EXISTS (
       SELECT FROM purchase_discrepancy AS d
       WHERE d.purchase_id = a.purchase_id AND d.shipment = a.number AND d.kind = 'short'
         AND d.closed_at IS NULL))
ORDER BY o.number, a.number, g.position;
