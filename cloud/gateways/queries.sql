-- The registry's statements. Times leave as microseconds since the Unix epoch.

-- name: site_by_code
-- The site that a gateway is to stand at.
SELECT site_id FROM site WHERE code = %(site)s

-- name: insert_gateway
-- A new gateway; no row when the name is taken.
INSERT INTO gateway (name, site_id, hw_serial, created_at)
VALUES (%(name)s, %(site_id)s, %(hw_serial)s, %(now)s)
ON CONFLICT (name) DO NOTHING
RETURNING gateway_id

-- name: gateways
-- A page of gateways in order of their names, of the sites given (of all when null).
SELECT g.gateway_id, g.name, g.site_id, s.code AS site, g.status, g.hw_serial,
       (extract(epoch FROM g.created_at) * 1000000)::bigint AS created_at,
       (extract(epoch FROM g.revoked_at) * 1000000)::bigint AS revoked_at,
       coalesce((SELECT max(e.epoch) FROM gateway_epoch e
                 WHERE e.gateway_id = g.gateway_id AND NOT e.awaited), 0) AS epoch,
       (SELECT (extract(epoch FROM max(c.not_after)) * 1000000)::bigint
        FROM gateway_certificate c WHERE c.gateway_id = g.gateway_id) AS certificate_until
FROM gateway g JOIN site s USING (site_id)
WHERE g.name > %(after)s
  AND (%(sites)s::text[] IS NULL OR s.code = ANY (%(sites)s::text[]))
ORDER BY g.name
LIMIT %(limit)s

-- name: gateway_by_name
-- One gateway, as in the list.
SELECT g.gateway_id, g.name, g.site_id, s.code AS site, g.status, g.hw_serial,
       (extract(epoch FROM g.created_at) * 1000000)::bigint AS created_at,
       (extract(epoch FROM g.revoked_at) * 1000000)::bigint AS revoked_at,
       coalesce((SELECT max(e.epoch) FROM gateway_epoch e
                 WHERE e.gateway_id = g.gateway_id AND NOT e.awaited), 0) AS epoch,
       (SELECT (extract(epoch FROM max(c.not_after)) * 1000000)::bigint
        FROM gateway_certificate c WHERE c.gateway_id = g.gateway_id) AS certificate_until
FROM gateway g JOIN site s USING (site_id)
WHERE g.name = %(name)s

-- name: site_of
-- The key of the site that a gateway stands at.
SELECT site_id FROM gateway WHERE gateway_id = %(gateway_id)s;

-- name: lock_gateway
-- Orders enrolment, renewal and revocation of one gateway; always taken before its token.
SELECT gateway_id FROM gateway WHERE name = %(name)s FOR UPDATE

-- name: lookup
-- What ingest checks for every batch: one round trip, by names.
SELECT g.name, g.gateway_id, g.site_id, s.code, g.status,
       ARRAY(SELECT k.kid FROM gateway_key k
             WHERE k.gateway_id = g.gateway_id AND k.revoked_at IS NULL ORDER BY k.kid),
       ARRAY(SELECT k.public_key FROM gateway_key k
             WHERE k.gateway_id = g.gateway_id AND k.revoked_at IS NULL ORDER BY k.kid),
       ARRAY(SELECT e.epoch FROM gateway_epoch e
             WHERE e.gateway_id = g.gateway_id AND NOT e.awaited),
       ARRAY(SELECT e.epoch FROM gateway_epoch e
             WHERE e.gateway_id = g.gateway_id AND e.closed_at <= now())
FROM gateway g JOIN site s USING (site_id)
WHERE g.name = ANY (%(names)s)

-- name: insert_token
-- A new token, which puts every earlier one of the gateway out of force.
INSERT INTO enrolment_token (gateway_id, sha256, issued_at, expires_at)
VALUES (%(gateway_id)s, %(sha256)s, %(now)s, %(expires_at)s)

-- name: newest_token
-- The token in force of one gateway, locked.
SELECT t.token_id, t.sha256,
       (extract(epoch FROM t.expires_at) * 1000000)::bigint AS expires_at, t.tries,
       (extract(epoch FROM t.used_at) * 1000000)::bigint AS used_at, t.csr_hash
FROM enrolment_token t JOIN gateway g USING (gateway_id)
WHERE g.name = %(name)s
ORDER BY t.token_id DESC LIMIT 1
FOR UPDATE OF t

-- name: count_try
-- One more try of a token; no row when all are used up.
UPDATE enrolment_token SET tries = tries + 1
WHERE token_id = %(token_id)s AND tries < %(max_tries)s
RETURNING tries

-- name: return_try
-- A try that succeeded does not count against the token.
UPDATE enrolment_token SET tries = greatest(tries - 1, 0) WHERE token_id = %(token_id)s

-- name: use_token
-- The token's one use.
UPDATE enrolment_token SET used_at = %(now)s, csr_hash = %(csr_hash)s
WHERE token_id = %(token_id)s AND used_at IS NULL

-- name: void_tokens
-- Ends the unused tokens of a gateway, when it is revoked.
UPDATE enrolment_token SET expires_at = least(expires_at, %(now)s)
WHERE gateway_id = %(gateway_id)s AND used_at IS NULL

-- name: activate
-- The gateway may work from now on.
UPDATE gateway SET status = 'active', revoked_at = NULL WHERE gateway_id = %(gateway_id)s

-- name: revoke
-- The gateway may not work any more; no row when it could not before.
UPDATE gateway SET status = 'revoked', revoked_at = %(now)s
WHERE gateway_id = %(gateway_id)s AND status <> 'revoked'

