-- Our orders to suppliers, what was said of them, what is under way and what came.
-- What somebody said is kept as it was resolved and never changed; where an order stands is its fold,
-- whatever the order of arrival.
-- depends: 0017_row_security

CREATE SEQUENCE purchase_number;

CREATE TABLE purchase_order (
    purchase_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number      text NOT NULL UNIQUE CHECK (number <> ''),
    site_id     int NOT NULL REFERENCES site,
    supplier_id int NOT NULL REFERENCES supplier,
    keeper      text NOT NULL DEFAULT '',
    version     bigint NOT NULL DEFAULT 0,
    status      text NOT NULL DEFAULT 'open',
    ordered_at  timestamptz NOT NULL,
    currency    text NOT NULL DEFAULT '',
    incoterm    text NOT NULL DEFAULT '',
    lane        text NOT NULL DEFAULT '',
    revision    bigint NOT NULL DEFAULT 0,
    changed_at  timestamptz NOT NULL
);
CREATE INDEX purchase_order_by_supplier ON purchase_order (supplier_id, ordered_at DESC);
CREATE INDEX purchase_order_by_site ON purchase_order (site_id, number);

-- Whatever was said of an order, once: the same again is the same row.
CREATE TABLE purchase_statement (
    statement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind <> ''),
    key          text NOT NULL,
    version      bigint NOT NULL,
    said_at      timestamptz NOT NULL,
    said_by      text NOT NULL,
    supplier     text NOT NULL,
    digest       bytea NOT NULL,
    body         jsonb NOT NULL,
    awaits       text[] NOT NULL,
    brings       text[] NOT NULL,
    feed         text NOT NULL,
    delivery_id  bigint NOT NULL,
    position     int NOT NULL,
    known_at     timestamptz NOT NULL,
    UNIQUE (kind, key, digest)
);
CREATE INDEX purchase_statement_awaits ON purchase_statement USING gin (awaits);
CREATE TRIGGER purchase_statement_append_only BEFORE UPDATE OR DELETE ON purchase_statement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER purchase_statement_no_truncate BEFORE TRUNCATE ON purchase_statement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Which order a statement is of, once that is known; a carrier's may be of several.
CREATE TABLE purchase_placing (
    purchase_id  bigint NOT NULL REFERENCES purchase_order,
    statement_id bigint NOT NULL REFERENCES purchase_statement,
    PRIMARY KEY (purchase_id, statement_id)
);
CREATE INDEX purchase_placing_by_statement ON purchase_placing (statement_id);

-- The numbers under which others speak of an order.
CREATE TABLE purchase_alias (
    alias       text NOT NULL,
    purchase_id bigint NOT NULL REFERENCES purchase_order,
    PRIMARY KEY (alias, purchase_id)
);

-- Goods that a gateway took in against a document; a row goes when its event is taken back.
CREATE TABLE purchase_arrival (
    event_id    uuid PRIMARY KEY,
    gateway_id  int NOT NULL,
    epoch       int NOT NULL,
    seq         bigint NOT NULL,
    site_id     int NOT NULL REFERENCES site,
    item_id     int NOT NULL REFERENCES item,
    document    text NOT NULL,
    quantity    int NOT NULL,
    damaged     boolean NOT NULL,
    lot         text NOT NULL,
    sscc        text NOT NULL,
    occurred_at timestamptz NOT NULL,
    known_at    timestamptz NOT NULL,
    purchase_id bigint REFERENCES purchase_order
);
CREATE INDEX purchase_arrival_by_order ON purchase_arrival (purchase_id);
CREATE INDEX purchase_arrival_by_document ON purchase_arrival (document) WHERE purchase_id IS NULL;
CREATE INDEX purchase_arrival_by_origin ON purchase_arrival (gateway_id, epoch, seq);

-- What follows is the fold, written again with each statement.
CREATE TABLE purchase_line (
    purchase_id   bigint NOT NULL REFERENCES purchase_order,
    number        text NOT NULL,
    site_id       int NOT NULL REFERENCES site,
    item_id       int NOT NULL REFERENCES item,
    ordered       bigint NOT NULL,
    price         bigint,
    per           int NOT NULL CHECK (per > 0),
    wanted        date,
    confirmed     bigint NOT NULL,
    backordered   bigint NOT NULL,
    rejected      bigint NOT NULL,
    confirmed_price bigint,
    confirmed_per int NOT NULL CHECK (confirmed_per > 0),
    ship_day      date,
    deliver_day   date,
    promised_day  date,
    shipped       bigint NOT NULL,
    received      bigint NOT NULL,
    damaged       bigint NOT NULL,
    invoiced      bigint NOT NULL,
    invoiced_minor bigint NOT NULL,
    cancelled     bigint NOT NULL,
    open          bigint NOT NULL,
    coming        bigint NOT NULL,
    status        text NOT NULL,
    closed_by     text NOT NULL,
    closed_why    text NOT NULL,
    first_receipt timestamptz,
    last_receipt  timestamptz,
    PRIMARY KEY (purchase_id, number),
    CHECK (open >= 0 AND cancelled >= 0 AND open + cancelled + received >= ordered)
);
CREATE INDEX purchase_line_coming ON purchase_line (item_id, site_id) WHERE coming > 0;

