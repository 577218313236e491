-- name: insert_key
-- A new key.
INSERT INTO api_key
    (key_id, environment, name, secret_sha256, scopes, all_sites, created_at, expires_at)
VALUES (%(key_id)s, %(environment)s, %(name)s, %(secret)s, %(scopes)s, %(all_sites)s,
        to_timestamp(%(now)s / 1e6), to_timestamp(%(expires)s / 1e6));

-- name: insert_key_sites
-- The sites that a key is limited to.
INSERT INTO api_key_site (key_id, site_id)
SELECT %(key_id)s, unnest(%(site_ids)s::int[]);

-- name: find_key
-- A key that is in force now, with its sites; and whether its use has gone unnoted for a minute.
SELECT k.name, k.environment, k.secret_sha256, k.scopes, k.all_sites,
       ARRAY(SELECT s.site_id FROM api_key_site AS s WHERE s.key_id = k.key_id),
       k.last_used_at IS NULL
       OR k.last_used_at < to_timestamp(%(now)s / 1e6) - interval '1 minute'
FROM api_key AS k
WHERE k.key_id = %(key_id)s
  AND k.revoked_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > to_timestamp(%(now)s / 1e6));

-- name: note_use
-- When a key was last used, to the minute; a busy row is left for the next request.
UPDATE api_key SET last_used_at = to_timestamp(%(now)s / 1e6)
WHERE key_id = (SELECT key_id FROM api_key WHERE key_id = %(key_id)s FOR UPDATE SKIP LOCKED);

-- name: revoke_key
-- Take a key out of force, once.
UPDATE api_key SET revoked_at = to_timestamp(%(now)s / 1e6)
WHERE key_id = %(key_id)s AND revoked_at IS NULL
RETURNING key_id;

-- name: keys
-- All keys, the newest first.
SELECT k.key_id, k.environment, k.name, k.scopes, k.all_sites,
       ARRAY(SELECT s.code FROM api_key_site AS l JOIN site AS s USING (site_id)
             WHERE l.key_id = k.key_id ORDER BY s.code),
       (extract(epoch FROM k.created_at) * 1000000)::bigint,
       (extract(epoch FROM k.expires_at) * 1000000)::bigint,
       (extract(epoch FROM k.revoked_at) * 1000000)::bigint,
       (extract(epoch FROM k.last_used_at) * 1000000)::bigint
FROM api_key AS k ORDER BY k.created_at DESC, k.key_id;

-- name: site_ids
-- The keys of sites by their names.
SELECT code, site_id FROM site WHERE code = ANY(%(codes)s);

-- name: enter
-- For the rest of this transaction: no owner's rights, and no rows but those of these sites.
SELECT set_config('role', 'quartermaster_api', true), set_config('qm.sites', %(sites)s, true);
