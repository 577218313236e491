-- name: lock_revision
-- The catalog's revision, locked: imports wait for one another, so revisions commit in order.
SELECT revision FROM catalog_state FOR UPDATE;

-- name: revision
-- The catalog's revision.
SELECT revision FROM catalog_state;

-- name: next_revision
-- Raise the revision by one.
UPDATE catalog_state SET revision = revision + 1 RETURNING revision;

-- name: raise_revision
-- Lift the revision above one that a gateway has already seen.
UPDATE catalog_state SET revision = greatest(revision, %(above)s) + 1 RETURNING revision;

-- name: touch_site
-- A site's own revision: makes its catalog's version move without any other change.
UPDATE site SET revision = %(revision)s WHERE site_id = %(site_id)s;

-- name: site_version
-- The version of one site's catalog: the newest row that belongs to it.
SELECT greatest(
    (SELECT coalesce(max(revision), 0) FROM item),
    (SELECT coalesce(max(revision), 0) FROM location WHERE site_id = %(site_id)s),
    (SELECT revision FROM site WHERE site_id = %(site_id)s)
);

-- name: make_incoming_site
-- Holds a file's sites until the transaction ends.
CREATE TEMP TABLE IF NOT EXISTS incoming_site (
    line int, code text, name text, region text, timezone text, currency text,
    site_id int, verdict text
) ON COMMIT DROP;

-- name: clear_incoming_site
-- Two imports may share one transaction.
TRUNCATE incoming_site;

-- name: copy_incoming_site
-- The file's sites.
COPY incoming_site (line, code, name, region, timezone, currency) FROM STDIN;

-- name: unknown_timezones
-- Sites whose time zone the database does not know.
SELECT line, timezone FROM incoming_site
WHERE timezone NOT IN (SELECT name FROM pg_timezone_names) ORDER BY line;

-- name: judge_sites
-- What each of the file's sites would do.
UPDATE incoming_site AS n SET
    site_id = s.site_id,
    verdict = CASE
        WHEN s.site_id IS NULL THEN 'inserted'
        WHEN (s.name, s.region, s.timezone, s.currency)
             IS DISTINCT FROM (n.name, n.region, n.timezone, n.currency) THEN 'changed'
        ELSE 'unchanged' END
FROM incoming_site AS m LEFT JOIN site AS s USING (code)
WHERE m.code = n.code;

-- name: count_sites
-- Verdicts and how many of each.
SELECT verdict, count(*) FROM incoming_site GROUP BY verdict;

-- name: update_sites
-- Apply the changed ones.
UPDATE site AS s
SET name = n.name, region = n.region, timezone = n.timezone, currency = n.currency,
    revision = %(revision)s
FROM incoming_site AS n WHERE n.verdict = 'changed' AND n.site_id = s.site_id;

-- name: insert_sites
-- Apply the new ones.
INSERT INTO site (code, name, region, timezone, currency, revision)
SELECT code, name, region, timezone, currency, %(revision)s FROM incoming_site
WHERE verdict = 'inserted' ORDER BY line;

-- name: make_incoming_location
-- Holds a file's locations until the transaction ends.
CREATE TEMP TABLE IF NOT EXISTS incoming_location (
    line int, site text, code text, role text, removed boolean, zone text, capacity int,
    site_id int, location_id int, verdict text
) ON COMMIT DROP;

-- name: clear_incoming_location
-- Two imports may share one transaction.
TRUNCATE incoming_location;

-- name: copy_incoming_location
-- The file's locations.
COPY incoming_location (line, site, code, role, removed, zone, capacity) FROM STDIN;

-- name: judge_locations
-- What each of the file's locations would do; no verdict where the site is unknown. Of what the file
-- says nothing, the location keeps what it has.
UPDATE incoming_location AS n SET
    site_id = s.site_id,
    location_id = l.location_id,
    zone = nullif(coalesce(n.zone, l.zone), ''),
    capacity = coalesce(n.capacity, l.capacity, 0),
    verdict = CASE
        WHEN s.site_id IS NULL THEN NULL
        WHEN l.location_id IS NULL THEN 'inserted'
        WHEN (l.role, l.removed, l.zone, l.capacity) IS DISTINCT FROM
             (n.role, n.removed, nullif(coalesce(n.zone, l.zone), ''),
              coalesce(n.capacity, l.capacity)) THEN 'changed'
        ELSE 'unchanged' END
