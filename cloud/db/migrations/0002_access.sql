-- API keys. Only the SHA-256 of a secret is kept: 32 random bytes need no slow hash.
-- depends: 0001_catalog

CREATE TABLE api_key (
    key_id        text PRIMARY KEY CHECK (key_id ~ '^[a-z0-9]{12}$'),
    environment   text NOT NULL CHECK (environment ~ '^[a-z0-9]{1,16}$'),
    name          text NOT NULL,
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    scopes        text[] NOT NULL CHECK (cardinality(scopes) > 0),
    -- Said outright, so that a key which loses its last site can never become a key for all.
    all_sites     boolean NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    revoked_at    timestamptz,
    last_used_at  timestamptz
);

CREATE TABLE api_key_site (
    key_id  text NOT NULL REFERENCES api_key,
    site_id int NOT NULL REFERENCES site,
    PRIMARY KEY (key_id, site_id)
);
