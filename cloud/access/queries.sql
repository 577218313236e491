-- name: insert_key
-- A new key.
INSERT INTO api_key
    (key_id, environment, name, secret_sha256, scopes, all_sites, created_at, expires_at, roles,
     made_by)
VALUES (%(key_id)s, %(environment)s, %(name)s, %(secret)s, %(scopes)s, %(all_sites)s,
        to_timestamp(%(now)s / 1e6), to_timestamp(%(expires)s / 1e6), %(roles)s, %(made_by)s);

-- name: insert_key_sites
-- The sites that a key is limited to.
INSERT INTO api_key_site (key_id, site_id)
SELECT %(key_id)s, unnest(%(site_ids)s::int[]);

-- name: find_key
-- A key that is in force now, with its sites; and whether its use has gone unnoted for a minute.
SELECT k.name, k.environment, k.secret_sha256, k.scopes, k.all_sites,
       ARRAY(SELECT s.site_id FROM api_key_site AS s WHERE s.key_id = k.key_id),
       k.last_used_at IS NULL
       OR k.last_used_at < to_timestamp(%(now)s / 1e6) - interval '1 minute', k.roles, k.made_by
FROM api_key AS k
WHERE k.key_id = %(key_id)s
  AND k.revoked_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > to_timestamp(%(now)s / 1e6));

-- name: note_use
-- When a key was last used, to the minute; a busy row is left for the next request.
UPDATE api_key SET last_used_at = to_timestamp(%(now)s / 1e6)
WHERE key_id = (SELECT key_id FROM api_key WHERE key_id = %(key_id)s FOR UPDATE SKIP LOCKED);

-- name: revoke_key
-- Take a key out of force, once; where sites are given, only one that is for some of these alone.
UPDATE api_key AS k SET revoked_at = to_timestamp(%(now)s / 1e6)
WHERE k.key_id = %(key_id)s AND k.revoked_at IS NULL
  AND (%(sites)s::int[] IS NULL OR (NOT k.all_sites AND NOT EXISTS (
       SELECT FROM api_key_site AS s
       WHERE s.key_id = k.key_id AND s.site_id <> ALL (%(sites)s::int[]))))
RETURNING k.key_id;

-- name: keys
-- All keys, or those that are for some of these sites alone; the newest first.
SELECT k.key_id, k.environment, k.name, k.scopes, k.all_sites,
       ARRAY(SELECT s.code FROM api_key_site AS l JOIN site AS s USING (site_id)
             WHERE l.key_id = k.key_id ORDER BY s.code),
       (extract(epoch FROM k.created_at) * 1000000)::bigint,
       (extract(epoch FROM k.expires_at) * 1000000)::bigint,
       (extract(epoch FROM k.revoked_at) * 1000000)::bigint,
       (extract(epoch FROM k.last_used_at) * 1000000)::bigint, k.roles, k.made_by
FROM api_key AS k
WHERE %(sites)s::int[] IS NULL OR (NOT k.all_sites AND NOT EXISTS (
      SELECT FROM api_key_site AS s
      WHERE s.key_id = k.key_id AND s.site_id <> ALL (%(sites)s::int[])))
ORDER BY k.created_at DESC, k.key_id;

-- name: site_ids
-- The keys of sites by their names.
SELECT code, site_id FROM site WHERE code = ANY(%(codes)s);

-- name: enter
-- For the rest of this transaction: no owner's rights, and no rows but those of these sites.
SELECT set_config('role', 'quartermaster_api', true), set_config('qm.sites', %(sites)s, true);

-- name: insert_person
-- A new person.
INSERT INTO person (person_id, account, name, secret, issuer, subject, made_at)
VALUES (%(person_id)s, %(account)s, %(name)s, %(secret)s, %(issuer)s, %(subject)s,
        to_timestamp(%(now)s / 1e6));

-- name: clear_grants
-- What a person was allowed no longer holds.
DELETE FROM person_grant WHERE person_id = %(person_id)s;

-- name: insert_grants
-- Roles, each with its site; null for all of them.
INSERT INTO person_grant (person_id, role, site_id)
SELECT %(person_id)s, granted.role, granted.site_id
FROM unnest(%(roles)s::text[], %(site_ids)s::int[]) AS granted (role, site_id)
ON CONFLICT DO NOTHING;

-- name: people
-- People in force and not, or those whose every role is at some of these sites alone; by account.
SELECT p.person_id, p.account, p.name, p.secret IS NOT NULL, p.issuer IS NOT NULL,
       ARRAY(SELECT g.role || CASE WHEN g.site_id IS NULL THEN '' ELSE '@' || s.code END
             FROM person_grant AS g LEFT JOIN site AS s USING (site_id)
             WHERE g.person_id = p.person_id ORDER BY 1),
       (extract(epoch FROM p.made_at) * 1000000)::bigint,
       (extract(epoch FROM p.disabled_at) * 1000000)::bigint
