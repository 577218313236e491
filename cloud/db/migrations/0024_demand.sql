-- Demand per item, site, channel and day: what orders, shipments and sales make it, as it is known
-- now and as it was known before; and when there was nothing to sell.
-- depends: 0018_planning 0022_sales

-- What was sold, as feeds report it, each version kept: of one reference the greatest counts.
-- `orders` are the customers' orders that it settles, as numbering, scope and number.
CREATE TABLE demand_sale (
    sale_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    numbering   text NOT NULL,
    scope       text NOT NULL,
    number      text NOT NULL,
    version     bigint NOT NULL,
    digest      bytea NOT NULL,
    feed        text NOT NULL,
    body        text NOT NULL,
    orders      text[] NOT NULL,
    delivery_id bigint NOT NULL,
    position    int NOT NULL,
    received_at timestamptz NOT NULL,
    unresolved  text NOT NULL DEFAULT '',
    looked_at   timestamptz,
    UNIQUE (numbering, scope, number, digest)
);
CREATE INDEX demand_sale_by_order ON demand_sale USING gin (orders) WHERE orders <> '{}';
CREATE INDEX demand_sale_unresolved ON demand_sale (looked_at) WHERE unresolved <> '';
CREATE INDEX demand_sale_waiting_for ON demand_sale (feed, unresolved) WHERE unresolved <> '';

-- Orders and sales that have to be looked at again; appended to, never updated, so that nobody who
-- reports a change waits for the one who works it off.
CREATE TABLE demand_touched (
    touch_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source    text NOT NULL CHECK (source IN ('order', 'sale')),
    source_id bigint NOT NULL
);

-- The moments at which something was learnt ascend, whatever clocks say.
CREATE TABLE demand_state (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    known_at        timestamptz NOT NULL DEFAULT '-infinity',
    movements_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO demand_state DEFAULT VALUES;

-- What one order or sale contributes, from when until when that was known.
CREATE TABLE demand_part (
    part_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source    text NOT NULL,
    source_id bigint NOT NULL,
    item_id   int NOT NULL REFERENCES item,
    site_id   int REFERENCES site,
    channel   text NOT NULL,
    day       date NOT NULL,
    measure   text NOT NULL
              CHECK (measure IN ('ordered', 'cancelled', 'shipped', 'sold', 'returned')),
    quantity  bigint NOT NULL CHECK (quantity > 0),
    promotion text NOT NULL,
    estimated boolean NOT NULL,
    known_at  timestamptz NOT NULL,
    until     timestamptz CHECK (until > known_at)
);
CREATE INDEX demand_part_by_source ON demand_part (source, source_id) WHERE until IS NULL;
CREATE INDEX demand_part_by_day ON demand_part (item_id, day, site_id, channel);

-- A day's demand in its versions: of those known at a moment the last one counts.
CREATE TABLE demand (
    item_id   int NOT NULL,
    site_id   int,
    channel   text COLLATE "C" NOT NULL,
    day       date NOT NULL,
    known_at  timestamptz NOT NULL,
    ordered   bigint NOT NULL,
    cancelled bigint NOT NULL,
    shipped   bigint NOT NULL,
    sold      bigint NOT NULL,
    returned  bigint NOT NULL,
    promotion text NOT NULL,
    estimated boolean NOT NULL
);
SELECT make_hypertable('demand', 'day', interval '91 days');
CREATE INDEX demand_by_item ON demand (item_id, site_id, day, channel, known_at DESC);
CREATE INDEX demand_by_day ON demand (day, item_id);
CREATE TRIGGER demand_append_only BEFORE UPDATE OR DELETE ON demand
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER demand_no_truncate BEFORE TRUNCATE ON demand
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- When nothing was available: by the ledger, or as a counter said. Open-ended while it lasts.
CREATE TABLE stockout (
    stockout_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      text NOT NULL CHECK (source IN ('ledger', 'sale')),
    source_id   bigint NOT NULL,
    item_id     int NOT NULL REFERENCES item,
    site_id     int NOT NULL REFERENCES site,
    began       timestamptz NOT NULL,
    ended       timestamptz CHECK (ended > began),
    known_at    timestamptz NOT NULL,
    until       timestamptz CHECK (until > known_at)
);
CREATE INDEX stockout_by_item ON stockout (item_id, site_id, began);
CREATE INDEX stockout_by_source ON stockout (source, source_id) WHERE until IS NULL;

SELECT protect_site_rows('demand_part');
SELECT protect_site_rows('demand');
SELECT protect_site_rows('stockout');
