-- name: copy_movements
-- Appends movements, binary. timestamptz travels as microseconds since 2000, uuid as its bytes.
COPY movement (received_at, occurred_at, seq, event_id, gateway_id, epoch, site_id, item_id,
               location_id, quantity, state, kind, leg, clock_state, lot, serial, device)
FROM STDIN (FORMAT binary);

-- name: reverse_movements
-- Appends the contrary of every movement of these events: true at the same moment, known from now
-- on. Its legs are numbered after the event's own. Clocks of workers may differ by an hour.
INSERT INTO movement (received_at, occurred_at, seq, event_id, gateway_id, epoch, site_id, item_id,
                      location_id, quantity, state, kind, leg, clock_state, lot, serial, device,
                      reversal)
SELECT to_timestamp(%(at)s::numeric / 1000000), m.occurred_at, m.seq, m.event_id, m.gateway_id,
       m.epoch, m.site_id, m.item_id, m.location_id, -m.quantity, m.state, m.kind,
       m.leg + count(*) OVER (PARTITION BY m.seq), m.clock_state, m.lot, m.serial, m.device, true
FROM movement m
JOIN unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS range (first_seq, last_seq)
  ON m.seq BETWEEN range.first_seq AND range.last_seq
WHERE m.gateway_id = %(gateway_id)s AND m.epoch = %(epoch)s AND NOT m.reversal
  AND m.received_at >= to_timestamp(%(since)s::numeric / 1000000) - interval '1 hour'
RETURNING seq, site_id, item_id, location_id, lot, serial, state, quantity;

-- name: forget_count_checks
-- What counts of these events expected is not compared: they are not in force.
DELETE FROM count_check c
USING unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS range (first_seq, last_seq)
WHERE c.gateway_id = %(gateway_id)s AND c.epoch = %(epoch)s
  AND c.seq BETWEEN range.first_seq AND range.last_seq;

-- name: make_balance_delta
-- The differences of one batch, private to this session, emptied by each commit.
CREATE TEMPORARY TABLE IF NOT EXISTS balance_delta (
    site_id int, item_id int, location_id int, lot text COLLATE "C", serial text COLLATE "C",
    state smallint, quantity bigint
) ON COMMIT DELETE ROWS;

-- name: empty_balance_delta
-- Almost always empty already; a second batch in one transaction starts from nothing too.
DELETE FROM balance_delta;

-- name: copy_balance_delta
-- Differences per position, sorted by key: every worker locks balances in that order.
COPY balance_delta FROM STDIN (FORMAT binary);

-- name: apply_balance_delta
-- Adds the differences to the balances, in the order in which they were copied.
INSERT INTO balance AS b (site_id, item_id, location_id, lot, serial, state, quantity, updated_at)
SELECT site_id, item_id, location_id, lot, serial, state, quantity,
       to_timestamp(%(at)s::numeric / 1000000)
FROM balance_delta
ON CONFLICT (site_id, item_id, location_id, lot, serial, state) DO UPDATE
SET quantity = b.quantity + excluded.quantity, updated_at = excluded.updated_at;

-- name: defer_count_check
-- Remembers what a count expected until the chain below it is complete.
INSERT INTO count_check (gateway_id, epoch, seq, site_id, item_id, location_id, lot, serial, state,
                         expected)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

-- name: take_count_checks
-- The counts that a complete chain now covers; another worker's are left to it.
DELETE FROM count_check WHERE ctid IN (
    SELECT c.ctid FROM count_check c
    JOIN unnest(%(gateway_ids)s::int[], %(epochs)s::int[], %(seqs)s::int8[])
         AS done (gateway_id, epoch, seq)
      ON c.gateway_id = done.gateway_id AND c.epoch = done.epoch AND c.seq <= done.seq
    ORDER BY c.gateway_id, c.epoch, c.seq LIMIT 200
    FOR UPDATE OF c SKIP LOCKED)
RETURNING gateway_id, epoch, seq, site_id, item_id, location_id, lot, serial, state, expected;

-- name: folded_before
-- The fold at one position below one event: this gateway's earlier events, and all other ones.
SELECT coalesce(sum(quantity), 0)::bigint FROM movement
WHERE item_id = %(item_id)s AND site_id = %(site_id)s AND location_id = %(location_id)s
  AND lot = %(lot)s AND serial = %(serial)s AND state = %(state)s
  AND (gateway_id <> %(gateway_id)s OR (epoch, seq) < (%(epoch)s, %(seq)s));

