-- name: active_gateways
-- Gateways in standing and what each last reported.
SELECT g.gateway_id, g.name, g.site_id, coalesce(r.catalog, 0), coalesce(r.policy, 0),
       coalesce(r.people, 0), coalesce(r.plan, 0), coalesce(r.leases, 0),
       coalesce(r.heads, 0)
FROM gateway AS g LEFT JOIN gateway_reported AS r USING (gateway_id)
WHERE g.status = 'active' ORDER BY g.gateway_id;

-- name: report
-- The versions in a gateway's heartbeat; one that was made earlier changes nothing.
INSERT INTO gateway_reported (gateway_id, catalog, policy, people, plan, leases, heads,
                              reported_at)
VALUES (%(gateway_id)s, %(catalog)s, %(policy)s, %(people)s, %(plan)s, %(leases)s, %(heads)s,
        to_timestamp(%(at)s / 1e6))
ON CONFLICT (gateway_id) DO UPDATE
SET catalog = excluded.catalog, policy = excluded.policy, people = excluded.people,
    plan = excluded.plan, leases = excluded.leases, heads = excluded.heads,
    reported_at = excluded.reported_at
WHERE gateway_reported.reported_at <= excluded.reported_at;

-- name: versions_in_force
-- The version in force per kind and site; the row without a site is for all others.
SELECT kind, site_id, max(version) FROM published GROUP BY kind, site_id;

-- name: published
-- A document's bytes.
SELECT content FROM published WHERE kind = %(kind)s AND version = %(version)s;

-- name: newest
-- The version of a kind that was given last.
SELECT coalesce(max(version), 0) FROM published WHERE kind = %(kind)s;

-- name: present
-- What is in force of one kind for one site, or for those without one of their own.
SELECT kind, version, site_id, sha256, content FROM published
WHERE kind = %(kind)s AND site_id IS NOT DISTINCT FROM %(site_id)s
ORDER BY version DESC LIMIT 1;

-- name: in_force
-- The newest of each kind and site, without its bytes.
SELECT DISTINCT ON (kind, site_id) kind, version, site_id FROM published
ORDER BY kind, site_id, version DESC;

-- name: publish
-- A new version.
INSERT INTO published (kind, version, site_id, sha256, content, published_at)
VALUES (%(kind)s, %(version)s, %(site_id)s, %(sha256)s, %(content)s,
        to_timestamp(%(now)s / 1e6));

-- name: republish
-- The same document under a higher version.
INSERT INTO published (kind, version, site_id, sha256, content, published_at)
SELECT kind, %(higher)s, site_id, sha256, content, to_timestamp(%(now)s / 1e6)
FROM published WHERE kind = %(kind)s AND version = %(version)s;

-- name: forget_superseded
-- Plans, leases and heads that others have followed. Policies and people stay: decisions and sign-ins of
-- any past day are judged by them.
DELETE FROM published AS p
WHERE p.kind IN ('plan', 'leases', 'heads') AND p.published_at < to_timestamp(%(before)s / 1e6)
  AND EXISTS (SELECT FROM published AS later
              WHERE later.kind = p.kind AND later.site_id = p.site_id
                AND later.version > p.version);

-- name: lock_state
-- Publishing and generations wait for one another.
SELECT generation, catalog_floor FROM fleet_state FOR UPDATE;

-- name: catalog_floor
-- The oldest version that a delta may start from.
SELECT catalog_floor FROM fleet_state;

-- name: set_floor
-- No delta may start below this version any more.
UPDATE fleet_state SET catalog_floor = greatest(catalog_floor, %(floor)s);

-- name: set_generation
-- The generation that has begun.
UPDATE fleet_state
SET generation = %(generation)s, begun_at = to_timestamp(%(now)s::numeric / 1000000);

-- name: generation
-- The generation that has begun, and when.
SELECT generation, (extract(epoch FROM begun_at) * 1000000)::bigint FROM fleet_state;

-- name: keep_alive
-- A document that is still offered is not old.
UPDATE document SET created_at = to_timestamp(%(now)s / 1e6)
WHERE sha256 = %(sha256)s RETURNING sha256;

-- name: insert_document
-- A document for the gateway door.
INSERT INTO document (sha256, kind, site_id, version, content, created_at)
VALUES (%(sha256)s, %(kind)s, %(site_id)s, %(version)s, %(content)s, to_timestamp(%(now)s / 1e6))
ON CONFLICT (sha256) DO UPDATE SET created_at = excluded.created_at;

-- name: delete_documents
-- What has not been offered for days.
DELETE FROM document WHERE created_at < to_timestamp(%(before)s / 1e6);

-- name: document
-- A document's site and bytes.
SELECT site_id, content FROM document WHERE sha256 = %(sha256)s;

-- name: heads_to_witness
-- The verified head of each gateway in standing: of its newest epoch in which anything is verified.
-- Due are those without a record of that day; on demand also those that have moved since.
SELECT * FROM (
    SELECT DISTINCT ON (g.gateway_id) g.gateway_id, g.name, h.epoch, h.contiguous_seq AS seq,
           h.head_hash
    FROM gateway g JOIN gateway_head h USING (gateway_id)
    WHERE g.status = 'active' AND h.frozen_at IS NULL AND h.contiguous_seq > 0
      AND (%(gateway)s::text IS NULL OR g.name = %(gateway)s)
    ORDER BY g.gateway_id, h.epoch DESC
) head
WHERE NOT EXISTS (
    SELECT FROM gateway_head_witness w
    WHERE w.gateway_id = head.gateway_id AND w.day = %(day)s::date
      AND w.generation = %(generation)s
      AND (NOT %(moved)s OR (w.epoch = head.epoch AND w.seq = head.seq)))
ORDER BY gateway_id;

-- name: insert_witness
-- Two workers at once keep one record.
INSERT INTO gateway_head_witness (gateway_id, day, generation, epoch, seq, head_hash, message,
                                  signed_at)
VALUES (%(gateway_id)s, %(day)s::date, %(generation)s, %(epoch)s, %(seq)s, %(head_hash)s,
        %(message)s, to_timestamp(%(now)s / 1e6))
ON CONFLICT DO NOTHING;

-- name: witnesses
-- Records signed since a day, oldest first, of those after a number.
SELECT w.witness_id, g.name, w.day::text, w.generation, w.epoch, w.seq, w.head_hash, w.message,
       (extract(epoch FROM w.signed_at) * 1000000)::bigint
FROM gateway_head_witness w JOIN gateway g USING (gateway_id)
WHERE w.witness_id > %(after)s AND w.day >= %(since)s::date
  AND (%(gateway)s::text IS NULL OR g.name = %(gateway)s)
  AND (%(revoked)s OR g.status = 'active')
ORDER BY w.witness_id
LIMIT %(limit)s;

-- name: history_at
-- The stored segment around one event, and the head of its epoch: what a record is held against.
SELECT h.contiguous_seq, s.first_seq, s.body
FROM gateway g
LEFT JOIN gateway_head h ON h.gateway_id = g.gateway_id AND h.epoch = %(epoch)s
LEFT JOIN LATERAL (
    SELECT first_seq, body FROM segment
    WHERE gateway_id = g.gateway_id AND epoch = %(epoch)s AND first_seq <= %(seq)s
      AND last_seq >= %(seq)s
    ORDER BY first_seq DESC LIMIT 1
) s ON true
WHERE g.name = %(gateway)s;
