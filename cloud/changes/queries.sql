-- name: note
-- Writes down that something changed; it gets its position when its transaction has ended.
INSERT INTO change_waiting (at, kind, subject, site_id, body)
VALUES (to_timestamp(%(at)s::numeric / 1000000), %(kind)s, %(subject)s, %(site_id)s, %(body)s);

-- name: try_turn
-- One writer gives positions at a time; whoever comes second leaves it to the first.
SELECT pg_try_advisory_xact_lock(7208201);

-- name: order_waiting
-- Gives what has been committed its positions, oldest first.
WITH taken AS (
    DELETE FROM change_waiting
    WHERE waiting_id IN (SELECT waiting_id FROM change_waiting ORDER BY waiting_id LIMIT %(limit)s)
    RETURNING waiting_id, at, kind, subject, site_id, body
), ordered AS (
    INSERT INTO change (at, kind, subject, site_id, body)
    SELECT at, kind, subject, site_id, body FROM taken ORDER BY waiting_id
    RETURNING position
)
SELECT count(*), max(position) FROM ordered;

-- name: ends
-- Where the log begins and where the next change will stand at the least.
SELECT f.position, greatest(f.position, coalesce((SELECT max(position) + 1 FROM change), 0))
FROM change_floor AS f;

-- name: since
-- Changes from a position on, in their order.
SELECT c.position, (extract(epoch FROM c.at) * 1000000)::bigint, c.kind, c.subject, c.site_id,
       s.code, c.body
FROM change AS c LEFT JOIN site AS s USING (site_id)
WHERE c.position >= %(position)s
  AND (%(kinds)s::text[] IS NULL OR c.kind = ANY (%(kinds)s::text[]))
  AND (%(sites)s::int[] IS NULL OR c.site_id = ANY (%(sites)s::int[]))
ORDER BY c.position
LIMIT %(limit)s;

-- name: give_up
-- Forgets changes before a moment, up to so many; says from where on the log is whole.
WITH old AS (
    DELETE FROM change
    WHERE position IN (
        SELECT position FROM change
        WHERE at < to_timestamp(%(before)s::numeric / 1000000)
        ORDER BY position LIMIT %(limit)s
    )
    RETURNING position
)
UPDATE change_floor
SET position = greatest(change_floor.position, (SELECT max(position) + 1 FROM old))
WHERE EXISTS (SELECT FROM old)
RETURNING (SELECT count(*) FROM old);

-- name: hold_reader
-- Where a reader of ours stands; it is moved on by one worker at a time.
SELECT position, part FROM change_reader WHERE name = %(name)s FOR UPDATE SKIP LOCKED;

-- name: move_reader
-- Where a reader of ours stands now.
INSERT INTO change_reader (name, position, part) VALUES (%(name)s, %(position)s, %(part)s)
ON CONFLICT (name) DO UPDATE SET position = excluded.position, part = excluded.part;

-- name: has_reader
-- Whether a reader of ours has ever been here.
SELECT EXISTS (SELECT FROM change_reader WHERE name = %(name)s);

-- name: add_webhook
-- Somebody is to be told from now on.
INSERT INTO webhook (code, url, kinds, sites, position, created_at, created_by)
VALUES (%(code)s, %(url)s, %(kinds)s, %(sites)s, %(position)s,
        to_timestamp(%(at)s::numeric / 1000000), %(by)s)
ON CONFLICT (code) DO NOTHING
RETURNING webhook_id;

-- name: webhooks
-- Who is told, with how many messages wait or were given up.
SELECT w.webhook_id, w.code, w.url, w.kinds, w.sites, w.position, w.part,
       (extract(epoch FROM w.created_at) * 1000000)::bigint, w.created_by,
       (extract(epoch FROM w.paused_at) * 1000000)::bigint, w.why,
       (SELECT count(*) FROM webhook_message AS m
        WHERE m.webhook_id = w.webhook_id AND m.next_at IS NOT NULL),
       (SELECT count(*) FROM webhook_message AS m
        WHERE m.webhook_id = w.webhook_id AND m.given_up_at IS NOT NULL)
FROM webhook AS w
WHERE w.removed_at IS NULL AND (%(code)s::text IS NULL OR w.code = %(code)s)
ORDER BY w.code;

-- name: hold_webhook
-- One webhook, moved on by one worker at a time; whoever comes second goes on to the next.
SELECT position, part FROM webhook
WHERE webhook_id = %(webhook_id)s AND removed_at IS NULL AND paused_at IS NULL
FOR UPDATE SKIP LOCKED;

-- name: move_webhook
-- How far a webhook has been told.
UPDATE webhook SET position = %(position)s, part = %(part)s WHERE webhook_id = %(webhook_id)s;

-- name: pause_webhook
-- Nothing more is sent until a person says so.
UPDATE webhook SET paused_at = to_timestamp(%(at)s::numeric / 1000000), why = %(why)s
WHERE webhook_id = %(webhook_id)s AND paused_at IS NULL AND removed_at IS NULL;

