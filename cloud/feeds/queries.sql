-- name: insert_feed
-- Registers a feed.
INSERT INTO feed (code, kind, standing, site_id, channel, partner, settings, interval_s, created_at)
VALUES (%(code)s, %(kind)s, 'on', %(site_id)s, %(channel)s, %(partner)s, %(settings)s,
        %(interval_s)s, to_timestamp(%(now)s::numeric / 1000000))
ON CONFLICT (code) DO NOTHING
RETURNING feed_id;

-- name: update_feed
-- Changes what may change of a feed.
UPDATE feed SET channel = %(channel)s, partner = %(partner)s, settings = %(settings)s,
                interval_s = %(interval_s)s, site_id = %(site_id)s
WHERE feed_id = %(feed_id)s;

-- name: switch
-- Switches a feed on or off.
UPDATE feed SET standing = %(standing)s, silent_at = NULL WHERE code = %(code)s RETURNING feed_id;

-- name: feeds
-- Feeds by code, after one.
SELECT f.feed_id, f.code, f.kind, f.standing, f.site_id, s.code, f.channel, f.partner, f.settings,
       f.interval_s, (extract(epoch FROM f.created_at) * 1000000)::bigint
FROM feed AS f LEFT JOIN site AS s USING (site_id)
WHERE (%(sites)s::int[] IS NULL OR f.site_id = ANY(%(sites)s::int[]))
  AND (%(kind)s::text IS NULL OR f.kind = %(kind)s)
  AND (%(after)s::text IS NULL OR f.code > %(after)s)
ORDER BY f.code LIMIT %(limit)s;

-- name: feed
-- One feed.
SELECT f.feed_id, f.code, f.kind, f.standing, f.site_id, s.code, f.channel, f.partner, f.settings,
       f.interval_s, (extract(epoch FROM f.created_at) * 1000000)::bigint
FROM feed AS f LEFT JOIN site AS s USING (site_id)
WHERE f.code = %(code)s;

-- name: keep
-- Keeps a delivery; the same again is counted. No row: something else came under its number.
INSERT INTO feed_delivery AS d (feed_id, topic, origin, key, sha256, size, content, received_at,
                                standing, due_at)
VALUES (%(feed_id)s, %(topic)s, %(origin)s, %(key)s, %(sha256)s, %(size)s, %(content)s,
        to_timestamp(%(now)s::numeric / 1000000), 'waiting',
        to_timestamp(%(now)s::numeric / 1000000))
ON CONFLICT (feed_id, key) DO UPDATE SET repeats = d.repeats + 1
    WHERE d.sha256 = excluded.sha256
RETURNING delivery_id, d.repeats = 0;

-- name: due_feeds
-- Feeds with something to be read.
SELECT DISTINCT feed_id FROM feed_delivery JOIN feed USING (feed_id)
WHERE feed_delivery.standing = 'waiting' AND feed.standing = 'on'
  AND due_at <= to_timestamp(%(now)s::numeric / 1000000)
ORDER BY feed_id;

-- name: take_feed
-- One worker at a time reads a feed: what came first is read first.
SELECT pg_try_advisory_xact_lock(20, %(feed_id)s);

-- name: next_due
-- The first delivery of a feed that is to be read, with its feed.
SELECT f.feed_id, f.code, f.kind, f.standing, f.site_id, s.code, f.channel, f.partner, f.settings,
       f.interval_s, (extract(epoch FROM f.created_at) * 1000000)::bigint,
       d.delivery_id, d.topic, d.content, (extract(epoch FROM d.received_at) * 1000000)::bigint,
       d.attempts
FROM feed_delivery AS d JOIN feed AS f USING (feed_id) LEFT JOIN site AS s USING (site_id)
WHERE d.feed_id = %(feed_id)s AND d.standing = 'waiting'
  AND d.due_at <= to_timestamp(%(now)s::numeric / 1000000)
