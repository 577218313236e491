-- The ledger: movements are appended, balances are their fold. No retention: nothing is dropped.
-- depends: 0004_ingest

-- Partitioned by received_at: late and wrong clocks would otherwise scatter one batch over
-- hundreds of chunks. No foreign keys here: each movement's position is also written to balance in
-- the same transaction, and balance has them.
CREATE TABLE movement (
    received_at timestamptz NOT NULL,
    occurred_at timestamptz NOT NULL,
    seq         bigint NOT NULL,
    event_id    uuid NOT NULL,
    gateway_id  int NOT NULL,
    epoch       int NOT NULL,
    site_id     int NOT NULL,
    item_id     int NOT NULL,
    location_id int NOT NULL,
    quantity    int NOT NULL CHECK (quantity <> 0),
    state       smallint NOT NULL,
    kind        smallint NOT NULL,
    leg         smallint NOT NULL,
    clock_state smallint NOT NULL,
    lot         text COLLATE "C" NOT NULL,
    serial      text COLLATE "C" NOT NULL,
    device      text NOT NULL
);
SELECT make_hypertable('movement', 'received_at', interval '7 days');
CREATE INDEX movement_by_item ON movement (item_id, site_id, occurred_at);
CREATE INDEX movement_by_receipt ON movement (received_at);

CREATE TRIGGER movement_append_only BEFORE UPDATE OR DELETE ON movement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER movement_no_truncate BEFORE TRUNCATE ON movement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Room on each page keeps updates beside the row they replace, without touching the index.
CREATE TABLE balance (
    site_id     int NOT NULL REFERENCES site,
    item_id     int NOT NULL REFERENCES item,
    location_id int NOT NULL REFERENCES location,
    state       smallint NOT NULL CHECK (state BETWEEN 0 AND 4),
    lot         text COLLATE "C" NOT NULL,
    serial      text COLLATE "C" NOT NULL,
    quantity    bigint NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (site_id, item_id, location_id, lot, serial, state)
) WITH (fillfactor = 60);
CREATE INDEX balance_by_item ON balance (item_id);

-- Counts wait here until the chain below them is complete; then expected is compared with the fold.
CREATE TABLE count_check (
    gateway_id  int NOT NULL,
    epoch       int NOT NULL,
    seq         bigint NOT NULL,
    site_id     int NOT NULL,
    item_id     int NOT NULL,
    location_id int NOT NULL,
    state       smallint NOT NULL,
    lot         text COLLATE "C" NOT NULL,
    serial      text COLLATE "C" NOT NULL,
    expected    int NOT NULL,
    PRIMARY KEY (gateway_id, epoch, seq)
);
