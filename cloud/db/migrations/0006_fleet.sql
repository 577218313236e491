-- What goes down to gateways: policies, prepared documents, and what each gateway says it holds.
-- depends: 0003_gateways

-- Versions are one ascending sequence over all sites. A row without a site is for every site that
-- has none of its own.
CREATE TABLE policy (
    version      bigint PRIMARY KEY CHECK (version > 0),
    site_id      int REFERENCES site,
    sha256       bytea NOT NULL CHECK (octet_length(sha256) = 32),
    content      bytea NOT NULL,
    published_at timestamptz NOT NULL
);
CREATE INDEX policy_by_site ON policy (site_id, version);

-- Documents too large for a message, fetched from the gateway door by hash.
CREATE TABLE document (
    sha256     bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    kind       text NOT NULL,
    site_id    int NOT NULL REFERENCES site,
    version    bigint NOT NULL,
    content    bytea NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX document_by_age ON document (created_at);

CREATE TABLE gateway_reported (
    gateway_id  int PRIMARY KEY REFERENCES gateway,
    catalog     bigint NOT NULL,
    policy      bigint NOT NULL,
    reported_at timestamptz NOT NULL
);

-- The cloud's generation as last seen, and the oldest catalog version that a delta may start from:
-- versions from before a restore may name other rows than today's.
CREATE TABLE fleet_state (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    generation    bigint NOT NULL DEFAULT 0,
    catalog_floor bigint NOT NULL DEFAULT 0
);
INSERT INTO fleet_state DEFAULT VALUES;