FROM incoming_location AS m
LEFT JOIN site AS s ON s.code = m.site
LEFT JOIN location AS l ON l.site_id = s.site_id AND l.code = m.code
WHERE m.line = n.line;

-- name: unknown_sites
-- Locations of sites that do not exist.
SELECT line, site FROM incoming_location WHERE site_id IS NULL ORDER BY line;

-- name: count_locations
-- Verdicts and how many of each.
SELECT verdict, count(*) FROM incoming_location GROUP BY verdict;

-- name: update_locations
-- Apply the changed ones.
UPDATE location AS l
SET role = n.role, removed = n.removed, zone = n.zone, capacity = n.capacity,
    revision = %(revision)s
FROM incoming_location AS n WHERE n.verdict = 'changed' AND n.location_id = l.location_id;

-- name: insert_locations
-- Apply the new ones.
INSERT INTO location (site_id, code, role, removed, zone, capacity, revision)
SELECT site_id, code, role, removed, zone, capacity, %(revision)s FROM incoming_location
WHERE verdict = 'inserted' ORDER BY line;

-- name: make_incoming_item
-- Holds a file's items until the transaction ends.
CREATE TEMP TABLE IF NOT EXISTS incoming_item (
    line int, sku text, name text, removed boolean, count_class text, item_id int, verdict text
) ON COMMIT DROP;

-- name: make_incoming_code
-- Holds a file's trade item numbers until the transaction ends.
CREATE TEMP TABLE IF NOT EXISTS incoming_code (
    line int, gtin text, sku text, quantity int
) ON COMMIT DROP;

-- name: clear_incoming_item
-- Two imports may share one transaction.
TRUNCATE incoming_item, incoming_code;

-- name: copy_incoming_item
-- The file's items.
COPY incoming_item (line, sku, name, removed, count_class) FROM STDIN;

-- name: copy_incoming_code
-- The file's trade item numbers.
COPY incoming_code (line, gtin, sku, quantity) FROM STDIN;

-- name: analyze_incoming_item
-- Plans over temporary tables are guesses otherwise.
ANALYZE incoming_item, incoming_code;

-- name: codes_taken
-- Trade item numbers that belong to an item which the file does not speak of.
SELECT n.line, n.gtin, owner.sku
FROM incoming_code AS n
JOIN item_code AS c USING (gtin)
JOIN item AS owner USING (item_id)
WHERE owner.sku <> n.sku AND NOT EXISTS (SELECT FROM incoming_item AS m WHERE m.sku = owner.sku)
ORDER BY n.line;

-- name: judge_items
-- What each of the file's items would do, its trade item numbers apart. Where the file says nothing
-- of classes, an item keeps its own.
UPDATE incoming_item AS n SET
    item_id = i.item_id,
    count_class = coalesce(n.count_class, i.count_class, 'C'),
    verdict = CASE
        WHEN i.item_id IS NULL THEN 'inserted'
        WHEN (i.name, i.removed, i.count_class) IS DISTINCT FROM
             (n.name, n.removed, coalesce(n.count_class, i.count_class)) THEN 'changed'
        ELSE 'unchanged' END
FROM incoming_item AS m LEFT JOIN item AS i USING (sku)
WHERE m.sku = n.sku;

-- name: judge_codes
-- An item whose trade item numbers differ has changed too.
WITH held AS (
    SELECT n.sku, c.gtin, c.quantity
    FROM incoming_item AS n JOIN item_code AS c USING (item_id)
), stated AS (
    SELECT sku, gtin, quantity FROM incoming_code
), differing AS (
    (SELECT sku FROM (TABLE held EXCEPT TABLE stated) AS gone)
    UNION (SELECT sku FROM (TABLE stated EXCEPT TABLE held) AS come)
)
UPDATE incoming_item AS n SET verdict = 'changed'
FROM differing AS d WHERE d.sku = n.sku AND n.verdict = 'unchanged';