-- name: resume_webhook
-- Sends again; what waited is due at once.
UPDATE webhook SET paused_at = NULL, why = '' WHERE code = %(code)s AND removed_at IS NULL
RETURNING webhook_id;

-- name: remove_webhook
-- Nobody is told any more; what was sent stays on record. The code is free again.
UPDATE webhook
SET removed_at = to_timestamp(%(at)s::numeric / 1000000), code = code || '~' || webhook_id
WHERE code = %(code)s AND removed_at IS NULL
RETURNING webhook_id;

-- name: drop_waiting
-- What waits for a webhook that is no more is given up.
UPDATE webhook_message
SET next_at = NULL, given_up_at = to_timestamp(%(at)s::numeric / 1000000), answer = 'removed'
WHERE webhook_id = %(webhook_id)s AND next_at IS NOT NULL;

-- name: add_message
-- One message; the same one again is the one that is there.
INSERT INTO webhook_message (webhook_id, name, kind, body, made_at, next_at)
VALUES (%(webhook_id)s, %(name)s, %(kind)s, %(body)s,
        to_timestamp(%(at)s::numeric / 1000000), to_timestamp(%(at)s::numeric / 1000000))
ON CONFLICT (webhook_id, name) DO NOTHING;

-- name: claim_due
-- Messages that are due, the oldest first, lent to this worker for a minute: should it die, they
-- are due again.
UPDATE webhook_message AS m
SET attempts = m.attempts + 1,
    next_at = to_timestamp(%(now)s::numeric / 1000000) + interval '1 minute'
FROM (
    SELECT d.message_id, w.code, w.url
    FROM webhook_message AS d JOIN webhook AS w USING (webhook_id)
    WHERE d.next_at <= to_timestamp(%(now)s::numeric / 1000000)
      AND w.paused_at IS NULL AND w.removed_at IS NULL
    ORDER BY d.next_at, d.message_id LIMIT %(limit)s
    FOR UPDATE OF d SKIP LOCKED
) AS due
WHERE m.message_id = due.message_id
RETURNING m.message_id, m.webhook_id, due.code, due.url, m.name, m.body, m.attempts;

-- name: record_attempt
-- What an attempt came to: delivered, due again, or given up.
UPDATE webhook_message
SET status = %(status)s, answer = %(answer)s,
    next_at = to_timestamp(%(next)s::numeric / 1000000),
    delivered_at = CASE WHEN %(delivered)s THEN to_timestamp(%(now)s::numeric / 1000000) END,
    given_up_at = CASE WHEN NOT %(delivered)s AND %(next)s::bigint IS NULL
                       THEN to_timestamp(%(now)s::numeric / 1000000) END
WHERE message_id = %(message_id)s AND attempts = %(attempts)s AND next_at IS NOT NULL;

-- name: messages
-- Messages of a webhook, the newest first, before a key.
SELECT m.message_id, m.name, m.kind, (extract(epoch FROM m.made_at) * 1000000)::bigint, m.attempts,
       (extract(epoch FROM m.next_at) * 1000000)::bigint,
       (extract(epoch FROM m.delivered_at) * 1000000)::bigint,
       (extract(epoch FROM m.given_up_at) * 1000000)::bigint, m.status, m.answer
FROM webhook_message AS m JOIN webhook AS w USING (webhook_id)
WHERE w.code = %(code)s AND w.removed_at IS NULL
  AND (%(standing)s::text IS NULL
       OR %(standing)s = CASE WHEN m.delivered_at IS NOT NULL THEN 'delivered'
                              WHEN m.given_up_at IS NOT NULL THEN 'given-up' ELSE 'waiting' END)
  AND (%(after)s::bigint IS NULL OR m.message_id < %(after)s)
ORDER BY m.message_id DESC
LIMIT %(limit)s;

-- name: replay
-- Makes messages due again, as new ones: one, or all that were given up.
UPDATE webhook_message AS m
SET attempts = 0, next_at = to_timestamp(%(at)s::numeric / 1000000), delivered_at = NULL,
    given_up_at = NULL
FROM webhook AS w
WHERE w.webhook_id = m.webhook_id AND w.code = %(code)s AND w.removed_at IS NULL
  AND m.next_at IS NULL
  AND CASE WHEN %(name)s::text IS NULL THEN m.given_up_at IS NOT NULL ELSE m.name = %(name)s END
RETURNING m.message_id;

-- name: forget_messages
-- Messages that were delivered or given up long ago, some thousands at a time.
DELETE FROM webhook_message
WHERE message_id IN (
    SELECT message_id FROM webhook_message
    WHERE next_at IS NULL AND made_at < to_timestamp(%(before)s::numeric / 1000000)
    ORDER BY message_id LIMIT %(limit)s
);
