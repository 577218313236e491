-- name: known
-- What was posted under a key.
SELECT posting_id, stated FROM posting WHERE key = %(key)s;

-- name: begin
-- A posting; no row where another worker has just made it.
INSERT INTO posting (key, source, what, site_id, reference, feed, delivery_id, position, person,
                     reason, stated, reverses, movements, occurred_at, posted_at)
VALUES (%(key)s, %(kind)s, %(what)s, %(site_id)s, %(reference)s, %(feed)s, %(delivery_id)s,
        %(position)s, %(person)s, %(reason)s, %(stated)s, %(reverses)s, %(movements)s,
        to_timestamp(%(occurred_at)s::numeric / 1000000), to_timestamp(%(at)s::numeric / 1000000))
ON CONFLICT DO NOTHING RETURNING posting_id;

-- name: append
-- Its movements: gateway 0, epoch 0, numbered by the posting.
INSERT INTO movement (received_at, occurred_at, seq, event_id, gateway_id, epoch, site_id, item_id,
                      location_id, quantity, state, kind, leg, clock_state, lot, serial, device)
SELECT to_timestamp(%(at)s::numeric / 1000000), to_timestamp(occurred_at::numeric / 1000000),
       %(posting_id)s, event_id, 0, 0, site_id, item_id, location_id, quantity, state, kind,
       (row_number() OVER (ORDER BY number) - 1)::smallint, 1, lot, serial, %(device)s
FROM unnest(%(occurred)s::int8[], %(event_ids)s::uuid[], %(site_ids)s::int[], %(item_ids)s::int[],
            %(location_ids)s::int[], %(quantities)s::int[], %(states)s::int2[], %(kinds)s::int2[],
            %(lots)s::text[], %(serials)s::text[])
     WITH ORDINALITY
     AS leg (occurred_at, event_id, site_id, item_id, location_id, quantity, state, kind, lot,
             serial, number);

-- name: append_contrary
-- Says the contrary of a posting's movements: true at the same moments, known from now on.
INSERT INTO movement (received_at, occurred_at, seq, event_id, gateway_id, epoch, site_id, item_id,
                      location_id, quantity, state, kind, leg, clock_state, lot, serial, device,
                      reversal)
SELECT to_timestamp(%(at)s::numeric / 1000000), m.occurred_at, %(posting_id)s, m.event_id, 0, 0,
       m.site_id, m.item_id, m.location_id, -m.quantity, m.state, m.kind, m.leg, m.clock_state,
       m.lot, m.serial, %(device)s, true
FROM movement m JOIN posting p ON p.posting_id = %(reverses)s
WHERE m.received_at = p.posted_at AND m.gateway_id = 0 AND m.epoch = 0 AND m.seq = p.posting_id
RETURNING site_id, item_id, location_id, lot, serial, state, quantity;

-- name: add_to_balances
-- Adds differences, locking the balances in the order of their keys.
INSERT INTO balance AS b (site_id, item_id, location_id, lot, serial, state, quantity, updated_at)
SELECT site_id, item_id, location_id, lot, serial, state, quantity,
       to_timestamp(%(at)s::numeric / 1000000)
FROM unnest(%(site_ids)s::int[], %(item_ids)s::int[], %(location_ids)s::int[], %(lots)s::text[],
            %(serials)s::text[], %(states)s::int2[], %(quantities)s::int8[])
     AS d (site_id, item_id, location_id, lot, serial, state, quantity)
ORDER BY site_id, item_id, location_id, lot COLLATE "C", serial COLLATE "C", state
ON CONFLICT (site_id, item_id, location_id, lot, serial, state) DO UPDATE
SET quantity = b.quantity + excluded.quantity, updated_at = excluded.updated_at;

-- name: make_place
-- The two places of a site that are none of its shelves: below the first revision, so that neither
-- gateways nor exports of the catalog ever hear of them.
INSERT INTO location (site_id, code, role, removed, revision)
SELECT site_id, code, 'none', true, -1
FROM unnest(%(site_ids)s::int[], %(codes)s::text[]) AS place (site_id, code)
ORDER BY site_id, code
ON CONFLICT (site_id, code) DO NOTHING;

-- name: owner
-- The gateway that tells a site's stock, if one does.
SELECT name FROM gateway WHERE site_id = %(site_id)s AND status = 'active' ORDER BY name LIMIT 1;

-- name: postings
-- Postings, the newest first, before a key.
SELECT p.posting_id, p.key, p.source, p.what, s.code, p.site_id, p.reference, p.feed, p.delivery_id,
       p.position, p.person, p.reason, p.reverses, r.posting_id, p.movements,
       (extract(epoch FROM p.occurred_at) * 1000000)::bigint,
       (extract(epoch FROM p.posted_at) * 1000000)::bigint
FROM posting p
JOIN site s ON s.site_id = p.site_id
LEFT JOIN posting r ON r.reverses = p.posting_id
WHERE (%(posting_id)s::bigint IS NULL OR p.posting_id = %(posting_id)s)
  AND (%(sites)s::int[] IS NULL OR p.site_id = ANY(%(sites)s::int[]))
  AND (%(site)s::text IS NULL OR s.code = %(site)s)
  AND (%(source)s::text IS NULL OR p.source = %(source)s)
  AND (%(after)s::bigint IS NULL OR p.posting_id < %(after)s)
ORDER BY p.posting_id DESC
LIMIT %(limit)s;

-- name: lock_site_words
-- Reports of one site are taken one after the other.
SELECT pg_advisory_xact_lock(19, %(site_id)s);

-- name: stated
-- Until when these items' stock was already told by the site, by item and state.
SELECT item_id, state, (extract(epoch FROM at) * 1000000)::bigint
FROM stated_stock WHERE site_id = %(site_id)s AND item_id = ANY(%(item_ids)s::int[]);

-- name: stated_whole
-- Until when all of it was.
SELECT (extract(epoch FROM at) * 1000000)::bigint FROM stated_whole WHERE site_id = %(site_id)s;

-- name: state_items
-- The newest word on each item.
INSERT INTO stated_stock (site_id, item_id, state, at, posting_id)
SELECT %(site_id)s, item_id, state, to_timestamp(%(stated_at)s::numeric / 1000000), %(posting_id)s
FROM unnest(%(item_ids)s::int[], %(states)s::int2[]) AS said (item_id, state)
ON CONFLICT (site_id, item_id, state) DO UPDATE
SET at = excluded.at, posting_id = excluded.posting_id WHERE stated_stock.at <= excluded.at;

-- name: state_whole
-- The newest word on everything.
INSERT INTO stated_whole (site_id, at, posting_id)
VALUES (%(site_id)s, to_timestamp(%(stated_at)s::numeric / 1000000), %(posting_id)s)
ON CONFLICT (site_id) DO UPDATE
SET at = excluded.at, posting_id = excluded.posting_id WHERE stated_whole.at <= excluded.at;

-- name: fold_postings
-- Adds to a fold made of gateways' evidence what was posted beside it.
INSERT INTO balance_fold
SELECT site_id, item_id, location_id, lot, serial, state, sum(quantity), count(*)
FROM movement WHERE gateway_id = 0
GROUP BY site_id, item_id, location_id, lot, serial, state
RETURNING movements;