-- name: count_items
-- Verdicts and how many of each.
SELECT verdict, count(*) FROM incoming_item GROUP BY verdict;

-- name: update_items
-- Apply the changed ones.
UPDATE item AS i
SET name = n.name, removed = n.removed, count_class = n.count_class, revision = %(revision)s
FROM incoming_item AS n WHERE n.verdict = 'changed' AND n.item_id = i.item_id;

-- name: insert_items
-- Apply the new ones.
INSERT INTO item (sku, name, removed, count_class, revision)
SELECT sku, name, removed, count_class, %(revision)s FROM incoming_item
WHERE verdict = 'inserted' ORDER BY line;

-- name: delete_codes
-- The trade item numbers of changed items make room for those in the file.
DELETE FROM item_code AS c USING incoming_item AS n
WHERE n.verdict = 'changed' AND n.item_id = c.item_id;

-- name: insert_codes
-- The trade item numbers of new and changed items.
INSERT INTO item_code (gtin, item_id, quantity)
SELECT c.gtin, i.item_id, c.quantity
FROM incoming_code AS c
JOIN incoming_item AS n USING (sku)
JOIN item AS i USING (sku)
WHERE n.verdict <> 'unchanged';

-- name: item_ids
-- The keys of items by their names.
SELECT sku, item_id FROM item WHERE sku = ANY(%(skus)s);

-- name: location_ids
-- The keys of one site's locations by their names.
SELECT code, location_id FROM location WHERE site_id = %(site_id)s AND code = ANY(%(codes)s);

-- name: site_codes
-- The codes of sites by their keys.
SELECT site_id, code FROM site WHERE site_id = ANY(%(keys)s);

-- name: site_ids
-- The keys of sites by their names.
SELECT code, site_id FROM site WHERE code = ANY(%(codes)s);

-- name: sites
-- A page of sites in the order of their codes.
SELECT site_id, code, name, region, timezone, currency FROM site
WHERE (%(sites)s::int[] IS NULL OR site_id = ANY(%(sites)s))
  AND (%(after)s::text IS NULL OR code > %(after)s)
ORDER BY code LIMIT %(limit)s;

-- name: site_code
-- The name of one site.
SELECT code FROM site WHERE site_id = %(site_id)s;

-- name: items
-- A page of items in the order of their SKUs, with their trade item numbers and what they are to the
-- business.
SELECT i.item_id, i.sku, i.name, i.removed, i.revision,
       ARRAY(SELECT c.gtin FROM item_code AS c WHERE c.item_id = i.item_id ORDER BY c.gtin),
       ARRAY(SELECT c.quantity FROM item_code AS c WHERE c.item_id = i.item_id ORDER BY c.gtin),
       ARRAY(SELECT coalesce(p.level, '') FROM item_code AS c
             LEFT JOIN pack_version AS p ON p.gtin = c.gtin AND p.until IS NULL
             WHERE c.item_id = i.item_id ORDER BY c.gtin),
       coalesce(a.category, ''), a.cost, a.price, coalesce(a.currency, ''), a.shelf_life
FROM item AS i LEFT JOIN assortment_version AS a ON a.item_id = i.item_id AND a.until IS NULL
WHERE (%(sku)s::text IS NULL OR i.sku = %(sku)s)
  AND (%(gtin)s::text IS NULL
       OR i.item_id = (SELECT c.item_id FROM item_code AS c WHERE c.gtin = %(gtin)s))
  AND (%(after)s::text IS NULL OR i.sku > %(after)s)
ORDER BY i.sku LIMIT %(limit)s;

-- name: items_as_of
-- As above, as of a revision.
SELECT i.item_id, i.sku, v.name, v.removed, v.since, v.gtins, v.quantities,
       ARRAY(SELECT coalesce(p.level, '') FROM unnest(v.gtins) WITH ORDINALITY AS c (gtin, place)
             LEFT JOIN pack_version AS p ON p.gtin = c.gtin AND p.since <= %(revision)s
                 AND (p.until IS NULL OR p.until > %(revision)s)
             ORDER BY c.place),
       coalesce(a.category, ''), a.cost, a.price, coalesce(a.currency, ''), a.shelf_life