FROM person AS p
WHERE (%(person_id)s::text IS NULL OR p.person_id = %(person_id)s)
  AND (%(after)s::text IS NULL OR p.person_id > %(after)s)
  AND (%(sites)s::int[] IS NULL OR NOT EXISTS (
       SELECT FROM person_grant AS g
       WHERE g.person_id = p.person_id
         AND (g.site_id IS NULL OR g.site_id <> ALL (%(sites)s::int[]))))
ORDER BY p.person_id LIMIT %(limit)s;

-- name: find_account
-- Who signs in under this account, and the hash of the password.
SELECT person_id, secret FROM person WHERE account = %(account)s AND disabled_at IS NULL;

-- name: find_subject
-- Whom the identity provider means.
SELECT person_id, disabled_at IS NOT NULL FROM person
WHERE issuer = %(issuer)s AND subject = %(subject)s;

-- name: name_person
-- What the identity provider calls somebody now.
UPDATE person SET name = %(name)s WHERE person_id = %(person_id)s;

-- name: set_secret
-- A new password.
UPDATE person SET secret = %(secret)s WHERE person_id = %(person_id)s;

-- name: secret_of
-- The hash of somebody's password, and what it must not be made of.
SELECT secret, coalesce(account, ''), name FROM person WHERE person_id = %(person_id)s;

-- name: disable_person
-- Out of force, and no name is kept: only the pseudonym under which it acted remains.
UPDATE person
SET disabled_at = to_timestamp(%(now)s / 1e6), account = NULL, name = '', secret = NULL
WHERE person_id = %(person_id)s AND disabled_at IS NULL
RETURNING person_id;

-- name: begin_session
-- A session that begins.
INSERT INTO person_session (session_id, person_id, refresh_sha256, began_at, expires_at)
VALUES (%(session_id)s, %(person_id)s, %(refresh)s, to_timestamp(%(now)s / 1e6),
        to_timestamp(%(expires)s / 1e6));

-- name: forget_sessions
-- Sessions, flows and signing keys that are long over are no longer of use.
WITH flows AS (
    DELETE FROM sign_in_flow WHERE began_at < to_timestamp(%(now)s / 1e6) - interval '1 hour'
), keys AS (
    DELETE FROM token_key WHERE not_after < to_timestamp(%(now)s / 1e6) - interval '1 day'
), tries AS (
    DELETE FROM sign_in_try WHERE last_at < to_timestamp(%(now)s / 1e6) - interval '1 day'
)
DELETE FROM person_session WHERE expires_at < to_timestamp(%(now)s / 1e6) - interval '30 days';

-- name: refresh_session
-- The session that holds this refresh secret, which is spent now.
UPDATE person_session AS s
SET refresh_sha256 = %(refresh)s, spent_sha256 = s.refresh_sha256
FROM person AS p
WHERE s.refresh_sha256 = %(presented)s AND s.ended_at IS NULL
  AND s.expires_at > to_timestamp(%(now)s / 1e6)
  AND p.person_id = s.person_id AND p.disabled_at IS NULL
RETURNING s.session_id, s.person_id;

-- name: end_spent
-- A refresh secret came a second time: one of the two who have it is a thief.
UPDATE person_session SET ended_at = to_timestamp(%(now)s / 1e6), ended_why = 'reuse'
WHERE spent_sha256 = %(presented)s AND ended_at IS NULL
RETURNING person_id;

-- name: end_session
-- A session ends.
UPDATE person_session SET ended_at = to_timestamp(%(now)s / 1e6), ended_why = %(why)s
WHERE session_id = %(session_id)s AND ended_at IS NULL;

-- name: end_sessions_of
-- All of somebody's sessions end.
UPDATE person_session SET ended_at = to_timestamp(%(now)s / 1e6), ended_why = %(why)s
WHERE person_id = %(person_id)s AND ended_at IS NULL;

-- name: find_session
-- A session in force, the key that its token names, and what its person may do where.
SELECT s.person_id, k.public_key,
       ARRAY(SELECT g.role FROM person_grant AS g
             WHERE g.person_id = s.person_id ORDER BY g.role, g.site_id),
       ARRAY(SELECT g.site_id FROM person_grant AS g
             WHERE g.person_id = s.person_id ORDER BY g.role, g.site_id)
