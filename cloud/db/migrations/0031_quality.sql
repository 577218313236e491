-- What is wrong with the data, by looking at it: found, seen again, and gone. Nothing is repaired
-- here; a repair is made where the data is kept, in a version of its own.
-- depends: 0020_feeds 0022_sales 0023_purchases 0024_demand

CREATE TABLE quality_finding (
    finding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    check_code text NOT NULL CHECK (check_code <> ''),
    area       text NOT NULL CHECK (area IN ('feeds', 'catalog', 'demand', 'stock', 'suppliers')),
    subject    text NOT NULL CHECK (subject <> ''),
    feed       text NOT NULL DEFAULT '',
    sku        text NOT NULL DEFAULT '',
    site_id    int REFERENCES site,
    detail     text NOT NULL,
    blocking   boolean NOT NULL,
    found_at   timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    gone_at    timestamptz
);
CREATE UNIQUE INDEX quality_finding_now ON quality_finding (check_code, subject)
    WHERE gone_at IS NULL;
CREATE INDEX quality_finding_by_site ON quality_finding (site_id);

SELECT protect_site_rows('quality_finding');

-- When somebody last looked: no findings mean something only after that.
CREATE TABLE quality_look (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    at       timestamptz NOT NULL
);