FROM item_version AS v JOIN item AS i USING (item_id)
LEFT JOIN assortment_version AS a ON a.item_id = v.item_id AND a.since <= %(revision)s
    AND (a.until IS NULL OR a.until > %(revision)s)
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(sku)s::text IS NULL OR i.sku = %(sku)s)
  AND (%(gtin)s::text IS NULL OR v.gtins @> ARRAY[%(gtin)s::text])
  AND (%(after)s::text IS NULL OR i.sku > %(after)s)
ORDER BY i.sku LIMIT %(limit)s;

-- name: items_since
-- Items changed after a revision, with their trade item numbers; all of them after -1.
SELECT i.sku, i.name, i.removed, i.count_class,
       coalesce(array_agg(c.gtin ORDER BY c.quantity, c.gtin) FILTER (WHERE c.gtin IS NOT NULL),
                '{}'),
       coalesce(array_agg(c.quantity ORDER BY c.quantity, c.gtin)
                FILTER (WHERE c.gtin IS NOT NULL), '{}')
FROM item AS i LEFT JOIN item_code AS c USING (item_id)
WHERE i.revision > %(base)s
GROUP BY i.item_id
ORDER BY i.sku;

-- name: locations_since
-- One site's locations changed after a revision; all of them after -1.
SELECT code, role, removed, zone, capacity FROM location
WHERE site_id = %(site_id)s AND revision > %(base)s ORDER BY code;

-- name: note_revision
-- When a revision was made; never before the one below it, whatever the clock says.
INSERT INTO catalog_revision (revision, at)
SELECT %(revision)s, greatest(coalesce(%(at)s::timestamptz, clock_timestamp()), max(at))
FROM catalog_revision;

-- name: revision_at
-- The catalog's revision at a moment; none before its first.
SELECT revision FROM catalog_revision WHERE at <= %(at)s ORDER BY revision DESC LIMIT 1;

-- name: close_sites
-- What stood of the sites that this revision changed stood until now.
UPDATE site_version AS v SET until = %(revision)s FROM site AS s
WHERE s.site_id = v.site_id AND s.revision = %(revision)s AND v.until IS NULL;

-- name: keep_sites
-- The sites that this revision changed or brought.
INSERT INTO site_version (site_id, since, name, region, timezone, currency)
SELECT site_id, revision, name, region, timezone, currency FROM site
WHERE revision = %(revision)s;

-- name: close_locations
-- What stood of the locations that this revision changed stood until now.
UPDATE location_version AS v SET until = %(revision)s FROM incoming_location AS n
WHERE n.verdict = 'changed' AND n.location_id = v.location_id AND v.until IS NULL;

-- name: keep_locations
-- The locations that this revision changed or brought.
INSERT INTO location_version (location_id, since, role, removed, zone, capacity)
SELECT l.location_id, l.revision, l.role, l.removed, l.zone, l.capacity
FROM incoming_location AS n JOIN location AS l ON l.site_id = n.site_id AND l.code = n.code
WHERE n.verdict <> 'unchanged';

-- name: close_items
-- What stood of the items that this revision changed stood until now.
UPDATE item_version AS v SET until = %(revision)s FROM incoming_item AS n
WHERE n.verdict = 'changed' AND n.item_id = v.item_id AND v.until IS NULL;

-- name: keep_items
-- The items that this revision changed or brought.
INSERT INTO item_version (item_id, since, name, removed, count_class, gtins, quantities)
SELECT i.item_id, i.revision, i.name, i.removed, i.count_class,
       ARRAY(SELECT c.gtin FROM item_code AS c WHERE c.item_id = i.item_id ORDER BY c.gtin),
       ARRAY(SELECT c.quantity FROM item_code AS c WHERE c.item_id = i.item_id ORDER BY c.gtin)
FROM incoming_item AS n JOIN item AS i USING (sku)
WHERE n.verdict <> 'unchanged';

-- name: page_sites
-- Sites as of a revision, by code.
SELECT s.code, v.name, v.region, v.timezone, v.currency
FROM site_version AS v JOIN site AS s USING (site_id)
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR s.code = ANY(%(firsts)s))
  AND (%(a0)s::text IS NULL OR s.code > %(a0)s)
