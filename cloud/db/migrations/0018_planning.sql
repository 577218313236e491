-- What planning works with: channels, lanes, landed-cost parts, agreements with suppliers, calendars,
-- promotions and contracts; and how other systems' tables are read.
-- Codes are names that never change, so what is said here of another thing says its code.
-- depends: 0016_commerce

-- One row per key and span of revisions, as in 0016: from `since` on, before `until`.
CREATE TABLE channel_version (
    code     text NOT NULL CHECK (code <> ''),
    since    bigint NOT NULL,
    until    bigint CHECK (until > since),
    name     text NOT NULL,
    priority int NOT NULL CHECK (priority > 0),
    removed  boolean NOT NULL,
    PRIMARY KEY (code, since)
);
CREATE UNIQUE INDEX channel_version_now ON channel_version (code) WHERE until IS NULL;

-- Money is whole minor units of its currency (ISO 4217); null where nobody said.
CREATE TABLE lane_version (
    code     text NOT NULL CHECK (code <> ''),
    since    bigint NOT NULL,
    until    bigint CHECK (until > since),
    supplier text NOT NULL,
    origin   text NOT NULL,
    site     text NOT NULL CHECK (site <> ''),
    mode     text NOT NULL,
    days     int,
    fixed    bigint CHECK (fixed >= 0),
    cost     bigint CHECK (cost >= 0),
    per      int NOT NULL CHECK (per > 0),
    currency text NOT NULL CHECK (currency ~ '^([A-Z]{3})?$'),
    removed  boolean NOT NULL,
    PRIMARY KEY (code, since),
    CHECK ((supplier = '') <> (origin = '')),
    CHECK (currency <> '' OR (cost IS NULL AND fixed IS NULL))
);
CREATE UNIQUE INDEX lane_version_now ON lane_version (code) WHERE until IS NULL;

-- An empty lane, supplier or sku means any. A percentage is kept in hundredths of a percent.
CREATE TABLE landed_cost_version (
    lane     text NOT NULL,
    supplier text NOT NULL,
    sku      text NOT NULL,
    part     text NOT NULL CHECK (part <> ''),
    since    bigint NOT NULL,
    until    bigint CHECK (until > since),
    percent  int CHECK (percent >= 0),
    base     text NOT NULL CHECK (base IN ('goods', 'cif')),
    amount   bigint CHECK (amount >= 0),
    currency text NOT NULL CHECK (currency ~ '^([A-Z]{3})?$'),
    per      int NOT NULL CHECK (per > 0),
    removed  boolean NOT NULL,
    PRIMARY KEY (lane, supplier, sku, part, since),
    CHECK ((percent IS NULL) <> (amount IS NULL)),
    CHECK (currency <> '' OR amount IS NULL)
);
CREATE UNIQUE INDEX landed_cost_version_now ON landed_cost_version (lane, supplier, sku, part)
    WHERE until IS NULL;

-- An empty sku means all that the supplier delivers, together.
CREATE TABLE agreement_version (
    supplier       text NOT NULL CHECK (supplier <> ''),
    sku            text NOT NULL,
    since          bigint NOT NULL,
    until          bigint CHECK (until > since),
    week_capacity  int,
    floor          int,
    floor_days     int,
    window_days    int,
    window_percent int,
    notice_days    int,
    premium        int,
    removed        boolean NOT NULL,
    PRIMARY KEY (supplier, sku, since)
);
CREATE UNIQUE INDEX agreement_version_now ON agreement_version (supplier, sku) WHERE until IS NULL;

-- Closed from closed[n] to last[n], both included; the same day where last[n] is null.
CREATE TABLE calendar_version (
    owner    text NOT NULL CHECK (owner IN ('site', 'supplier')),
    code     text NOT NULL CHECK (code <> ''),
    since    bigint NOT NULL,
    until    bigint CHECK (until > since),
    workdays text NOT NULL,
    removed  boolean NOT NULL,
    closed   date[] NOT NULL,
    last     date[] NOT NULL CHECK (cardinality(last) = cardinality(closed)),
    occasion text[] NOT NULL CHECK (cardinality(occasion) = cardinality(closed)),
    PRIMARY KEY (owner, code, since)
);
CREATE UNIQUE INDEX calendar_version_now ON calendar_version (owner, code) WHERE until IS NULL;

-- An empty site or channel means all.
CREATE TABLE promotion_version (
    code     text NOT NULL CHECK (code <> ''),
    sku      text NOT NULL,
    category text NOT NULL,
    site     text NOT NULL,
    channel  text NOT NULL,
    since    bigint NOT NULL,
    until    bigint CHECK (until > since),
    name     text NOT NULL,
    starts   date NOT NULL,
    ends     date NOT NULL CHECK (ends >= starts),
    uplift   int CHECK (uplift >= 0),
    units    int CHECK (units >= 0),
    removed  boolean NOT NULL,
    PRIMARY KEY (code, sku, category, site, channel, since),
    CHECK ((sku = '') <> (category = '')),
    CHECK (uplift IS NOT NULL OR units IS NOT NULL)
);
CREATE UNIQUE INDEX promotion_version_now ON promotion_version (code, sku, category, site, channel)
    WHERE until IS NULL;

CREATE TABLE contract_version (
    customer  text NOT NULL CHECK (customer <> ''),
    sku       text NOT NULL CHECK (sku <> ''),
    starts    date NOT NULL,
    since     bigint NOT NULL,
    until     bigint CHECK (until > since),
    ends      date NOT NULL CHECK (ends >= starts),
    quantity  int NOT NULL CHECK (quantity >= 0),
    site      text NOT NULL,
    channel   text NOT NULL,
    price     bigint CHECK (price >= 0),
    currency  text NOT NULL CHECK (currency ~ '^([A-Z]{3})?$'),
    reference text NOT NULL,
    removed   boolean NOT NULL,
    PRIMARY KEY (customer, sku, starts, since),
    CHECK (currency <> '' OR price IS NULL)
);
CREATE UNIQUE INDEX contract_version_now ON contract_version (customer, sku, starts)
    WHERE until IS NULL;

-- How a table of another system is read as one of ours; no definition where it was removed.
CREATE TABLE column_mapping (
    name       text NOT NULL CHECK (name <> ''),
    version    int NOT NULL CHECK (version > 0),
    definition jsonb,
    saved_at   timestamptz NOT NULL,
    saved_by   text NOT NULL,
    PRIMARY KEY (name, version)
);