FROM person_session AS s
JOIN person AS p USING (person_id)
JOIN token_key AS k ON k.kid = %(kid)s AND k.not_after > to_timestamp(%(now)s / 1e6)
WHERE s.session_id = %(session_id)s AND s.ended_at IS NULL AND p.disabled_at IS NULL
  AND s.expires_at > to_timestamp(%(now)s / 1e6);

-- name: tell_key
-- The public half of a key that signs from now on.
INSERT INTO token_key (kid, public_key, not_after)
VALUES (%(kid)s, %(public)s, to_timestamp(%(until)s / 1e6)) ON CONFLICT DO NOTHING;

-- name: tries_of
-- Failed tries under an account, and when the last was; others who try it wait meanwhile.
SELECT failed, (extract(epoch FROM last_at) * 1000000)::bigint FROM sign_in_try
WHERE account_sha256 = %(account)s FOR UPDATE;

-- name: note_failed
-- One more failed try.
INSERT INTO sign_in_try AS t (account_sha256, failed, last_at)
VALUES (%(account)s, 1, to_timestamp(%(now)s / 1e6))
ON CONFLICT (account_sha256) DO UPDATE SET failed = t.failed + 1, last_at = excluded.last_at;

-- name: forget_failed
-- The right password was given: it begins anew.
DELETE FROM sign_in_try WHERE account_sha256 = %(account)s;

-- name: begin_flow
-- A sign-in at the identity provider begins.
INSERT INTO sign_in_flow (state_sha256, flow_sha256, nonce, verifier, began_at)
VALUES (%(state)s, %(flow)s, %(nonce)s, %(verifier)s, to_timestamp(%(now)s / 1e6));

-- name: take_flow
-- A sign-in that was begun at most ten minutes ago comes back, once.
DELETE FROM sign_in_flow
WHERE state_sha256 = %(state)s
RETURNING flow_sha256, nonce, verifier,
          began_at > to_timestamp(%(now)s / 1e6) - interval '10 minutes';

-- name: insert_audit
-- One entry; where asked so only of a transaction that has written.
INSERT INTO audit_entry (at, who, via, origin, permission, action, object, outcome)
SELECT to_timestamp(%(at)s::numeric / 1000000), %(who)s, %(via)s, %(origin)s, %(permission)s,
       %(action)s, %(object)s, %(outcome)s
WHERE NOT %(only_after_writes)s OR pg_current_xact_id_if_assigned() IS NOT NULL;

-- name: hold_audit
-- One chains at a time.
SELECT pg_try_advisory_xact_lock(hashtextextended('quartermaster audit', 0));

-- name: audit_head
-- The last link.
SELECT seq, hash FROM audit_link ORDER BY seq DESC LIMIT 1;

-- name: take_audit
-- What waits, in its order, waits no longer.
WITH taken AS (
    DELETE FROM audit_waiting
    WHERE entry_id IN (SELECT entry_id FROM audit_waiting ORDER BY entry_id LIMIT %(limit)s)
    RETURNING entry_id
)
SELECT e.entry_id, (extract(epoch FROM e.at) * 1000000)::bigint, e.who, e.via, e.origin,
       e.permission, e.action, e.object, e.outcome
FROM taken JOIN audit_entry AS e USING (entry_id)
ORDER BY e.entry_id;

-- name: append_links
-- Links of the chain.
INSERT INTO audit_link (seq, entry_id, hash)
SELECT * FROM unnest(%(seqs)s::bigint[], %(entries)s::bigint[], %(hashes)s::bytea[]);

-- name: audit_links
-- The chain in its order, after a number; an entry that is gone leaves a hole.
SELECT l.seq, l.hash, e.entry_id, (extract(epoch FROM e.at) * 1000000)::bigint, e.who, e.via,
       e.origin, e.permission, e.action, e.object, e.outcome
FROM audit_link AS l LEFT JOIN audit_entry AS e USING (entry_id)
WHERE l.seq > %(after)s ORDER BY l.seq LIMIT %(limit)s;

-- name: loose_audit
-- Entries that no link names and that nobody will chain: somebody took their place in the queue.
SELECT count(*) FROM audit_entry AS e
WHERE NOT EXISTS (SELECT FROM audit_link AS l WHERE l.entry_id = e.entry_id)
  AND NOT EXISTS (SELECT FROM audit_waiting AS w WHERE w.entry_id = e.entry_id);

-- name: audit_entries
-- Entries, the newest first, before a number.
SELECT entry_id, (extract(epoch FROM at) * 1000000)::bigint, who, via, origin, permission, action,
       object, outcome
FROM audit_entry
WHERE (%(who)s::text IS NULL OR who = %(who)s)
  AND (%(before)s::bigint IS NULL OR entry_id < %(before)s)
ORDER BY entry_id DESC LIMIT %(limit)s;