ORDER BY d.delivery_id LIMIT 1
FOR UPDATE OF d SKIP LOCKED;

-- name: settle
-- What became of a delivery.
UPDATE feed_delivery
SET standing = %(standing)s, attempts = attempts + 1, documents = %(documents)s,
    settled_at = to_timestamp(%(now)s::numeric / 1000000),
    error_code = %(code)s, error_where = %(where)s, error_says = %(says)s
WHERE delivery_id = %(delivery_id)s;

-- name: postpone
-- A delivery is to be read again later.
UPDATE feed_delivery
SET attempts = attempts + 1, due_at = to_timestamp(%(due)s::numeric / 1000000),
    error_code = %(code)s, error_where = %(where)s, error_says = %(says)s
WHERE delivery_id = %(delivery_id)s;

-- name: known
-- The newest versions applied of some things.
SELECT subject, version FROM feed_subject
WHERE feed_id = %(feed_id)s AND subject = ANY(%(subjects)s);

-- name: see
-- The newest versions that came.
INSERT INTO feed_subject AS k (feed_id, subject, seen)
SELECT %(feed_id)s, s.subject, max(s.version)
FROM unnest(%(subjects)s::text[], %(versions)s::bigint[]) AS s (subject, version)
GROUP BY s.subject ORDER BY s.subject
ON CONFLICT (feed_id, subject) DO UPDATE SET seen = greatest(k.seen, excluded.seen);

-- name: seen
-- The newest versions that came of some things.
SELECT subject, seen FROM feed_subject
WHERE feed_id = %(feed_id)s AND subject = ANY(%(subjects)s);

-- name: know
-- The newest versions applied.
UPDATE feed_subject AS k SET version = greatest(k.version, s.version)
FROM unnest(%(subjects)s::text[], %(versions)s::bigint[]) AS s (subject, version)
WHERE k.feed_id = %(feed_id)s AND k.subject = s.subject;

-- name: mention
-- A feed spoke of items; of those of class A it is written down when.
INSERT INTO feed_mention AS m (feed_id, item_id, at)
SELECT %(feed_id)s, i.item_id, to_timestamp(%(now)s::numeric / 1000000)
FROM item AS i
WHERE i.count_class = 'A' AND NOT i.removed AND i.item_id IN (
    SELECT item_id FROM item WHERE sku = ANY(%(skus)s)
    UNION SELECT item_id FROM item_code WHERE gtin = ANY(%(gtins)s)
    UNION SELECT item_id FROM feed_item
          WHERE feed_id = %(feed_id)s AND theirs = ANY(%(theirs)s) AND until IS NULL)
ORDER BY i.item_id
ON CONFLICT (feed_id, item_id) DO UPDATE SET at = greatest(m.at, excluded.at), told_at = NULL;

-- name: deliveries
-- Deliveries of a feed, the newest first, before one.
SELECT d.delivery_id, f.code, d.topic, d.origin, d.key, encode(d.sha256, 'hex'), d.size,
       (extract(epoch FROM d.received_at) * 1000000)::bigint, d.standing, d.repeats, d.attempts,
       (extract(epoch FROM d.settled_at) * 1000000)::bigint, d.documents, d.error_code,
       d.error_where, d.error_says
FROM feed_delivery AS d JOIN feed AS f USING (feed_id)
WHERE d.feed_id = %(feed_id)s
  AND (%(standing)s::text IS NULL OR d.standing = %(standing)s)
  AND (%(after)s::bigint IS NULL OR d.delivery_id < %(after)s)
ORDER BY d.delivery_id DESC LIMIT %(limit)s;

-- name: delivery
-- One delivery.
SELECT d.delivery_id, f.code, d.topic, d.origin, d.key, encode(d.sha256, 'hex'), d.size,
       (extract(epoch FROM d.received_at) * 1000000)::bigint, d.standing, d.repeats, d.attempts,
       (extract(epoch FROM d.settled_at) * 1000000)::bigint, d.documents, d.error_code,
       d.error_where, d.error_says