-- name: names_of
-- The names that a person knows a position and a gateway by.
SELECT g.name, i.sku, l.code
FROM gateway g, item i, location l
WHERE g.gateway_id = %(gateway_id)s AND i.item_id = %(item_id)s
  AND l.location_id = %(location_id)s;

-- name: stock
-- Balances by key, after a key: first the page, then its names. Planned anew each time, so that
-- filters which are absent fold away.
SELECT s.code, i.sku, i.name, l.code, b.lot, b.serial, b.state, b.quantity,
       (extract(epoch FROM b.updated_at) * 1000000)::bigint,
       b.site_id, b.item_id, b.location_id
FROM (
    SELECT * FROM balance
    WHERE quantity <> 0
      AND (%(sites)s::int[] IS NULL OR site_id = ANY(%(sites)s::int[]))
      AND (%(site)s::text IS NULL OR site_id = (SELECT site_id FROM site WHERE code = %(site)s))
      AND (%(item)s::text IS NULL OR item_id = (SELECT item_id FROM item WHERE sku = %(item)s))
      AND (%(location)s::text IS NULL OR location_id = ANY(ARRAY(
           SELECT location_id FROM location WHERE code = %(location)s)))
      AND (%(lot)s::text IS NULL OR lot = %(lot)s)
      AND (%(serial)s::text IS NULL OR serial = %(serial)s)
      AND (%(state)s::int IS NULL OR state = %(state)s)
      AND (%(after_site)s::int IS NULL
           OR (site_id, item_id, location_id, lot, serial, state)
            > (%(after_site)s::int, %(after_item)s::int, %(after_location)s::int,
               %(after_lot)s::text, %(after_serial)s::text, %(after_state)s::int))
    ORDER BY site_id, item_id, location_id, lot, serial, state
    LIMIT %(limit)s
) b
JOIN site s ON s.site_id = b.site_id
JOIN item i ON i.item_id = b.item_id
JOIN location l ON l.location_id = b.location_id
ORDER BY b.site_id, b.item_id, b.location_id, b.lot, b.serial, b.state;

-- name: summary
-- What a site has of an item, by what may be done with it, after a key: first the page, then names.
SELECT s.code, i.sku, i.name, b.on_hand, b.available, b.allocated, b.quarantined, b.damaged,
       b.in_transit, b.site_id, b.item_id
FROM (
    SELECT site_id, item_id,
           coalesce(sum(quantity) FILTER (WHERE state <> 4), 0)::bigint AS on_hand,
           coalesce(sum(quantity) FILTER (WHERE state = 0), 0)::bigint AS available,
           coalesce(sum(quantity) FILTER (WHERE state = 1), 0)::bigint AS allocated,
           coalesce(sum(quantity) FILTER (WHERE state = 2), 0)::bigint AS quarantined,
           coalesce(sum(quantity) FILTER (WHERE state = 3), 0)::bigint AS damaged,
           coalesce(sum(quantity) FILTER (WHERE state = 4), 0)::bigint AS in_transit
    FROM balance
    WHERE quantity <> 0
      AND (%(sites)s::int[] IS NULL OR site_id = ANY(%(sites)s::int[]))
      AND (%(site)s::text IS NULL OR site_id = (SELECT site_id FROM site WHERE code = %(site)s))
      AND (%(item)s::text IS NULL OR item_id = (SELECT item_id FROM item WHERE sku = %(item)s))
      AND (%(after_site)s::int IS NULL
           OR (site_id, item_id) > (%(after_site)s::int, %(after_item)s::int))
    GROUP BY site_id, item_id
    ORDER BY site_id, item_id
    LIMIT %(limit)s
) b
JOIN site s ON s.site_id = b.site_id
JOIN item i ON i.item_id = b.item_id
ORDER BY b.site_id, b.item_id;

