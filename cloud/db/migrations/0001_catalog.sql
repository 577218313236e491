-- Sites, items with their trade item numbers, and locations. Nothing is ever deleted: what is
-- removed keeps its row, so that history keeps its names and a delta can say "removed".
-- depends: 0000_extensions

-- One counter for the whole catalog. Its row lock orders imports: revisions become visible in
-- ascending order, which is what makes "rows with revision > base" a correct delta.
CREATE TABLE catalog_state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    revision bigint NOT NULL DEFAULT 0
);
INSERT INTO catalog_state DEFAULT VALUES;

CREATE TABLE site (
    site_id  int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code     text NOT NULL UNIQUE,
    name     text NOT NULL DEFAULT '',
    region   text NOT NULL DEFAULT '',
    timezone text NOT NULL DEFAULT 'UTC',
    currency text NOT NULL DEFAULT 'EUR' CHECK (currency ~ '^[A-Z]{3}$'),
    revision bigint NOT NULL DEFAULT 0
);

CREATE TABLE item (
    item_id  int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku      text NOT NULL UNIQUE,
    name     text NOT NULL DEFAULT '',
    removed  boolean NOT NULL DEFAULT false,
    revision bigint NOT NULL DEFAULT 0
);
CREATE INDEX item_by_revision ON item (revision);

-- A trade item number belongs to one item and says how many base units one of it holds.
CREATE TABLE item_code (
    gtin     text PRIMARY KEY CHECK (gtin ~ '^[0-9]{14}$'),
    item_id  int NOT NULL REFERENCES item,
    quantity int NOT NULL DEFAULT 1 CHECK (quantity BETWEEN 1 AND 10000000)
);
CREATE INDEX item_code_by_item ON item_code (item_id);

CREATE TABLE location (
    location_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id  int NOT NULL REFERENCES site,
    code     text NOT NULL,
    role     text NOT NULL DEFAULT 'shelf',
    removed  boolean NOT NULL DEFAULT false,
    revision bigint NOT NULL DEFAULT 0,
    UNIQUE (site_id, code)
);
CREATE INDEX location_by_revision ON location (site_id, revision);
