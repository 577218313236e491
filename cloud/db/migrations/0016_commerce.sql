-- What items are to the business: assortment, packs, siblings and substitutes, suppliers with what
-- they offer, bills of material; and every row of the catalog as it stood at any of its revisions.
-- Gateways get none of this: nothing here raises the revision of a row that they work with.
-- depends: 0015_heads

-- When each revision was made. Imports wait for one another, so moments ascend with revisions.
CREATE TABLE catalog_revision (
    revision bigint PRIMARY KEY,
    at       timestamptz NOT NULL
);
CREATE INDEX catalog_revision_by_moment ON catalog_revision (at);
-- Of what was before, nobody wrote down when: it stands as it is now, from the beginning.
INSERT INTO catalog_revision SELECT revision, '-infinity' FROM catalog_state;

-- Each table below holds one row per key and span of revisions: from `since` on, before `until`.
CREATE TABLE site_version (
    site_id  int NOT NULL REFERENCES site,
    since    bigint NOT NULL,
    until    bigint CHECK (until > since),
    name     text NOT NULL,
    region   text NOT NULL,
    timezone text NOT NULL,
    currency text NOT NULL,
    PRIMARY KEY (site_id, since)
);
CREATE UNIQUE INDEX site_version_now ON site_version (site_id) WHERE until IS NULL;
INSERT INTO site_version
SELECT site_id, catalog_state.revision, NULL, name, region, timezone, currency
FROM site, catalog_state;

CREATE TABLE item_version (
    item_id     int NOT NULL REFERENCES item,
    since       bigint NOT NULL,
    until       bigint CHECK (until > since),
    name        text NOT NULL,
    removed     boolean NOT NULL,
    count_class text NOT NULL,
    gtins       text[] NOT NULL,
    quantities  int[] NOT NULL CHECK (cardinality(quantities) = cardinality(gtins)),
    PRIMARY KEY (item_id, since)
);
CREATE UNIQUE INDEX item_version_now ON item_version (item_id) WHERE until IS NULL;
CREATE INDEX item_version_by_gtin ON item_version USING gin (gtins);
INSERT INTO item_version
SELECT i.item_id, s.revision, NULL, i.name, i.removed, i.count_class,
       ARRAY(SELECT c.gtin FROM item_code AS c WHERE c.item_id = i.item_id ORDER BY c.gtin),
       ARRAY(SELECT c.quantity FROM item_code AS c WHERE c.item_id = i.item_id ORDER BY c.gtin)
FROM item AS i, catalog_state AS s;

CREATE TABLE location_version (
    location_id int NOT NULL REFERENCES location,
    since       bigint NOT NULL,
    until       bigint CHECK (until > since),
    role        text NOT NULL,
    removed     boolean NOT NULL,
    zone        text,
    capacity    int NOT NULL,
    PRIMARY KEY (location_id, since)
);
CREATE UNIQUE INDEX location_version_now ON location_version (location_id) WHERE until IS NULL;
INSERT INTO location_version
SELECT l.location_id, s.revision, NULL, l.role, l.removed, l.zone, l.capacity
FROM location AS l, catalog_state AS s;

-- Money is whole minor units of its currency (ISO 4217); null where nobody said.
CREATE TABLE assortment_version (
    item_id    int NOT NULL REFERENCES item,
    since      bigint NOT NULL,
    until      bigint CHECK (until > since),
    category   text NOT NULL,
    cost       bigint CHECK (cost >= 0),
    price      bigint CHECK (price >= 0),
    currency   text NOT NULL CHECK (currency ~ '^([A-Z]{3})?$'),
    shelf_life int CHECK (shelf_life > 0),
    PRIMARY KEY (item_id, since),
    CHECK (currency <> '' OR (cost IS NULL AND price IS NULL))
);
CREATE UNIQUE INDEX assortment_version_now ON assortment_version (item_id) WHERE until IS NULL;