FROM feed_delivery AS d JOIN feed AS f USING (feed_id)
WHERE d.feed_id = %(feed_id)s AND d.delivery_id = %(delivery_id)s;

-- name: content
-- A delivery's content as it came; none when it was forgotten.
SELECT content FROM feed_delivery WHERE delivery_id = %(delivery_id)s;

-- name: last_error
-- The newest delivery that something was wrong with.
SELECT d.delivery_id, f.code, d.topic, d.origin, d.key, encode(d.sha256, 'hex'), d.size,
       (extract(epoch FROM d.received_at) * 1000000)::bigint, d.standing, d.repeats, d.attempts,
       (extract(epoch FROM d.settled_at) * 1000000)::bigint, d.documents, d.error_code,
       d.error_where, d.error_says
FROM feed_delivery AS d JOIN feed AS f USING (feed_id)
WHERE d.feed_id = %(feed_id)s AND d.error_code IS NOT NULL
ORDER BY d.received_at DESC, d.delivery_id DESC LIMIT 1;

-- name: retry
-- A person has a delivery read again; no row where it waits already or its content is gone.
UPDATE feed_delivery
SET standing = 'waiting', settled_at = NULL, attempts = 0,
    due_at = to_timestamp(%(now)s::numeric / 1000000)
WHERE feed_id = %(feed_id)s AND delivery_id = %(delivery_id)s AND content IS NOT NULL
RETURNING delivery_id;

-- name: retry_refused
-- A person has all refused deliveries of a feed read again.
UPDATE feed_delivery
SET standing = 'waiting', settled_at = NULL, attempts = 0,
    due_at = to_timestamp(%(now)s::numeric / 1000000)
WHERE feed_id = %(feed_id)s AND standing IN ('refused', 'partly') AND content IS NOT NULL
RETURNING delivery_id;

-- name: take_up_unrouted
-- What nothing could take before is read again by a version that may know it.
UPDATE feed_delivery
SET standing = 'waiting', settled_at = NULL, due_at = to_timestamp(%(now)s::numeric / 1000000)
WHERE standing = 'unrouted' AND content IS NOT NULL
RETURNING delivery_id;

-- name: forget_these
-- Contents of these deliveries, those that are settled.
UPDATE feed_delivery SET content = NULL
WHERE delivery_id = ANY (%(deliveries)s::bigint[]) AND content IS NOT NULL
  AND standing NOT IN ('waiting', 'unrouted')
RETURNING delivery_id;

-- name: contents_kept
-- How many of these deliveries still have their content.
SELECT count(*) FROM feed_delivery
WHERE delivery_id = ANY (%(deliveries)s::bigint[]) AND content IS NOT NULL;

-- name: forget
-- Contents of deliveries that were settled before a moment.
UPDATE feed_delivery SET content = NULL
WHERE delivery_id IN (
    SELECT delivery_id FROM feed_delivery
    WHERE content IS NOT NULL AND settled_at < to_timestamp(%(before)s::numeric / 1000000)
      AND standing <> 'unrouted'
    ORDER BY settled_at LIMIT 10000)
RETURNING delivery_id;

-- name: health
-- How feeds did since a moment.
SELECT f.feed_id,
       (SELECT (extract(epoch FROM max(received_at)) * 1000000)::bigint FROM feed_delivery
        WHERE feed_id = f.feed_id),
       w.waiting, (extract(epoch FROM w.oldest) * 1000000)::bigint,
       t.received, t.applied, t.refused, t.unrouted, t.repeats, t.lag_ms,
       (extract(epoch FROM f.silent_at) * 1000000)::bigint,
       (SELECT count(*) FROM feed_mention WHERE feed_id = f.feed_id AND told_at IS NOT NULL),
       (extract(epoch FROM p.began_at) * 1000000)::bigint,
       (extract(epoch FROM p.until_at) * 1000000)::bigint, p.looked, p.missed,
       coalesce(p.error, '')
