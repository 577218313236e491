-- Retrained heads of what gateways see with: what was trained of people's labels, from what, how well
-- it did; and the documents by which sites get them.
-- depends: 0014_orders

-- A candidate never changes; the same bytes trained again are the same candidate.
CREATE TABLE head_candidate (
    candidate_id    int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    head            text NOT NULL CHECK (head <> ''),
    backbone        text NOT NULL CHECK (backbone <> ''),
    backbone_sha256 bytea NOT NULL CHECK (octet_length(backbone_sha256) = 32),
    classes         text[] NOT NULL CHECK (cardinality(classes) >= 2),
    dimensions      int NOT NULL CHECK (dimensions BETWEEN 1 AND 512),
    sha256          bytea NOT NULL CHECK (octet_length(sha256) = 32),
    model           bytea NOT NULL CHECK (octet_length(model) BETWEEN 1 AND 1048576),
    labels          jsonb NOT NULL,
    metrics         jsonb NOT NULL,
    seed            bigint NOT NULL,
    forced          boolean NOT NULL,
    labels_through  timestamptz NOT NULL,
    made_at         timestamptz NOT NULL,
    UNIQUE (head, sha256)
);

ALTER TABLE published DROP CONSTRAINT published_kind_check;
ALTER TABLE published ADD CONSTRAINT published_kind_check
    CHECK (kind IN ('policy', 'people', 'plan', 'leases', 'heads'));
ALTER TABLE gateway_reported ADD COLUMN heads bigint NOT NULL DEFAULT 0;
