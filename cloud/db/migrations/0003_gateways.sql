-- The registry of gateways: keys, epochs, enrolment tokens and issued certificates. Rows are kept
-- for ever: an event signed years ago stays verifiable, and no key can be registered twice.
-- depends: 0001_catalog

CREATE TABLE gateway (
    gateway_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (name ~ '^gw-[a-z0-9-]{1,48}$'),
    site_id    int NOT NULL REFERENCES site,
    status     text NOT NULL DEFAULT 'registered'
               CHECK (status IN ('registered', 'active', 'revoked')),
    hw_serial  text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CHECK ((status = 'revoked') = (revoked_at IS NOT NULL))
);

CREATE TABLE gateway_key (
    kid            bytea PRIMARY KEY CHECK (length(kid) = 8),
    gateway_id     int NOT NULL REFERENCES gateway,
    public_key     bytea NOT NULL UNIQUE CHECK (length(public_key) = 32),
    valid_from_seq bigint NOT NULL DEFAULT 1,
    registered_at  timestamptz NOT NULL,
    revoked_at     timestamptz
);
CREATE INDEX gateway_key_by_gateway ON gateway_key (gateway_id);

CREATE TABLE gateway_epoch (
    gateway_id int NOT NULL REFERENCES gateway,
    epoch      int NOT NULL CHECK (epoch > 0),
    granted_at timestamptz NOT NULL,
    reason     text NOT NULL,
    PRIMARY KEY (gateway_id, epoch)
);

-- One token per gateway is in force: the newest. Only its hash is kept.
CREATE TABLE enrolment_token (
    token_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway_id int NOT NULL REFERENCES gateway,
    sha256     bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at <= issued_at + interval '24 hours'),
    tries      int NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND 5),
    used_at    timestamptz,
    csr_hash   bytea CHECK (length(csr_hash) = 32),
    CHECK ((used_at IS NULL) = (csr_hash IS NULL))
);
CREATE INDEX enrolment_token_by_gateway ON enrolment_token (gateway_id, token_id DESC);

-- The serial and the hash of the public key are unique: a renewal needs a new key.
CREATE TABLE gateway_certificate (
    serial      text PRIMARY KEY CHECK (serial ~ '^[0-9a-f]{1,32}$'),
    gateway_id  int NOT NULL REFERENCES gateway,
    not_before  timestamptz NOT NULL,
    not_after   timestamptz NOT NULL,
    spki        bytea NOT NULL UNIQUE,
    csr_hash    bytea NOT NULL UNIQUE CHECK (length(csr_hash) = 32),
    certificate bytea NOT NULL,
    issued_at   timestamptz NOT NULL
);
CREATE INDEX gateway_certificate_by_gateway ON gateway_certificate (gateway_id, issued_at DESC);