ORDER BY s.code LIMIT %(limit)s;

-- name: page_locations
-- Locations as of a revision, by site and code.
SELECT s.code, l.code, v.role, v.removed, coalesce(v.zone, ''), v.capacity
FROM location_version AS v JOIN location AS l USING (location_id) JOIN site AS s USING (site_id)
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR s.code = ANY(%(firsts)s))
  AND (%(a0)s::text IS NULL OR (s.code, l.code) > (%(a0)s, %(a1)s))
ORDER BY s.code, l.code LIMIT %(limit)s;

-- name: page_items
-- Items as of a revision, by SKU.
SELECT i.sku, v.name, v.removed, v.count_class, v.gtins, v.quantities
FROM item_version AS v JOIN item AS i USING (item_id)
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR i.sku = ANY(%(firsts)s))
  AND (%(a0)s::text IS NULL OR i.sku > %(a0)s)
ORDER BY i.sku LIMIT %(limit)s;

-- name: page_assortment
-- What items are to the business as of a revision, by SKU.
SELECT i.sku, v.category, v.cost, v.price, v.currency, v.shelf_life
FROM assortment_version AS v JOIN item AS i USING (item_id)
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR i.sku = ANY(%(firsts)s))
  AND (%(a0)s::text IS NULL OR i.sku > %(a0)s)
ORDER BY i.sku LIMIT %(limit)s;

-- name: page_packs
-- Pack levels as of a revision, by trade item number.
SELECT v.gtin, v.level FROM pack_version AS v
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR v.gtin = ANY(%(firsts)s))
  AND (%(a0)s::text IS NULL OR v.gtin > %(a0)s)
ORDER BY v.gtin LIMIT %(limit)s;

-- name: page_links
-- Siblings and substitutes as of a revision, by SKU, kind and the other's SKU.
SELECT i.sku, v.kind, o.sku, v.rank, v.removed
FROM link_version AS v JOIN item AS i USING (item_id) JOIN item AS o ON o.item_id = v.other_id
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR i.sku = ANY(%(firsts)s))
  AND (%(seconds)s::text[] IS NULL OR v.kind = ANY(%(seconds)s))
  AND (%(a0)s::text IS NULL OR (i.sku, v.kind, o.sku) > (%(a0)s, %(a1)s, %(a2)s))
ORDER BY i.sku, v.kind, o.sku LIMIT %(limit)s;

-- name: page_suppliers
-- Suppliers as of a revision, by code.
SELECT s.code, v.name, v.currency, v.minimum, v.payment_days, v.incoterm, v.place, v.lead_days,
       v.removed
FROM supplier_version AS v JOIN supplier AS s USING (supplier_id)
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR s.code = ANY(%(firsts)s))
  AND (%(a0)s::text IS NULL OR s.code > %(a0)s)
ORDER BY s.code LIMIT %(limit)s;

-- name: page_offers
-- What suppliers offer as of a revision, by supplier and SKU.
SELECT s.code, i.sku, v.reference, v.currency, v.per, v.minimum, v.multiple, v.lead_days, v.removed,
       v.break_from, v.break_cost
FROM offer_version AS v JOIN supplier AS s USING (supplier_id) JOIN item AS i USING (item_id)
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR s.code = ANY(%(firsts)s))
  AND (%(seconds)s::text[] IS NULL OR i.sku = ANY(%(seconds)s))
  AND (%(a0)s::text IS NULL OR (s.code, i.sku) > (%(a0)s, %(a1)s))
ORDER BY s.code, i.sku LIMIT %(limit)s;

-- name: page_bills
-- Bills of material as of a revision, by SKU and version.
SELECT i.sku, v.version, v.purpose, v.valid_from, v.makes, v.removed,
       ARRAY(SELECT c.sku FROM unnest(v.component_ids) WITH ORDINALITY AS n (item_id, place)
             JOIN item AS c USING (item_id) ORDER BY n.place),
       v.quantities