FROM feed AS f
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting, min(received_at) AS oldest FROM feed_delivery
    WHERE feed_id = f.feed_id AND standing = 'waiting') AS w
CROSS JOIN LATERAL (
    SELECT count(*) AS received,
           count(*) FILTER (WHERE standing IN ('applied', 'stale')) AS applied,
           count(*) FILTER (WHERE standing IN ('refused', 'partly')) AS refused,
           count(*) FILTER (WHERE standing = 'unrouted') AS unrouted,
           coalesce(sum(repeats), 0)::bigint AS repeats,
           (avg(extract(epoch FROM settled_at - received_at))
                FILTER (WHERE standing = 'applied') * 1000)::bigint AS lag_ms
    FROM feed_delivery
    WHERE feed_id = f.feed_id
      AND received_at >= to_timestamp(%(since)s::numeric / 1000000)) AS t
LEFT JOIN LATERAL (
    SELECT * FROM feed_poll WHERE feed_id = f.feed_id ORDER BY began_at DESC LIMIT 1) AS p ON true
WHERE f.feed_id = ANY(%(feed_ids)s);

-- name: silent
-- Feeds that have said nothing for longer than expected, and of which nobody was told.
UPDATE feed AS f SET silent_at = to_timestamp(%(now)s::numeric / 1000000)
FROM (
    SELECT g.feed_id, greatest(g.created_at, (
               SELECT max(received_at) FROM feed_delivery WHERE feed_id = g.feed_id)) AS last
    FROM feed AS g
    WHERE g.standing = 'on' AND g.interval_s IS NOT NULL AND g.silent_at IS NULL) AS g
WHERE g.feed_id = f.feed_id
  AND g.last < to_timestamp(%(now)s::numeric / 1000000) - f.interval_s * interval '1 second'
RETURNING f.code, f.site_id, f.interval_s, (extract(epoch FROM g.last) * 1000000)::bigint;

-- name: heard
-- Feeds that were silent and have said something since.
UPDATE feed AS f SET silent_at = NULL
WHERE silent_at IS NOT NULL AND EXISTS (
    SELECT FROM feed_delivery AS d
    WHERE d.feed_id = f.feed_id AND d.received_at >= f.silent_at);

-- name: stale_items
-- Items of class A that a feed has not spoken of since a moment; newly so in the last column.
WITH fresh AS (
    UPDATE feed_mention AS m SET told_at = to_timestamp(%(now)s::numeric / 1000000)
    FROM item AS i, feed AS f
    WHERE i.item_id = m.item_id AND f.feed_id = m.feed_id AND f.standing = 'on'
      AND i.count_class = 'A' AND NOT i.removed AND m.told_at IS NULL
      AND m.at < to_timestamp(%(before)s::numeric / 1000000)
    RETURNING m.feed_id, m.item_id)
SELECT f.code, f.site_id, count(*)::int, (array_agg(i.sku ORDER BY i.sku))[1:20]
FROM feed_mention AS m JOIN feed AS f USING (feed_id) JOIN item AS i USING (item_id)
WHERE m.feed_id IN (SELECT feed_id FROM fresh)
  AND (m.told_at IS NOT NULL OR (m.feed_id, m.item_id) IN (SELECT feed_id, item_id FROM fresh))
GROUP BY f.feed_id ORDER BY f.code;

-- name: items_by_sku
-- Items by our own name.
SELECT sku, item_id FROM item WHERE sku = ANY(%(skus)s) AND NOT removed;

-- name: items_by_gtin
-- Items by trade item number, with what one holds.
SELECT c.gtin, c.item_id, i.sku, c.quantity FROM item_code AS c JOIN item AS i USING (item_id)
WHERE c.gtin = ANY(%(gtins)s) AND NOT i.removed;