-- name: revoke_certificates
-- Ends a gateway's certificates before their time: they go onto the revocation list.
UPDATE gateway_certificate SET revoked_at = %(now)s
WHERE gateway_id = %(gateway_id)s AND revoked_at IS NULL AND not_after > %(now)s

-- name: lock_revocation_list
-- Lets one process at a time write the list: each sees what was revoked before it began.
SELECT pg_advisory_xact_lock(hashtext('quartermaster.revocation-list'))

-- name: revoked_certificates
-- What the revocation list names: an entry stays for a while after the certificate's own end.
SELECT serial, (extract(epoch FROM revoked_at) * 1000000)::bigint AS revoked_at
FROM gateway_certificate
WHERE revoked_at IS NOT NULL AND not_after > %(since)s
ORDER BY revoked_at, serial

-- name: revoked_since
-- Which gateways were revoked after a moment and are so still.
SELECT name FROM gateway WHERE status = 'revoked' AND revoked_at > %(since)s ORDER BY name

-- name: event_key
-- The registration of an event key, by its id.
SELECT gateway_id, public_key, revoked_at IS NOT NULL AS revoked
FROM gateway_key WHERE kid = %(kid)s

-- name: event_key_in_force
-- The raw event key with which a gateway signs; the newest, should there ever be two.
SELECT public_key FROM gateway_key WHERE gateway_id = %(gateway_id)s AND revoked_at IS NULL
ORDER BY registered_at DESC, kid LIMIT 1

-- name: insert_event_key
-- A new event key.
INSERT INTO gateway_key (kid, gateway_id, public_key, registered_at)
VALUES (%(kid)s, %(gateway_id)s, %(public_key)s, %(now)s)

-- name: revoke_event_keys
-- Ends a gateway's event keys; they stay, so that what they signed stays verifiable.
UPDATE gateway_key SET revoked_at = %(now)s
WHERE gateway_id = %(gateway_id)s AND revoked_at IS NULL

-- name: newest_epoch
-- The newest epoch of a gateway, granted or waiting to be asked for.
SELECT epoch, reason, coalesce(previous_epoch, 0) AS previous_epoch,
       coalesce(previous_seq, 0) AS previous_seq, previous_hash, nonce, awaited
FROM gateway_epoch WHERE gateway_id = %(gateway_id)s
ORDER BY epoch DESC LIMIT 1

-- name: grant_of
-- One epoch of a gateway, and what it follows.
SELECT epoch, reason, coalesce(previous_epoch, 0) AS previous_epoch,
       coalesce(previous_seq, 0) AS previous_seq, previous_hash, nonce, awaited
FROM gateway_epoch WHERE gateway_id = %(gateway_id)s AND epoch = %(epoch)s AND NOT awaited

-- name: epochs_since
-- How many epochs a gateway was given since a moment.
SELECT count(*) FROM gateway_epoch
WHERE gateway_id = %(gateway_id)s AND granted_at > %(since)s

-- name: grant_epoch
-- A new epoch, and the head of the one before as far as the cloud has it.
INSERT INTO gateway_epoch (gateway_id, epoch, granted_at, reason, previous_epoch, previous_seq,
                           previous_hash, nonce, awaited)
VALUES (%(gateway_id)s, %(epoch)s, %(now)s, %(reason)s, %(previous_epoch)s, %(previous_seq)s,
        %(previous_hash)s, %(nonce)s, %(awaited)s)

-- name: claim_epoch
-- The gateway has come for the epoch that a person decided on; no row when it was there before.
UPDATE gateway_epoch
SET awaited = false, epoch = %(epoch)s, nonce = %(nonce)s, previous_seq = %(previous_seq)s,
    previous_hash = %(previous_hash)s
WHERE gateway_id = %(gateway_id)s AND awaited

-- name: nonce_used
-- Whether a request for an epoch has been answered before.
SELECT EXISTS (SELECT FROM gateway_epoch
               WHERE gateway_id = %(gateway_id)s AND nonce = %(nonce)s)

-- name: close_epochs
-- Nothing more is taken in the epochs before one, from a moment on.
UPDATE gateway_epoch SET closed_at = %(at)s
WHERE gateway_id = %(gateway_id)s AND epoch < %(epoch)s AND closed_at IS NULL

-- name: certificate_by_serial
-- One issued certificate of a gateway.
SELECT c.serial, c.gateway_id, (extract(epoch FROM c.not_after) * 1000000)::bigint AS not_after,
       c.spki, c.certificate AS der
FROM gateway_certificate c
WHERE c.gateway_id = %(gateway_id)s AND c.serial = %(serial)s

-- name: certificate_by_request
-- The certificate that a request of this gateway has already led to.
SELECT c.serial, c.gateway_id, (extract(epoch FROM c.not_after) * 1000000)::bigint AS not_after,
       c.spki, c.certificate AS der
FROM gateway_certificate c
WHERE c.gateway_id = %(gateway_id)s AND c.csr_hash = %(csr_hash)s

-- name: tls_key_known
-- Whether a TLS key has been certified before, for any gateway.
SELECT EXISTS (SELECT FROM gateway_certificate WHERE spki = %(spki)s)

-- name: certificates_since
-- How many certificates a gateway was given since a moment.
SELECT count(*) FROM gateway_certificate
WHERE gateway_id = %(gateway_id)s AND issued_at > %(since)s

-- name: insert_certificate
-- An issued certificate.
INSERT INTO gateway_certificate
    (serial, gateway_id, not_before, not_after, spki, csr_hash, certificate, issued_at)
VALUES (%(serial)s, %(gateway_id)s, %(not_before)s, %(not_after)s, %(spki)s, %(csr_hash)s,
        %(der)s, %(now)s)
