-- Stock in full: movements that no gateway states, goods on their way, what is on which pallet, and
-- snapshots that keep any past moment near.
-- depends: 0017_row_security

-- What moves stock beside gateways: another system's document, a person's correction, the course of
-- a consignment. Its movements have gateway 0, epoch 0 and its number as their seq, so that what a
-- gateway states costs nothing more. The same statement again has the same key and moves nothing;
-- `reverses` says the contrary of an earlier one. Append-only.
CREATE TABLE posting (
    posting_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key         text NOT NULL UNIQUE CHECK (key <> ''),
    source      text NOT NULL CHECK (source IN ('document', 'person', 'transit')),
    what        text NOT NULL CHECK (what <> ''),
    site_id     int NOT NULL REFERENCES site,
    reference   text NOT NULL,
    feed        text NOT NULL DEFAULT '',
    delivery_id bigint,
    position    int,
    person      text NOT NULL DEFAULT '',
    reason      text NOT NULL,
    stated      bytea NOT NULL CHECK (octet_length(stated) = 32),
    reverses    bigint UNIQUE REFERENCES posting,
    movements   int NOT NULL,
    occurred_at timestamptz NOT NULL,
    posted_at   timestamptz NOT NULL
);
CREATE INDEX posting_by_site ON posting (site_id, posting_id DESC);
CREATE INDEX posting_by_delivery ON posting (feed, delivery_id);

CREATE TRIGGER posting_append_only BEFORE UPDATE OR DELETE ON posting
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER posting_no_truncate BEFORE TRUNCATE ON posting
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a warehouse without a gateway last said of an item: an older word changes nothing, and a
-- movement that is told after it, but happened before, was already in it.
CREATE TABLE stated_stock (
    site_id    int NOT NULL REFERENCES site,
    item_id    int NOT NULL REFERENCES item,
    state      smallint NOT NULL,
    at         timestamptz NOT NULL,
    posting_id bigint NOT NULL REFERENCES posting,
    PRIMARY KEY (site_id, item_id, state)
);
CREATE TABLE stated_whole (
    site_id    int PRIMARY KEY REFERENCES site,
    at         timestamptz NOT NULL,
    posting_id bigint NOT NULL REFERENCES posting
);

-- Goods on their way to a site: a transfer's dispatch, or a supplier's notice. What of a line has
-- not arrived yet stands in transit at that site.
CREATE TABLE consignment (
    consignment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind           text NOT NULL CHECK (kind IN ('transfer', 'purchase')),
    scope          text NOT NULL,
    reference      text NOT NULL CHECK (reference <> ''),
    -- Other numbers under which it may arrive: the purchase order's, the transfer's.
    aliases        text[] NOT NULL DEFAULT '{}',
    from_site_id   int REFERENCES site,
    site_id        int NOT NULL REFERENCES site,
    shipped_at     timestamptz NOT NULL,
    eta            timestamptz,
    carrier        text NOT NULL DEFAULT '',
    opened_at      timestamptz NOT NULL,
    -- Since when it is known that it should have arrived; told once.
    overdue_at     timestamptz,
    closed_at      timestamptz,
    closed_by      text NOT NULL DEFAULT '',
    closed_why     text NOT NULL DEFAULT '',
    UNIQUE (kind, scope, reference),
    CHECK ((kind = 'transfer') = (from_site_id IS NOT NULL)),
    CHECK ((closed_at IS NULL) = (closed_why = ''))
);
CREATE INDEX consignment_open ON consignment (site_id, reference) WHERE closed_at IS NULL;

CREATE TABLE consignment_line (
    consignment_id bigint NOT NULL REFERENCES consignment,
    line           int NOT NULL,
    item_id        int NOT NULL REFERENCES item,
    lot            text COLLATE "C" NOT NULL,
    serial         text COLLATE "C" NOT NULL,
    sscc           text NOT NULL,
    dispatched     int NOT NULL CHECK (dispatched >= 0),
    arrived        int NOT NULL DEFAULT 0 CHECK (arrived >= 0),
    lost           int NOT NULL DEFAULT 0 CHECK (lost >= 0),
    PRIMARY KEY (consignment_id, line),
    CHECK (arrived + lost <= dispatched)
);
CREATE INDEX consignment_line_by_item ON consignment_line (item_id);

