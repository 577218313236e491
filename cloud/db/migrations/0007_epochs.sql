-- New epochs for gateways that lost their past, and certificates that end before their time.
-- depends: 0006_fleet

-- An epoch that follows another keeps the head that the cloud then knew of the earlier one. The
-- nonce is the request's: a lost answer is given again. An epoch that a person has decided on waits
-- (`awaited`) until the gateway asks. When one begins, those before it are closed a little later.
ALTER TABLE gateway_epoch
    ADD COLUMN previous_epoch int,
    ADD COLUMN previous_seq   bigint,
    ADD COLUMN previous_hash  bytea CHECK (octet_length(previous_hash) = 32),
    ADD COLUMN nonce          bytea CHECK (octet_length(nonce) = 16),
    ADD COLUMN awaited        boolean NOT NULL DEFAULT false,
    ADD COLUMN closed_at      timestamptz,
    ADD UNIQUE (gateway_id, nonce);

ALTER TABLE gateway_certificate ADD COLUMN revoked_at timestamptz;
UPDATE gateway_certificate c SET revoked_at = g.revoked_at
FROM gateway g WHERE g.gateway_id = c.gateway_id AND g.status = 'revoked';
CREATE INDEX gateway_certificate_revoked ON gateway_certificate (not_after)
    WHERE revoked_at IS NOT NULL;
