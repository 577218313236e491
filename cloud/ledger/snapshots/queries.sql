-- name: snapshots
-- All of them, in order.
SELECT (extract(epoch FROM at) * 1000000)::bigint FROM snapshot ORDER BY at;

-- name: last
-- The newest.
SELECT (extract(epoch FROM max(at)) * 1000000)::bigint FROM snapshot;

-- name: first_received
-- When the first movement was received.
SELECT (extract(epoch FROM min(received_at)) * 1000000)::bigint FROM movement;

-- name: begin
-- Makes this snapshot this worker's; no row where another was faster.
INSERT INTO snapshot (at, made_at)
VALUES (to_timestamp(%(at)s::numeric / 1000000), to_timestamp(%(now)s::numeric / 1000000))
ON CONFLICT DO NOTHING RETURNING at;

-- name: room
-- A week's positions fold in memory.
SET LOCAL work_mem = '128MB';

-- name: keep_balances
-- What each position held that moved since the snapshot before.
INSERT INTO snapshot_balance (item_id, site_id, location_id, lot, serial, state, at, quantity)
SELECT m.item_id, m.site_id, m.location_id, m.lot, m.serial, m.state,
       to_timestamp(%(at)s::numeric / 1000000), m.quantity + coalesce(s.quantity, 0)
FROM (
    SELECT item_id, site_id, location_id, lot, serial, state, sum(quantity) AS quantity
    FROM movement
    WHERE received_at >= to_timestamp(%(since)s::numeric / 1000000)
      AND received_at < to_timestamp(%(at)s::numeric / 1000000)
    GROUP BY item_id, site_id, location_id, lot, serial, state
) m
LEFT JOIN LATERAL (
    SELECT quantity FROM snapshot_balance s
    WHERE s.item_id = m.item_id AND s.site_id = m.site_id AND s.location_id = m.location_id
      AND s.lot = m.lot AND s.serial = m.serial AND s.state = m.state
      AND s.at < to_timestamp(%(at)s::numeric / 1000000)
    ORDER BY s.at DESC LIMIT 1
) s ON true
ORDER BY m.item_id, m.site_id, m.location_id, m.lot, m.serial, m.state;

-- name: keep_astray
-- The movements of that week that were true in another.
INSERT INTO snapshot_astray (item_id, site_id, location_id, lot, serial, state, quantity,
                             occurred_at, received_at)
SELECT item_id, site_id, location_id, lot, serial, state, quantity, occurred_at, received_at
FROM movement
WHERE received_at >= to_timestamp(%(since)s::numeric / 1000000)
  AND received_at < to_timestamp(%(at)s::numeric / 1000000)
  AND (occurred_at < to_timestamp(%(since)s::numeric / 1000000)
       OR occurred_at >= to_timestamp(%(at)s::numeric / 1000000));

-- name: forget
-- All of it is made of the movements and can be made again.
TRUNCATE snapshot, snapshot_balance, snapshot_astray;

-- name: wrong
-- Positions where the newest snapshot and what came after it are not the balance.
WITH last AS (SELECT coalesce(max(at), '-infinity') AS at FROM snapshot),
held AS (
    SELECT DISTINCT ON (item_id, site_id, location_id, lot, serial, state)
           site_id, item_id, location_id, lot, serial, state, quantity
    FROM snapshot_balance
    ORDER BY item_id, site_id, location_id, lot, serial, state, at DESC
), sums AS (
    SELECT site_id, item_id, location_id, lot, serial, state, sum(quantity) AS quantity
    FROM (SELECT * FROM held
          UNION ALL
          SELECT site_id, item_id, location_id, lot, serial, state, quantity
          FROM movement WHERE received_at >= (SELECT at FROM last)) parts
    GROUP BY site_id, item_id, location_id, lot, serial, state
)
SELECT site_id, item_id, location_id, lot, serial, state,
       coalesce(b.quantity, 0)::bigint, coalesce(s.quantity, 0)::bigint
FROM balance b
FULL JOIN sums s USING (site_id, item_id, location_id, lot, serial, state)
WHERE coalesce(b.quantity, 0) <> coalesce(s.quantity, 0)
ORDER BY 1, 2, 3, 4, 5, 6
LIMIT %(limit)s;