-- name: stock_as_of
-- The snapshot before a moment, and what is to be added to it (cloud/ledger/snapshots/README.md).
-- Same keys and filters as stock.
WITH moved AS (
    SELECT site_id, item_id, location_id, lot, serial, state, sum(quantity) AS quantity
    FROM (
        SELECT site_id, item_id, location_id, lot, serial, state, quantity::bigint
        FROM movement
        WHERE received_at >= to_timestamp(%(since)s::numeric / 1000000)
          AND received_at < to_timestamp(%(until)s::numeric / 1000000)
          AND occurred_at >= to_timestamp(%(since)s::numeric / 1000000)
          AND occurred_at < to_timestamp(%(until)s::numeric / 1000000)
          AND (%(true_at)s::bigint IS NULL
               OR occurred_at <= to_timestamp(%(true_at)s::numeric / 1000000))
          AND (%(known_at)s::bigint IS NULL
               OR received_at <= to_timestamp(%(known_at)s::numeric / 1000000))
          AND (%(sites)s::int[] IS NULL OR site_id = ANY(%(sites)s::int[]))
          AND (%(site)s::text IS NULL OR site_id = (SELECT site_id FROM site WHERE code = %(site)s))
          AND (%(item)s::text IS NULL OR item_id = (SELECT item_id FROM item WHERE sku = %(item)s))
        UNION ALL
        SELECT site_id, item_id, location_id, lot, serial, state, quantity::bigint
        FROM movement
        WHERE received_at >= to_timestamp(%(last)s::numeric / 1000000)
          AND (%(true_at)s::bigint IS NULL
               OR occurred_at <= to_timestamp(%(true_at)s::numeric / 1000000))
          AND (%(known_at)s::bigint IS NULL
               OR received_at <= to_timestamp(%(known_at)s::numeric / 1000000))
          AND (%(sites)s::int[] IS NULL OR site_id = ANY(%(sites)s::int[]))
          AND (%(site)s::text IS NULL OR site_id = (SELECT site_id FROM site WHERE code = %(site)s))
          AND (%(item)s::text IS NULL OR item_id = (SELECT item_id FROM item WHERE sku = %(item)s))
        UNION ALL
        SELECT site_id, item_id, location_id, lot, serial, state,
               CASE WHEN received_at >= to_timestamp(%(since)s::numeric / 1000000)
                    THEN quantity ELSE -quantity END::bigint
        FROM snapshot_astray
        WHERE (received_at >= to_timestamp(%(since)s::numeric / 1000000)
               AND (%(true_at)s::bigint IS NULL
                    OR occurred_at <= to_timestamp(%(true_at)s::numeric / 1000000))
               AND (%(known_at)s::bigint IS NULL
                    OR received_at <= to_timestamp(%(known_at)s::numeric / 1000000))
               OR received_at < to_timestamp(%(since)s::numeric / 1000000)
               AND occurred_at > to_timestamp(%(true_at)s::numeric / 1000000))
          AND (%(sites)s::int[] IS NULL OR site_id = ANY(%(sites)s::int[]))
          AND (%(site)s::text IS NULL OR site_id = (SELECT site_id FROM site WHERE code = %(site)s))
          AND (%(item)s::text IS NULL OR item_id = (SELECT item_id FROM item WHERE sku = %(item)s))
    ) part
    GROUP BY site_id, item_id, location_id, lot, serial, state
), page AS (
    SELECT b.site_id, b.item_id, b.location_id, b.lot, b.serial, b.state,
           (coalesce(h.quantity, 0) + coalesce(m.quantity, 0))::bigint AS quantity
    FROM balance b
    LEFT JOIN moved m USING (site_id, item_id, location_id, lot, serial, state)
    LEFT JOIN LATERAL (
        SELECT quantity FROM snapshot_balance s
        WHERE s.item_id = b.item_id AND s.site_id = b.site_id AND s.location_id = b.location_id
          AND s.lot = b.lot AND s.serial = b.serial AND s.state = b.state
          AND s.at <= to_timestamp(%(since)s::numeric / 1000000)
        ORDER BY s.at DESC LIMIT 1
    ) h ON true
    WHERE coalesce(h.quantity, 0) + coalesce(m.quantity, 0) <> 0
      AND (%(sites)s::int[] IS NULL OR b.site_id = ANY(%(sites)s::int[]))
      AND (%(site)s::text IS NULL OR b.site_id = (SELECT site_id FROM site WHERE code = %(site)s))
      AND (%(item)s::text IS NULL OR b.item_id = (SELECT item_id FROM item WHERE sku = %(item)s))
      AND (%(location)s::text IS NULL OR b.location_id = ANY(ARRAY(
           SELECT location_id FROM location WHERE code = %(location)s)))
      AND (%(lot)s::text IS NULL OR b.lot = %(lot)s)
      AND (%(serial)s::text IS NULL OR b.serial = %(serial)s)
      AND (%(state)s::int IS NULL OR b.state = %(state)s)
      AND (%(after_site)s::int IS NULL
           OR (b.site_id, b.item_id, b.location_id, b.lot, b.serial, b.state)
            > (%(after_site)s::int, %(after_item)s::int, %(after_location)s::int,
               %(after_lot)s::text, %(after_serial)s::text, %(after_state)s::int))
    ORDER BY b.site_id, b.item_id, b.location_id, b.lot, b.serial, b.state
    LIMIT %(limit)s
)
SELECT s.code, i.sku, i.name, l.code, b.lot, b.serial, b.state, b.quantity, NULL::bigint,
       b.site_id, b.item_id, b.location_id