FROM bill_version AS v JOIN item AS i USING (item_id)
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR i.sku = ANY(%(firsts)s))
  AND (%(seconds)s::text[] IS NULL OR v.version = ANY(%(seconds)s))
  AND (%(a0)s::text IS NULL OR (i.sku, v.version) > (%(a0)s, %(a1)s))
ORDER BY i.sku, v.version LIMIT %(limit)s;

-- name: close_assortment
-- What stood of these items stood until now.
UPDATE assortment_version AS v SET until = %(revision)s
WHERE v.until IS NULL AND v.item_id = ANY(%(k0)s::int[]);

-- name: copy_assortment
-- What stands from now on.
COPY assortment_version (item_id, since, category, cost, price, currency, shelf_life) FROM STDIN;

-- name: close_packs
-- What stood of these trade item numbers stood until now.
UPDATE pack_version AS v SET until = %(revision)s
WHERE v.until IS NULL AND v.gtin = ANY(%(k0)s::text[]);

-- name: copy_packs
-- What stands from now on.
COPY pack_version (gtin, since, level) FROM STDIN;

-- name: close_links
-- What stood of these links stood until now.
UPDATE link_version AS v SET until = %(revision)s
FROM unnest(%(k0)s::int[], %(k1)s::text[], %(k2)s::int[]) AS n (item_id, kind, other_id)
WHERE v.until IS NULL
  AND (v.item_id, v.kind, v.other_id) = (n.item_id, n.kind, n.other_id);

-- name: copy_links
-- What stands from now on.
COPY link_version (item_id, kind, other_id, since, rank, removed) FROM STDIN;

-- name: insert_suppliers
-- Suppliers that nobody has named before.
INSERT INTO supplier (code) SELECT unnest(%(codes)s::text[]) ON CONFLICT DO NOTHING;

-- name: supplier_ids
-- The keys of suppliers by their codes.
SELECT code, supplier_id FROM supplier WHERE code = ANY(%(codes)s);

-- name: close_suppliers
-- What stood of these suppliers stood until now.
UPDATE supplier_version AS v SET until = %(revision)s
WHERE v.until IS NULL AND v.supplier_id = ANY(%(k0)s::int[]);

-- name: copy_suppliers
-- What stands from now on.
COPY supplier_version (supplier_id, since, name, currency, minimum, payment_days, incoterm, place,
                       lead_days, removed) FROM STDIN;

-- name: close_offers
-- What stood of these offers stood until now.
UPDATE offer_version AS v SET until = %(revision)s
FROM unnest(%(k0)s::int[], %(k1)s::int[]) AS n (supplier_id, item_id)
WHERE v.until IS NULL AND (v.supplier_id, v.item_id) = (n.supplier_id, n.item_id);

-- name: copy_offers
-- What stands from now on.
COPY offer_version (supplier_id, item_id, since, reference, currency, per, minimum, multiple,
                    lead_days, removed, break_from, break_cost) FROM STDIN;

-- name: close_bills
-- What stood of these bills stood until now.
UPDATE bill_version AS v SET until = %(revision)s
FROM unnest(%(k0)s::int[], %(k1)s::text[]) AS n (item_id, version)
WHERE v.until IS NULL AND (v.item_id, v.version) = (n.item_id, n.version);

-- name: copy_bills
-- What stands from now on.
COPY bill_version (item_id, version, since, purpose, valid_from, makes, removed, component_ids,
                   quantities) FROM STDIN;

-- name: packs_of
-- All trade item numbers of the items that hold one of these, with what each holds and its level.
SELECT i.sku, c.gtin, c.quantity, coalesce(v.level, '')
FROM item_code AS c
JOIN item AS i USING (item_id)
LEFT JOIN pack_version AS v ON v.gtin = c.gtin AND v.until IS NULL
WHERE c.item_id IN (SELECT n.item_id FROM item_code AS n WHERE n.gtin = ANY(%(gtins)s))
ORDER BY c.gtin;

-- name: page_channels
-- Channels as of a revision, by code.
SELECT v.code, v.name, v.priority, v.removed
FROM channel_version AS v
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR v.code = ANY(%(firsts)s))
  AND (%(a0)s::text IS NULL
       OR v.code > %(a0)s)
