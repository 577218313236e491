-- Policy, people, plan and leases go down in one way: published whole, each kind with one ascending
-- sequence of versions over all sites. A row without a site is for every site that has none of its
-- own, which only a policy may be.
-- depends: 0010_generation

CREATE TABLE published (
    kind         text NOT NULL CHECK (kind IN ('policy', 'people', 'plan', 'leases')),
    version      bigint NOT NULL CHECK (version > 0),
    site_id      int REFERENCES site,
    sha256       bytea NOT NULL CHECK (octet_length(sha256) = 32),
    content      bytea NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (kind, version),
    CHECK (site_id IS NOT NULL OR kind = 'policy')
);
CREATE INDEX published_by_site ON published (kind, site_id, version);

INSERT INTO published (kind, version, site_id, sha256, content, published_at)
SELECT 'policy', version, site_id, sha256, content, published_at FROM policy;
DROP TABLE policy;

ALTER TABLE gateway_reported
    ADD COLUMN people bigint NOT NULL DEFAULT 0,
    ADD COLUMN plan   bigint NOT NULL DEFAULT 0,
    ADD COLUMN leases bigint NOT NULL DEFAULT 0;

-- How often an item is counted and how exactly it must be right; where a location belongs, and how
-- many base units it holds (0 where nobody said).
ALTER TABLE item
    ADD COLUMN count_class text NOT NULL DEFAULT 'C' CHECK (count_class IN ('A', 'B', 'C'));
ALTER TABLE location
    ADD COLUMN zone     text CHECK (zone <> ''),
    ADD COLUMN capacity int NOT NULL DEFAULT 0 CHECK (capacity BETWEEN 0 AND 10000000);