CREATE TABLE asn (
    purchase_id bigint NOT NULL REFERENCES purchase_order,
    scope       text NOT NULL,
    number      text NOT NULL,
    site_id     int NOT NULL REFERENCES site,
    status      text NOT NULL CHECK (status IN ('under-way', 'delivered', 'received', 'cancelled')),
    shipped_at  timestamptz NOT NULL,
    eta         timestamptz,
    eta_by      text NOT NULL,
    carrier     text NOT NULL,
    trouble     text NOT NULL,
    PRIMARY KEY (purchase_id, scope, number)
);
CREATE INDEX asn_by_site ON asn (site_id, number);

CREATE TABLE asn_line (
    purchase_id bigint NOT NULL,
    scope       text NOT NULL,
    shipment    text NOT NULL,
    position    int NOT NULL,
    number      text NOT NULL,
    line        text NOT NULL,
    site_id     int NOT NULL REFERENCES site,
    item_id     int NOT NULL REFERENCES item,
    quantity    bigint NOT NULL,
    received    bigint NOT NULL,
    lot         text NOT NULL,
    serial      text NOT NULL,
    expires     date,
    sscc        text NOT NULL,
    PRIMARY KEY (purchase_id, scope, shipment, position),
    FOREIGN KEY (purchase_id, scope, shipment) REFERENCES asn ON DELETE CASCADE
);

CREATE TABLE asn_package (
    purchase_id bigint NOT NULL,
    scope       text NOT NULL,
    shipment    text NOT NULL,
    sscc        text NOT NULL,
    stands_on   text NOT NULL,
    site_id     int NOT NULL REFERENCES site,
    PRIMARY KEY (purchase_id, scope, shipment, sscc),
    FOREIGN KEY (purchase_id, scope, shipment) REFERENCES asn ON DELETE CASCADE
);

CREATE TABLE purchase_receipt (
    purchase_id bigint NOT NULL REFERENCES purchase_order,
    position    int NOT NULL,
    source      text NOT NULL,
    line        text NOT NULL,
    shipment    text NOT NULL,
    site_id     int NOT NULL REFERENCES site,
    item_id     int NOT NULL REFERENCES item,
    quantity    bigint NOT NULL,
    damaged     boolean NOT NULL,
    counts      boolean NOT NULL,
    lot         text NOT NULL,
    sscc        text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (purchase_id, position)
);

-- What did not agree, with both sides; one that ended keeps its row.
CREATE TABLE purchase_discrepancy (
    discrepancy_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    purchase_id bigint NOT NULL REFERENCES purchase_order,
    site_id     int NOT NULL REFERENCES site,
    kind        text NOT NULL,
    line        text NOT NULL,
    shipment    text NOT NULL,
    item        text NOT NULL,
    ours        text NOT NULL,
    theirs      text NOT NULL,
    quantity    bigint NOT NULL,
    opened_at   timestamptz NOT NULL,
    closed_at   timestamptz
);
CREATE UNIQUE INDEX purchase_discrepancy_open
    ON purchase_discrepancy (purchase_id, kind, line, shipment, item) WHERE closed_at IS NULL;
CREATE INDEX purchase_discrepancy_by_site ON purchase_discrepancy (site_id, discrepancy_id);

-- How an order came to stand as it does, in the order in which we learnt it.
CREATE TABLE purchase_change (
    change_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    purchase_id bigint NOT NULL REFERENCES purchase_order,
    line        text NOT NULL,
    what        text NOT NULL,
    before      text NOT NULL,
    after       text NOT NULL,
    said_by     text NOT NULL,
    why         text NOT NULL,
    revision    bigint NOT NULL,
    known_at    timestamptz NOT NULL
);
CREATE INDEX purchase_change_by_order ON purchase_change (purchase_id, change_id);
CREATE TRIGGER purchase_change_append_only BEFORE UPDATE OR DELETE ON purchase_change
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER purchase_change_no_truncate BEFORE TRUNCATE ON purchase_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What was learnt of how long things take; learnt again from the orders, from time to time.
CREATE TABLE lead_time (
    supplier   text NOT NULL,
    lane       text NOT NULL,
    item_class text NOT NULL,
    clock      text NOT NULL CHECK (clock IN ('ordered', 'promised', 'eta')),
    days       int[] NOT NULL CHECK (cardinality(days) > 0),
    survival   float8[] NOT NULL CHECK (cardinality(survival) = cardinality(days)),
    observed   float8 NOT NULL,
    open       float8 NOT NULL,
    learnt_at  timestamptz NOT NULL,
    PRIMARY KEY (supplier, lane, item_class, clock)
);

-- What a caller asked for under one key, so that asking twice is asking once.
CREATE TABLE purchase_request (
    caller       text NOT NULL,
    request      text NOT NULL,
    digest       bytea NOT NULL,
    number       text NOT NULL,
    asked_at     timestamptz NOT NULL,
    PRIMARY KEY (caller, request)
);

SELECT protect_site_rows(relation)
FROM unnest(ARRAY['purchase_order', 'purchase_arrival', 'purchase_line', 'asn', 'asn_line',
                  'asn_package', 'purchase_receipt', 'purchase_discrepancy']::regclass[])
     AS relation;