ORDER BY v.code LIMIT %(limit)s;

-- name: page_lanes
-- Lanes as of a revision, by code.
SELECT v.code, v.supplier, v.origin, v.site, v.mode, v.days, v.fixed, v.cost, v.per, v.currency,
       v.removed
FROM lane_version AS v
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR v.code = ANY(%(firsts)s))
  AND (%(a0)s::text IS NULL
       OR v.code > %(a0)s)
ORDER BY v.code LIMIT %(limit)s;

-- name: page_costs
-- Landed-cost parts as of a revision, by lane, supplier, SKU and part.
SELECT v.lane, v.supplier, v.sku, v.part, v.percent, v.base, v.amount, v.currency, v.per,
       v.removed
FROM landed_cost_version AS v
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR v.lane = ANY(%(firsts)s))
  AND (%(seconds)s::text[] IS NULL OR v.supplier = ANY(%(seconds)s))
  AND (%(a0)s::text IS NULL
       OR (v.lane, v.supplier, v.sku, v.part) > (%(a0)s, %(a1)s, %(a2)s, %(a3)s))
ORDER BY v.lane, v.supplier, v.sku, v.part LIMIT %(limit)s;

-- name: page_agreements
-- Agreements as of a revision, by supplier and SKU.
SELECT v.supplier, v.sku, v.week_capacity, v.floor, v.floor_days, v.window_days, v.window_percent,
       v.notice_days, v.premium, v.removed
FROM agreement_version AS v
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR v.supplier = ANY(%(firsts)s))
  AND (%(seconds)s::text[] IS NULL OR v.sku = ANY(%(seconds)s))
  AND (%(a0)s::text IS NULL
       OR (v.supplier, v.sku) > (%(a0)s, %(a1)s))
ORDER BY v.supplier, v.sku LIMIT %(limit)s;

-- name: page_calendars
-- Calendars as of a revision, by whose they are.
SELECT v.owner, v.code, v.workdays, v.removed, v.closed, v.last, v.occasion
FROM calendar_version AS v
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR v.owner = ANY(%(firsts)s))
  AND (%(seconds)s::text[] IS NULL OR v.code = ANY(%(seconds)s))
  AND (%(a0)s::text IS NULL
       OR (v.owner, v.code) > (%(a0)s, %(a1)s))
ORDER BY v.owner, v.code LIMIT %(limit)s;

-- name: page_promotions
-- Promotions as of a revision, by code and what they are for.
SELECT v.code, v.sku, v.category, v.site, v.channel, v.name, v.starts, v.ends, v.uplift, v.units,
       v.removed
FROM promotion_version AS v
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR v.code = ANY(%(firsts)s))
  AND (%(seconds)s::text[] IS NULL OR v.sku = ANY(%(seconds)s))
  AND (%(a0)s::text IS NULL
       OR (v.code, v.sku, v.category, v.site, v.channel) > (%(a0)s, %(a1)s, %(a2)s, %(a3)s, %(a4)s))
ORDER BY v.code, v.sku, v.category, v.site, v.channel LIMIT %(limit)s;

-- name: page_contracts
-- Contracts as of a revision, by customer, SKU and first day.
SELECT v.customer, v.sku, to_char(v.starts, 'YYYY-MM-DD'), v.ends, v.quantity, v.site, v.channel,
       v.price, v.currency, v.reference, v.removed
FROM contract_version AS v
WHERE v.since <= %(revision)s AND (v.until IS NULL OR v.until > %(revision)s)
  AND (%(firsts)s::text[] IS NULL OR v.customer = ANY(%(firsts)s))
  AND (%(seconds)s::text[] IS NULL OR v.sku = ANY(%(seconds)s))
  AND (%(a0)s::text IS NULL
       OR (v.customer, v.sku, to_char(v.starts, 'YYYY-MM-DD')) > (%(a0)s, %(a1)s, %(a2)s))
ORDER BY v.customer, v.sku, to_char(v.starts, 'YYYY-MM-DD') LIMIT %(limit)s;

-- name: close_channels
-- What stood of these stood until now.
UPDATE channel_version AS v SET until = %(revision)s
WHERE v.until IS NULL AND v.code = ANY(%(k0)s::text[]);