-- Which event or document told of a departure or an arrival, so that it counts once and can be taken
-- back; the rows of one key are the lines that it went to.
CREATE TABLE consignment_event (
    key            text NOT NULL CHECK (key <> ''),
    consignment_id bigint NOT NULL REFERENCES consignment,
    line           int NOT NULL,
    departed       int NOT NULL DEFAULT 0,
    arrived        int NOT NULL DEFAULT 0,
    event_id       uuid,
    gateway_id     int NOT NULL DEFAULT 0,
    epoch          int NOT NULL DEFAULT 0,
    seq            bigint NOT NULL DEFAULT 0,
    posting_id     bigint NOT NULL REFERENCES posting,
    taken_back     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (key, consignment_id, line)
);
CREATE INDEX consignment_event_by_event ON consignment_event (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX consignment_event_by_origin ON consignment_event (gateway_id, epoch, seq);

-- What is known of a logistic unit (SSCC): what was announced, packed or received in it, where it
-- went, and what of that was taken back. What it holds at any moment is a fold of this. Append-only.
CREATE TABLE unit_fact (
    unit_fact_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key          text COLLATE "C" NOT NULL UNIQUE CHECK (key <> ''),
    sscc         text NOT NULL CHECK (sscc ~ '^[0-9]{18}$'),
    what         text NOT NULL
                 CHECK (what IN ('announced', 'packed', 'unpacked', 'received', 'moved', 'shipped',
                                 'taken-back')),
    takes_back   bigint REFERENCES unit_fact CHECK ((takes_back IS NULL) = (what <> 'taken-back')),
    inside       text NOT NULL DEFAULT '' CHECK (inside ~ '^([0-9]{18})?$'),
    item_id      int REFERENCES item,
    lot          text COLLATE "C" NOT NULL DEFAULT '',
    serial       text COLLATE "C" NOT NULL DEFAULT '',
    quantity     int NOT NULL CHECK (quantity >= 0),
    site_id      int NOT NULL REFERENCES site,
    location     text NOT NULL DEFAULT '',
    event_id     uuid,
    gateway_id   int NOT NULL DEFAULT 0,
    epoch        int NOT NULL DEFAULT 0,
    seq          bigint NOT NULL DEFAULT 0,
    occurred_at  timestamptz NOT NULL,
    received_at  timestamptz NOT NULL
);
CREATE INDEX unit_fact_by_unit ON unit_fact (sscc, occurred_at);
CREATE INDEX unit_fact_by_event ON unit_fact (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX unit_fact_by_origin ON unit_fact (gateway_id, epoch, seq);
CREATE INDEX unit_fact_by_receipt ON unit_fact (received_at);
CREATE INDEX unit_fact_by_child ON unit_fact (inside) WHERE inside <> '';

CREATE TRIGGER unit_fact_append_only BEFORE UPDATE OR DELETE ON unit_fact
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER unit_fact_no_truncate BEFORE TRUNCATE ON unit_fact
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Snapshots: what was known when a week began. A position has a row where it moved in the week
-- before. Movements with a snapshot between when they were true and when they were known are
-- repeated, so that a past moment needs the movements of one week, and these few. All of this is
-- made of the movements and can be made again.
CREATE TABLE snapshot (
    at      timestamptz PRIMARY KEY,
    made_at timestamptz NOT NULL
);
CREATE TABLE snapshot_balance (
    item_id     int NOT NULL,
    site_id     int NOT NULL,
    location_id int NOT NULL,
    state       smallint NOT NULL,
    at          timestamptz NOT NULL,
    quantity    bigint NOT NULL,
    lot         text COLLATE "C" NOT NULL,
    serial      text COLLATE "C" NOT NULL,
    -- The quantity beside the key: a past moment is read from the index alone.
    PRIMARY KEY (item_id, site_id, location_id, lot, serial, state, at) INCLUDE (quantity)
);
CREATE TABLE snapshot_astray (
    item_id     int NOT NULL,
    site_id     int NOT NULL,
    location_id int NOT NULL,
    quantity    int NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    state       smallint NOT NULL,
    lot         text COLLATE "C" NOT NULL,
    serial      text COLLATE "C" NOT NULL
);
CREATE INDEX snapshot_astray_by_item ON snapshot_astray (item_id, site_id);

SELECT protect_site_rows(relation)
FROM unnest(ARRAY['posting', 'stated_stock', 'stated_whole', 'consignment', 'unit_fact',
                  'snapshot_balance', 'snapshot_astray']::regclass[]) AS relation;