FROM page b
JOIN site s ON s.site_id = b.site_id
JOIN item i ON i.item_id = b.item_id
JOIN location l ON l.location_id = b.location_id
ORDER BY b.site_id, b.item_id, b.location_id, b.lot, b.serial, b.state;

-- name: movements
-- Movements, newest first, before a key: first the page, then its names.
SELECT s.code, i.sku, l.code, m.lot, m.serial, m.state, m.quantity, m.kind, g.name, m.epoch,
       m.seq, m.event_id::text, m.device,
       (extract(epoch FROM m.occurred_at) * 1000000)::bigint,
       (extract(epoch FROM m.received_at) * 1000000)::bigint, m.reversal,
       m.gateway_id, m.leg, p.source, p.what, p.reference, p.feed, p.delivery_id, p.person,
       p.reason
FROM (
    SELECT * FROM movement
    WHERE (%(sites)s::int[] IS NULL OR site_id = ANY(%(sites)s::int[]))
      AND (%(site)s::text IS NULL OR site_id = (SELECT site_id FROM site WHERE code = %(site)s))
      AND (%(item)s::text IS NULL OR item_id = (SELECT item_id FROM item WHERE sku = %(item)s))
      AND (%(location)s::text IS NULL OR location_id = ANY(ARRAY(
           SELECT location_id FROM location WHERE code = %(location)s)))
      AND (%(lot)s::text IS NULL OR lot = %(lot)s)
      AND (%(gateway)s::text IS NULL
           OR gateway_id = (SELECT gateway_id FROM gateway WHERE name = %(gateway)s))
      AND (%(serial)s::text IS NULL OR serial = %(serial)s)
      AND (%(state)s::int IS NULL OR state = %(state)s)
      AND (%(posting)s::bigint IS NULL
           OR gateway_id = 0 AND epoch = 0 AND seq = %(posting)s
              AND received_at = (SELECT posted_at FROM posting WHERE posting_id = %(posting)s))
      AND (%(since)s::bigint IS NULL
           OR received_at >= to_timestamp(%(since)s::numeric / 1000000))
      AND (%(until)s::bigint IS NULL
           OR received_at <= to_timestamp(%(until)s::numeric / 1000000))
      AND (%(after_at)s::bigint IS NULL
           OR (received_at <= to_timestamp(%(after_at)s::numeric / 1000000)
               AND (received_at, gateway_id, epoch, seq, leg)
                 < (to_timestamp(%(after_at)s::numeric / 1000000), %(after_gateway)s::int,
                    %(after_epoch)s::int, %(after_seq)s::bigint, %(after_leg)s::int)))
    ORDER BY received_at DESC, gateway_id DESC, epoch DESC, seq DESC, leg DESC
    LIMIT %(limit)s
) m
JOIN site s ON s.site_id = m.site_id
JOIN item i ON i.item_id = m.item_id
JOIN location l ON l.location_id = m.location_id
LEFT JOIN gateway g ON g.gateway_id = m.gateway_id
LEFT JOIN posting p ON m.gateway_id = 0 AND p.posting_id = m.seq
ORDER BY m.received_at DESC, m.gateway_id DESC, m.epoch DESC, m.seq DESC, m.leg DESC;

-- name: drift
-- Positions whose balance is not the fold of their movements; there must be none.
SELECT site_id, item_id, location_id, lot, serial, state,
       coalesce(b.quantity, 0)::bigint, coalesce(f.quantity, 0)::bigint
FROM balance b
FULL JOIN (SELECT site_id, item_id, location_id, lot, serial, state, sum(quantity) AS quantity
           FROM movement GROUP BY site_id, item_id, location_id, lot, serial, state) f
    USING (site_id, item_id, location_id, lot, serial, state)
WHERE coalesce(b.quantity, 0) <> coalesce(f.quantity, 0)
ORDER BY 1, 2, 3, 4, 5, 6
LIMIT %(limit)s;

-- name: one_moment
-- All that this transaction reads is of one moment.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;