-- name: copy_channels
-- What stands from now on.
COPY channel_version (code, since, name, priority, removed) FROM STDIN;

-- name: close_lanes
-- What stood of these stood until now.
UPDATE lane_version AS v SET until = %(revision)s
WHERE v.until IS NULL AND v.code = ANY(%(k0)s::text[]);

-- name: copy_lanes
-- What stands from now on.
COPY lane_version (code, since, supplier, origin, site, mode, days, fixed, cost, per, currency,
     removed) FROM STDIN;

-- name: close_costs
-- What stood of these stood until now.
UPDATE landed_cost_version AS v SET until = %(revision)s
FROM unnest(%(k0)s::text[], %(k1)s::text[], %(k2)s::text[], %(k3)s::text[])
    AS n (lane, supplier, sku, part)
WHERE v.until IS NULL
  AND (v.lane, v.supplier, v.sku, v.part)
    = (n.lane, n.supplier, n.sku, n.part);

-- name: copy_costs
-- What stands from now on.
COPY landed_cost_version (lane, supplier, sku, part, since, percent, base, amount, currency, per,
     removed) FROM STDIN;

-- name: close_agreements
-- What stood of these stood until now.
UPDATE agreement_version AS v SET until = %(revision)s
FROM unnest(%(k0)s::text[], %(k1)s::text[])
    AS n (supplier, sku)
WHERE v.until IS NULL
  AND (v.supplier, v.sku)
    = (n.supplier, n.sku);

-- name: copy_agreements
-- What stands from now on.
COPY agreement_version (supplier, sku, since, week_capacity, floor, floor_days, window_days,
     window_percent, notice_days, premium, removed) FROM STDIN;

-- name: close_calendars
-- What stood of these stood until now.
UPDATE calendar_version AS v SET until = %(revision)s
FROM unnest(%(k0)s::text[], %(k1)s::text[])
    AS n (owner, code)
WHERE v.until IS NULL
  AND (v.owner, v.code)
    = (n.owner, n.code);

-- name: copy_calendars
-- What stands from now on.
COPY calendar_version (owner, code, since, workdays, removed, closed, last, occasion) FROM STDIN;

-- name: close_promotions
-- What stood of these stood until now.
UPDATE promotion_version AS v SET until = %(revision)s
FROM unnest(%(k0)s::text[], %(k1)s::text[], %(k2)s::text[], %(k3)s::text[], %(k4)s::text[])
    AS n (code, sku, category, site, channel)
WHERE v.until IS NULL
  AND (v.code, v.sku, v.category, v.site, v.channel)
    = (n.code, n.sku, n.category, n.site, n.channel);

-- name: copy_promotions
-- What stands from now on.
COPY promotion_version (code, sku, category, site, channel, since, name, starts, ends, uplift,
     units, removed) FROM STDIN;

-- name: close_contracts
-- What stood of these stood until now.
UPDATE contract_version AS v SET until = %(revision)s
FROM unnest(%(k0)s::text[], %(k1)s::text[], %(k2)s::date[])
    AS n (customer, sku, starts)
WHERE v.until IS NULL
  AND (v.customer, v.sku, v.starts)
    = (n.customer, n.sku, n.starts);

-- name: copy_contracts
-- What stands from now on.
COPY contract_version (customer, sku, starts, since, ends, quantity, site, channel, price,
     currency, reference, removed) FROM STDIN;

-- name: known_items
-- Which of these items there are.
SELECT sku FROM item WHERE sku = ANY(%(codes)s);

-- name: known_suppliers
-- Which of these suppliers there are.
SELECT code FROM supplier WHERE code = ANY(%(codes)s);

-- name: known_sites
-- Which of these sites there are.
SELECT code FROM site WHERE code = ANY(%(codes)s);

-- name: known_channels
-- Which of these channels there are.
SELECT code FROM channel_version WHERE code = ANY(%(codes)s) AND until IS NULL;

-- name: known_lanes
-- Which of these lanes there are.
SELECT code FROM lane_version WHERE code = ANY(%(codes)s) AND until IS NULL;
