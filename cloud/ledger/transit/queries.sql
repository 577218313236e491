-- name: open
-- A consignment; no row where it is known.
INSERT INTO consignment (kind, scope, reference, aliases, from_site_id, site_id, shipped_at, eta,
                         carrier, opened_at)
VALUES (%(kind)s, %(scope)s, %(reference)s, %(aliases)s, %(from_site_id)s, %(site_id)s,
        to_timestamp(%(shipped_at)s::numeric / 1000000), to_timestamp(%(eta)s::numeric / 1000000),
        %(carrier)s, to_timestamp(%(at)s::numeric / 1000000))
ON CONFLICT DO NOTHING RETURNING consignment_id;

-- name: hold
-- One at a time works on a consignment.
SELECT c.consignment_id, c.kind, c.scope, c.reference, c.from_site_id, c.site_id, s.code,
       (extract(epoch FROM c.shipped_at) * 1000000)::bigint,
       (extract(epoch FROM c.eta) * 1000000)::bigint,
       (extract(epoch FROM c.closed_at) * 1000000)::bigint
FROM consignment c JOIN site s USING (site_id)
WHERE (%(consignment_id)s::bigint IS NULL OR c.consignment_id = %(consignment_id)s)
  AND (%(reference)s::text IS NULL
       OR c.kind = %(kind)s AND c.scope = %(scope)s AND c.reference = %(reference)s)
FOR UPDATE OF c;

-- name: expect
-- When it is expected, by whom carried, and under which other numbers.
UPDATE consignment
SET eta = coalesce(to_timestamp(%(eta)s::numeric / 1000000), eta),
    carrier = coalesce(nullif(%(carrier)s, ''), carrier),
    aliases = ARRAY(SELECT DISTINCT unnest(aliases || %(aliases)s::text[]) ORDER BY 1),
    overdue_at = NULL
WHERE consignment_id = %(consignment_id)s;

-- name: lines
-- A consignment's lines.
SELECT l.consignment_id, l.line, i.sku, l.lot, l.serial, l.sscc, l.dispatched, l.arrived, l.lost
FROM consignment_line l JOIN item i USING (item_id)
WHERE l.consignment_id = ANY(%(consignment_ids)s::bigint[])
ORDER BY l.consignment_id, l.line;

-- name: add_line
-- One more line.
INSERT INTO consignment_line (consignment_id, line, item_id, lot, serial, sscc, dispatched)
SELECT %(consignment_id)s, %(line)s, item_id, %(lot)s, %(serial)s, %(sscc)s, %(dispatched)s
FROM item WHERE sku = %(sku)s;

-- name: change_line
-- More or less of a line is on its way, has arrived, or never will.
UPDATE consignment_line
SET dispatched = dispatched + %(dispatched)s, arrived = arrived + %(arrived)s,
    lost = lost + %(lost)s
WHERE consignment_id = %(consignment_id)s AND line = %(line)s;

-- name: close
-- Nothing more of it is expected.
UPDATE consignment
SET closed_at = to_timestamp(%(at)s::numeric / 1000000), closed_by = %(by)s, closed_why = %(why)s
WHERE consignment_id = %(consignment_id)s AND closed_at IS NULL;

-- name: reopen
-- What closed it by arriving was taken back.
UPDATE consignment SET closed_at = NULL, closed_by = '', closed_why = ''
WHERE consignment_id = %(consignment_id)s AND closed_why = 'arrived';

-- name: coming
-- Open consignments to (or, for a departure, from) a site that a document or a pallet may belong to.
SELECT consignment_id FROM consignment c
WHERE closed_at IS NULL
  AND CASE WHEN %(departing)s THEN c.from_site_id = %(site_id)s ELSE c.site_id = %(site_id)s END
  AND (%(document)s <> '' AND (c.reference = %(document)s OR %(document)s = ANY(c.aliases))
       OR %(sscc)s <> '' AND EXISTS (
           SELECT FROM consignment_line l
           WHERE l.consignment_id = c.consignment_id AND l.sscc = %(sscc)s))
