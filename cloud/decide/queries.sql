-- name: insert_decisions
-- Decisions with what taking them again found, each event once, in the order of their arrival.
INSERT INTO decision (event_id, site_id, gateway_id, epoch, seq, kind, subject, origin, policy, key,
                      outcome, quantity, carried_out, reasons, alternatives, identical, cost, why,
                      replayed, occurred_at, received_at)
VALUES (%(event_id)s, %(site_id)s, %(gateway_id)s, %(epoch)s, %(seq)s, %(kind)s, %(subject)s,
        %(origin)s, %(policy)s, %(key)s, %(outcome)s, %(quantity)s, %(carried_out)s, %(reasons)s,
        %(alternatives)s, %(identical)s, %(cost)s, %(why)s, %(replayed)s,
        to_timestamp(%(occurred_at)s::numeric / 1000000), to_timestamp(%(at)s::numeric / 1000000))
ON CONFLICT (event_id) DO NOTHING;

-- name: insert_overrides
-- What people decided instead, each event once.
INSERT INTO decision_override (event_id, decision, gateway_id, epoch, seq, outcome, reason, person,
                               occurred_at)
VALUES (%(event_id)s, %(decision)s, %(gateway_id)s, %(epoch)s, %(seq)s, %(outcome)s, %(reason)s,
        %(person)s, to_timestamp(%(occurred_at)s::numeric / 1000000))
ON CONFLICT (event_id) DO NOTHING;

-- name: decisions
-- A site's decisions, the newest first, after one. Of one key the first that arrived counts. Only
-- the site's own gateway can say that one of its decisions was overridden.
SELECT d.decision_id, d.event_id::text, g.name, d.kind, d.subject, d.origin, d.policy, d.key,
       d.outcome, d.quantity, d.carried_out, d.reasons, d.alternatives, d.identical, d.cost, d.why,
       d.replayed, (extract(epoch FROM d.occurred_at) * 1000000)::bigint,
       (extract(epoch FROM d.received_at) * 1000000)::bigint,
       CASE WHEN first.decision_id < d.decision_id THEN first.event_id::text END,
       o.outcome, o.reason, o.person, (extract(epoch FROM o.occurred_at) * 1000000)::bigint
FROM decision d
JOIN gateway g USING (gateway_id)
LEFT JOIN LATERAL (
    SELECT f.decision_id, f.event_id FROM decision f
    WHERE f.site_id = d.site_id AND f.key = d.key AND d.key <> ''
    ORDER BY f.decision_id LIMIT 1
) first ON true
LEFT JOIN LATERAL (
    SELECT * FROM decision_override o
    WHERE o.decision = d.event_id AND o.gateway_id = d.gateway_id
    ORDER BY o.event_id LIMIT 1
) o ON true
WHERE d.site_id = %(site_id)s
  AND (%(after)s::bigint IS NULL OR d.decision_id < %(after)s::bigint)
  AND (%(kind)s::text IS NULL OR d.kind = %(kind)s)
  AND (%(identical)s::boolean IS NULL OR d.identical = %(identical)s::boolean)
ORDER BY d.decision_id DESC
LIMIT %(limit)s;

-- name: forget_decisions
-- Events that are taken back never were.
DELETE FROM decision t
USING unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS range (first_seq, last_seq)
WHERE t.gateway_id = %(gateway_id)s AND t.epoch = %(epoch)s
  AND t.seq BETWEEN range.first_seq AND range.last_seq;

-- name: forget_overrides
-- As above.
DELETE FROM decision_override t
USING unnest(%(firsts)s::int8[], %(lasts)s::int8[]) AS range (first_seq, last_seq)
WHERE t.gateway_id = %(gateway_id)s AND t.epoch = %(epoch)s
  AND t.seq BETWEEN range.first_seq AND range.last_seq;