-- A trade item number outlives its row in item_code, which an import may replace.
CREATE TABLE pack_version (
    gtin  text NOT NULL CHECK (gtin ~ '^[0-9]{14}$'),
    since bigint NOT NULL,
    until bigint CHECK (until > since),
    level text NOT NULL CHECK (level IN ('', 'each', 'inner', 'case', 'layer', 'pallet')),
    PRIMARY KEY (gtin, since)
);
CREATE UNIQUE INDEX pack_version_now ON pack_version (gtin) WHERE until IS NULL;

CREATE TABLE link_version (
    item_id  int NOT NULL REFERENCES item,
    kind     text NOT NULL CHECK (kind IN ('sibling', 'substitute')),
    other_id int NOT NULL REFERENCES item CHECK (other_id <> item_id),
    since    bigint NOT NULL,
    until    bigint CHECK (until > since),
    rank     int NOT NULL CHECK (rank > 0),
    removed  boolean NOT NULL,
    PRIMARY KEY (item_id, kind, other_id, since)
);
CREATE UNIQUE INDEX link_version_now ON link_version (item_id, kind, other_id) WHERE until IS NULL;

CREATE TABLE supplier (
    supplier_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code        text NOT NULL UNIQUE
);

CREATE TABLE supplier_version (
    supplier_id  int NOT NULL REFERENCES supplier,
    since        bigint NOT NULL,
    until        bigint CHECK (until > since),
    name         text NOT NULL,
    currency     text NOT NULL CHECK (currency ~ '^([A-Z]{3})?$'),
    minimum      bigint CHECK (minimum >= 0),
    payment_days int,
    incoterm     text NOT NULL,
    place        text NOT NULL,
    lead_days    int,
    removed      boolean NOT NULL,
    PRIMARY KEY (supplier_id, since),
    CHECK (currency <> '' OR minimum IS NULL)
);
CREATE UNIQUE INDEX supplier_version_now ON supplier_version (supplier_id) WHERE until IS NULL;

-- From break_from[n] base units on, `per` of them cost break_cost[n].
CREATE TABLE offer_version (
    supplier_id int NOT NULL REFERENCES supplier,
    item_id     int NOT NULL REFERENCES item,
    since       bigint NOT NULL,
    until       bigint CHECK (until > since),
    reference   text NOT NULL,
    currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    per         int NOT NULL CHECK (per > 0),
    minimum     int NOT NULL CHECK (minimum > 0),
    multiple    int NOT NULL CHECK (multiple > 0),
    lead_days   int,
    removed     boolean NOT NULL,
    break_from  int[] NOT NULL CHECK (cardinality(break_from) > 0),
    break_cost  bigint[] NOT NULL CHECK (cardinality(break_cost) = cardinality(break_from)),
    PRIMARY KEY (supplier_id, item_id, since)
);
CREATE UNIQUE INDEX offer_version_now ON offer_version (supplier_id, item_id) WHERE until IS NULL;
CREATE INDEX offer_version_by_item ON offer_version (item_id);

-- `makes` base units of the item take quantities[n] base units of component_ids[n].
CREATE TABLE bill_version (
    item_id       int NOT NULL REFERENCES item,
    version       text NOT NULL CHECK (version <> ''),
    since         bigint NOT NULL,
    until         bigint CHECK (until > since),
    purpose       text NOT NULL CHECK (purpose IN ('kit', 'made')),
    valid_from    date NOT NULL,
    makes         int NOT NULL CHECK (makes > 0),
    removed       boolean NOT NULL,
    component_ids int[] NOT NULL CHECK (cardinality(component_ids) > 0),
    quantities    int[] NOT NULL CHECK (cardinality(quantities) = cardinality(component_ids)),
    PRIMARY KEY (item_id, version, since)
);
CREATE UNIQUE INDEX bill_version_now ON bill_version (item_id, version) WHERE until IS NULL;
