-- Customers' orders: what each feed said of them, the one order that it makes, who the customers are.
-- depends: 0017_row_security

-- All that identifies a person, and nothing of it anywhere else: orders name the pseudonym.
CREATE TABLE customer (
    pseudonym uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    source    text NOT NULL,
    reference text NOT NULL,
    name      text NOT NULL,
    email     text NOT NULL,
    phone     text NOT NULL,
    street    text NOT NULL,
    city      text NOT NULL,
    postcode  text NOT NULL,
    country   text NOT NULL,
    region    text NOT NULL,
    seen_at   timestamptz NOT NULL,
    erased_at timestamptz,
    UNIQUE (source, reference)
);
CREATE INDEX customer_by_last_seen ON customer (seen_at) WHERE erased_at IS NULL;

-- A function of what was said last and of the cuts. The site is the one asked to ship, or else the
-- only one that did. Of unknown names the meaning is looked for again; `differs` and `unresolved` are what a person
-- has been told. An order that turned out to be another one says which.
CREATE TABLE sales_order (
    order_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    merged_into  bigint REFERENCES sales_order,
    status       text NOT NULL
                 CHECK (status IN ('awaited', 'open', 'part-shipped', 'shipped', 'cancelled',
                                   'merged')),
    numbering    text NOT NULL,
    scope        text NOT NULL,
    number       text NOT NULL,
    channel      text NOT NULL,
    placed_at    timestamptz,
    paid_at      timestamptz,
    cancelled_at timestamptz,
    currency     text NOT NULL,
    site         text NOT NULL,
    site_id      int REFERENCES site,
    segment      text NOT NULL,
    priority     int NOT NULL,
    promotion    text NOT NULL,
    ship_from    date,
    ship_by      date,
    customer     uuid REFERENCES customer,
    ship_to      uuid REFERENCES customer,
    differs      text NOT NULL DEFAULT '',
    unresolved   text NOT NULL DEFAULT '',
    looked_at    timestamptz NOT NULL,
    reminded_at  timestamptz,
    first_at     timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    CHECK ((status = 'merged') = (merged_into IS NOT NULL))
);
CREATE INDEX sales_order_unresolved ON sales_order (looked_at) WHERE unresolved <> '';
CREATE INDEX sales_order_awaited ON sales_order (first_at)
    WHERE status = 'awaited' AND reminded_at IS NULL;
CREATE INDEX sales_order_by_status ON sales_order (status, order_id);
CREATE INDEX sales_order_by_site ON sales_order (site_id, order_id);
CREATE INDEX sales_order_by_change ON sales_order (changed_at);
CREATE INDEX sales_order_by_customer ON sales_order (customer);
CREATE INDEX sales_order_by_ship_to ON sales_order (ship_to);

-- `item` is our SKU, or what the source calls it while the catalog does not know it.
CREATE TABLE sales_line (
    order_id   bigint NOT NULL REFERENCES sales_order,
    item       text COLLATE "C" NOT NULL,
    item_id    int REFERENCES item,
    quantity   bigint NOT NULL CHECK (quantity >= 0),
    cancelled  bigint NOT NULL CHECK (cancelled >= 0),
    shipped    bigint NOT NULL CHECK (shipped >= 0),
    returned   bigint NOT NULL CHECK (returned >= 0),
    amount     bigint,
    wanted     date,
    keeps_days int NOT NULL,
    PRIMARY KEY (order_id, item)
);
CREATE INDEX sales_line_open ON sales_line (item_id) WHERE quantity > cancelled + shipped;
CREATE INDEX sales_line_by_item ON sales_line (item_id, order_id);

-- Goods that left or came back, each unit once.
CREATE TABLE sales_moved (
    order_id  bigint NOT NULL REFERENCES sales_order,
    line      int NOT NULL,
    came_back boolean NOT NULL,
    item      text COLLATE "C" NOT NULL,
    item_id   int REFERENCES item,
    site      text NOT NULL,
    site_id   int REFERENCES site,
    at        timestamptz NOT NULL,
    quantity  bigint NOT NULL CHECK (quantity > 0),
    feed      text NOT NULL,
    number    text NOT NULL,
    PRIMARY KEY (order_id, line)
);
CREATE INDEX sales_moved_by_site ON sales_moved (site_id, order_id);

-- What a feed said, kept for ever; of what it says of one number the newest version is current.
CREATE TABLE sales_statement (
    statement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id     bigint REFERENCES sales_order,
    current      boolean NOT NULL DEFAULT false,
    kind         text NOT NULL CHECK (kind IN ('sales-order', 'fulfilment', 'customer-return')),
    feed         text NOT NULL,
    numbering    text NOT NULL,
    scope        text NOT NULL,
    number       text NOT NULL,
    version      bigint NOT NULL,
    digest       bytea NOT NULL,
    body         text NOT NULL,
    delivery_id  bigint NOT NULL,
    position     int NOT NULL,
    received_at  timestamptz NOT NULL,
    UNIQUE (feed, kind, numbering, scope, number, digest)
);
CREATE INDEX sales_statement_by_order ON sales_statement (order_id, statement_id);

-- The numbers by which a statement belongs to an order, those that join nothing among them; `own`
-- ones are those that its source gave itself.
CREATE TABLE sales_number (
    statement_id bigint NOT NULL REFERENCES sales_statement,
    own          boolean NOT NULL,
    numbering    text NOT NULL,
    scope        text NOT NULL,
    number       text NOT NULL,
    PRIMARY KEY (numbering, scope, number, statement_id)
);

-- Which order a number means: one.
CREATE TABLE sales_reference (
    numbering text NOT NULL,
    scope     text NOT NULL,
    number    text NOT NULL,
    order_id  bigint NOT NULL REFERENCES sales_order,
    PRIMARY KEY (numbering, scope, number)
);
CREATE INDEX sales_reference_by_order ON sales_reference (order_id);
CREATE INDEX sales_reference_by_number ON sales_reference (number);

-- Numbers that join nothing while several orders of one feed quote them and nobody owns them.
CREATE TABLE sales_ambiguous (
    numbering text NOT NULL,
    scope     text NOT NULL,
    number    text NOT NULL,
    since     timestamptz NOT NULL,
    PRIMARY KEY (numbering, scope, number)
);

-- Numbers that a person said join nothing; until somebody lifts that.
CREATE TABLE sales_cut (
    cut_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    numbering text NOT NULL,
    scope     text NOT NULL,
    number    text NOT NULL,
    cut_at    timestamptz NOT NULL,
    cut_by    text NOT NULL CHECK (cut_by <> ''),
    why       text NOT NULL CHECK (why <> ''),
    lifted_at timestamptz,
    lifted_by text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX sales_cut_in_force ON sales_cut (numbering, scope, number)
    WHERE lifted_at IS NULL;

-- What changed in an order, line by line, and what made it change.
CREATE TABLE sales_change (
    change_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id     bigint NOT NULL REFERENCES sales_order,
    statement_id bigint REFERENCES sales_statement,
    at           timestamptz NOT NULL,
    by           text NOT NULL,
    what         text NOT NULL,
    item         text NOT NULL,
    before       text NOT NULL,
    after        text NOT NULL
);
CREATE INDEX sales_change_by_order ON sales_change (order_id, change_id);
CREATE TRIGGER sales_change_append_only BEFORE UPDATE OR DELETE ON sales_change
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sales_change_no_truncate BEFORE TRUNCATE ON sales_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a gateway picked for an order's document is no longer waited for.
CREATE INDEX document_pick_by_document ON document_pick (document, item_id);

SELECT protect_site_rows('sales_order');
SELECT protect_site_rows('sales_moved');