-- name: hold_balances
-- Nothing is posted until the end: writers of balances wait, readers do not. Before the first
-- look, so that the moment which is seen lies after all that was posted.
LOCK TABLE balance IN SHARE ROW EXCLUSIVE MODE;

-- name: room_to_fold
-- A hundred thousand positions fold in memory.
SET LOCAL work_mem = '256MB';

-- name: extent
-- How many movements there are, and from when until when they were received.
SELECT count(*), (extract(epoch FROM min(received_at)) * 1000000)::bigint,
       (extract(epoch FROM max(received_at)) * 1000000)::bigint
FROM movement;

-- name: make_fold
-- Sums per position, in parts, private to this transaction.
CREATE TEMPORARY TABLE balance_fold (
    site_id int, item_id int, location_id int, lot text COLLATE "C", serial text COLLATE "C",
    state smallint, quantity bigint, movements bigint
) ON COMMIT DROP;

-- name: fold_part
-- The movements received in one span, its end not included; how many they were.
WITH part AS (
    INSERT INTO balance_fold
    SELECT site_id, item_id, location_id, lot, serial, state, sum(quantity), count(*)
    FROM movement
    WHERE received_at >= to_timestamp(%(since)s::numeric / 1000000)
      AND received_at < to_timestamp(%(until)s::numeric / 1000000)
    GROUP BY site_id, item_id, location_id, lot, serial, state
    RETURNING movements
)
SELECT coalesce(sum(movements), 0)::bigint FROM part;

-- name: copy_fold
-- Sums that were made elsewhere.
COPY balance_fold FROM STDIN (FORMAT binary);

-- name: make_differences
-- Where balance and fold are not the same.
CREATE TEMPORARY TABLE balance_difference ON COMMIT DROP AS
SELECT site_id, item_id, location_id, lot, serial, state,
       coalesce(b.quantity, 0)::bigint AS balance, coalesce(f.quantity, 0)::bigint AS folded
FROM balance b
FULL JOIN (SELECT site_id, item_id, location_id, lot, serial, state, sum(quantity) AS quantity
           FROM balance_fold GROUP BY site_id, item_id, location_id, lot, serial, state) f
    USING (site_id, item_id, location_id, lot, serial, state)
WHERE coalesce(b.quantity, 0) <> coalesce(f.quantity, 0);

-- name: count_differences
-- How many there are.
SELECT count(*) FROM balance_difference;

-- name: count_positions
-- How many positions the movements name.
SELECT count(*) FROM (SELECT DISTINCT site_id, item_id, location_id, lot, serial, state
                      FROM balance_fold) positions;

-- name: named_differences
-- The first of them, as a person knows the positions.
SELECT s.code, i.sku, l.code, d.lot, d.serial, d.state, d.balance, d.folded
FROM balance_difference d
JOIN site s ON s.site_id = d.site_id
JOIN item i ON i.item_id = d.item_id
JOIN location l ON l.location_id = d.location_id
ORDER BY d.site_id, d.item_id, d.location_id, d.lot, d.serial, d.state
LIMIT %(limit)s;

-- name: replace_balances
-- The fold stands; what had no movements has no stock.
INSERT INTO balance (site_id, item_id, location_id, lot, serial, state, quantity, updated_at)
SELECT site_id, item_id, location_id, lot, serial, state, folded,
       to_timestamp(%(at)s::numeric / 1000000)
FROM balance_difference
ORDER BY site_id, item_id, location_id, lot, serial, state
ON CONFLICT (site_id, item_id, location_id, lot, serial, state) DO UPDATE
SET quantity = excluded.quantity, updated_at = excluded.updated_at;

-- name: moved
-- What events of some chains moved at one site when they were posted at one moment, by position.
SELECT i.sku, l.code, m.state, m.lot, m.serial, sum(m.quantity)::bigint
FROM movement AS m
JOIN unnest(%(gateways)s::int[], %(epochs)s::int[], %(firsts)s::int8[], %(lasts)s::int8[])
     AS range (gateway_id, epoch, first_seq, last_seq)
  ON m.gateway_id = range.gateway_id AND m.epoch = range.epoch
 AND m.seq BETWEEN range.first_seq AND range.last_seq
JOIN item AS i USING (item_id)
JOIN location AS l USING (location_id)
WHERE m.received_at = to_timestamp(%(at)s::numeric / 1000000) AND m.site_id = %(site_id)s
GROUP BY i.sku, l.code, m.state, m.lot, m.serial
HAVING sum(m.quantity) <> 0
ORDER BY i.sku, l.code, m.state, m.lot, m.serial;