ORDER BY shipped_at, consignment_id
FOR UPDATE;

-- name: expected
-- Which names, at their sites, belong to an open consignment.
SELECT DISTINCT n.site_id, n.name
FROM unnest(%(site_ids)s::int[], %(names)s::text[]) AS n (site_id, name)
JOIN consignment c ON c.closed_at IS NULL AND n.site_id IN (c.site_id, c.from_site_id)
WHERE c.reference = n.name OR n.name = ANY(c.aliases)
   OR EXISTS (SELECT FROM consignment_line l
              WHERE l.consignment_id = c.consignment_id AND l.sscc = n.name);

-- name: note
-- Which line an event went to.
INSERT INTO consignment_event (key, consignment_id, line, departed, arrived, event_id, gateway_id,
                               epoch, seq, posting_id)
VALUES (%(key)s, %(consignment_id)s, %(line)s, %(departed)s, %(arrived)s, %(event_id)s,
        %(gateway_id)s, %(epoch)s, %(seq)s, %(posting_id)s)
ON CONFLICT DO NOTHING;

-- name: noted_by_event
-- What an event did here, unless it was taken back.
UPDATE consignment_event SET taken_back = true
WHERE event_id = ANY(%(event_ids)s::uuid[]) AND NOT taken_back
RETURNING consignment_id, line, departed, arrived, posting_id;

-- name: noted_by_origin
-- What the events of a broken chain did here, unless it was taken back.
UPDATE consignment_event e SET taken_back = true
FROM unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS range (first_seq, last_seq)
WHERE e.gateway_id = %(gateway_id)s AND e.epoch = %(epoch)s
  AND e.seq BETWEEN range.first_seq AND range.last_seq AND NOT e.taken_back
RETURNING e.consignment_id, e.line, e.departed, e.arrived, e.posting_id;

-- name: in_transit
-- What is still to arrive, by consignment and line, after a key.
SELECT c.consignment_id, l.line, c.kind, c.reference, c.scope, f.code, s.code, i.sku, l.lot,
       l.serial, l.sscc, l.dispatched, l.arrived, l.lost,
       (extract(epoch FROM c.shipped_at) * 1000000)::bigint,
       (extract(epoch FROM c.eta) * 1000000)::bigint, c.overdue_at IS NOT NULL, c.carrier
FROM consignment c
JOIN consignment_line l USING (consignment_id)
JOIN item i USING (item_id)
JOIN site s ON s.site_id = c.site_id
LEFT JOIN site f ON f.site_id = c.from_site_id
WHERE (%(closed)s OR c.closed_at IS NULL AND l.dispatched > l.arrived + l.lost)
  AND (%(sites)s::int[] IS NULL OR c.site_id = ANY(%(sites)s::int[]))
  AND (%(site)s::text IS NULL OR s.code = %(site)s)
  AND (%(item)s::text IS NULL OR i.sku = %(item)s)
  AND (%(reference)s::text IS NULL OR c.reference = %(reference)s)
  AND (%(sscc)s::text IS NULL OR l.sscc = %(sscc)s)
  AND (%(after_consignment)s::bigint IS NULL
       OR (c.consignment_id, l.line) > (%(after_consignment)s, %(after_line)s::int))
ORDER BY c.consignment_id, l.line
LIMIT %(limit)s;

-- name: overdue
-- Open consignments that should have arrived, and of which nobody was told.
UPDATE consignment c SET overdue_at = to_timestamp(%(at)s::numeric / 1000000)
FROM site s
WHERE s.site_id = c.site_id AND c.closed_at IS NULL AND c.overdue_at IS NULL
  AND coalesce(c.eta, c.shipped_at + %(unknown)s * interval '1 microsecond')
      + %(grace)s * interval '1 microsecond' < to_timestamp(%(at)s::numeric / 1000000)
RETURNING c.consignment_id, c.reference, s.code, c.site_id,
          (extract(epoch FROM c.eta) * 1000000)::bigint;