-- name: items_by_theirs
-- Items by what a feed calls them.
SELECT m.theirs, m.item_id, i.sku, m.quantity
FROM feed_item AS m JOIN feed AS f USING (feed_id) JOIN item AS i USING (item_id)
WHERE f.code = %(feed)s AND m.theirs = ANY(%(theirs)s) AND m.until IS NULL AND NOT i.removed;

-- name: packs
-- How many base units the packs of items hold, by level.
SELECT c.item_id, p.level, c.quantity
FROM item_code AS c JOIN pack_version AS p ON p.gtin = c.gtin AND p.until IS NULL
WHERE c.item_id = ANY(%(item_ids)s) AND p.level <> '';

-- name: end_mapping
-- What a code meant until now, where it comes to mean something else.
UPDATE feed_item SET until = to_timestamp(%(now)s::numeric / 1000000)
WHERE feed_id = %(feed_id)s AND theirs = %(theirs)s AND until IS NULL
  AND (item_id, quantity) <> (%(item_id)s, %(quantity)s);

-- name: map
-- What a code means from now on; nothing where it means that already.
INSERT INTO feed_item (feed_id, theirs, since, item_id, quantity, by_person, delivery_id)
VALUES (%(feed_id)s, %(theirs)s, to_timestamp(%(now)s::numeric / 1000000), %(item_id)s,
        %(quantity)s, %(by)s, %(delivery_id)s)
ON CONFLICT (feed_id, theirs) WHERE until IS NULL DO NOTHING
RETURNING entry;

-- name: mappings
-- What a feed's codes mean, and meant.
SELECT m.theirs, i.sku, m.quantity, (extract(epoch FROM m.since) * 1000000)::bigint,
       (extract(epoch FROM m.until) * 1000000)::bigint, m.by_person
FROM feed_item AS m JOIN item AS i USING (item_id)
WHERE m.feed_id = %(feed_id)s AND (%(all)s OR m.until IS NULL)
  AND (%(theirs)s::text IS NULL OR m.theirs = %(theirs)s)
ORDER BY m.theirs, m.entry LIMIT %(limit)s;

-- name: last_poll
-- Up to when a feed's changes have been seen.
SELECT (extract(epoch FROM max(until_at)) * 1000000)::bigint FROM feed_poll
WHERE feed_id = %(feed_id)s;

-- name: last_attempt
-- When a feed was last asked.
SELECT (extract(epoch FROM max(began_at)) * 1000000)::bigint FROM feed_poll
WHERE feed_id = %(feed_id)s;

-- name: note_poll
-- What asking a feed brought.
INSERT INTO feed_poll (feed_id, began_at, until_at, looked, missed, error)
VALUES (%(feed_id)s, to_timestamp(%(began)s::numeric / 1000000),
        to_timestamp(%(until)s::numeric / 1000000), %(looked)s, %(missed)s, %(error)s)
ON CONFLICT (feed_id, began_at) DO UPDATE
SET until_at = excluded.until_at, looked = excluded.looked, missed = excluded.missed,
    error = excluded.error;

-- name: drop_old_polls
-- Polls of before a moment, but each feed's newest.
DELETE FROM feed_poll AS p
WHERE p.began_at < to_timestamp(%(before)s::numeric / 1000000)
  AND EXISTS (SELECT FROM feed_poll AS q WHERE q.feed_id = p.feed_id AND q.began_at > p.began_at
                                           AND q.until_at IS NOT NULL);

-- name: mapping_of
-- What one of a feed's codes means now.
SELECT m.theirs, i.sku, m.quantity, (extract(epoch FROM m.since) * 1000000)::bigint,
       (extract(epoch FROM m.until) * 1000000)::bigint, m.by_person
FROM feed_item AS m JOIN item AS i USING (item_id)
WHERE m.feed_id = %(feed_id)s AND m.theirs = %(theirs)s AND m.until IS NULL;
