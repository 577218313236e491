-- What customers were promised, how that changed and why, and what their systems are to be told.
-- depends: 0022_sales 0023_purchases 0025_reservations

-- One row per line of an order, as it was promised last. Days are those of the site that ships;
-- null where nothing is in sight.
CREATE TABLE promise (
    order_id     bigint NOT NULL REFERENCES sales_order,
    item_id      int NOT NULL REFERENCES item,
    site_id      int REFERENCES site,
    number       text COLLATE "C" NOT NULL,
    channel      text NOT NULL,
    state        text NOT NULL CHECK (state IN ('held', 'backordered', 'unsighted', 'closed')),
    quantity     bigint NOT NULL,
    held         bigint NOT NULL,
    rank         int NOT NULL,
    first_day    date,
    last_day     date CHECK (last_day >= first_day),
    because      jsonb NOT NULL,
    alternatives jsonb NOT NULL,
    promised_at  timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    PRIMARY KEY (order_id, item_id)
);
CREATE INDEX promise_open ON promise (item_id) WHERE state <> 'closed';
CREATE INDEX promise_by_number ON promise (number);
CREATE INDEX promise_by_change ON promise (changed_at DESC, order_id DESC, item_id DESC);

CREATE TABLE promise_change (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id  bigint NOT NULL,
    item_id   int NOT NULL,
    at        timestamptz NOT NULL,
    before    text NOT NULL,
    after     text NOT NULL,
    why       text NOT NULL
);
CREATE INDEX promise_change_by_line ON promise_change (order_id, item_id, change_id);
CREATE TRIGGER promise_change_append_only BEFORE UPDATE OR DELETE ON promise_change
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER promise_change_no_truncate BEFORE TRUNCATE ON promise_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a storefront was told last of an item.
CREATE TABLE storefront_window (
    item_id  int PRIMARY KEY REFERENCES item,
    said     text NOT NULL,
    said_at  timestamptz NOT NULL
);

-- What is to be told to others: written with what it tells of, sent after, at least once.
CREATE TABLE promise_message (
    message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('promise.made', 'promise.changed', 'availability')),
    key        text NOT NULL,
    body       jsonb NOT NULL,
    made_at    timestamptz NOT NULL,
    receiver   text NOT NULL,
    tries      int NOT NULL DEFAULT 0,
    due_at     timestamptz,
    sent_at    timestamptz,
    error      text NOT NULL DEFAULT ''
);
CREATE INDEX promise_message_due ON promise_message (due_at) WHERE due_at IS NOT NULL;

-- Up to when changes of orders and purchases have been looked at.
CREATE TABLE promise_state (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    looked_at timestamptz NOT NULL
);
INSERT INTO promise_state (looked_at) VALUES ('-infinity');

CREATE INDEX asn_line_by_lot ON asn_line (item_id, lot) WHERE lot <> '' AND expires IS NOT NULL;
CREATE INDEX purchase_order_by_change ON purchase_order (changed_at);

-- Of what is backordered nobody can say which site it belongs to until one ships it.
SELECT protect_site_rows('promise');
