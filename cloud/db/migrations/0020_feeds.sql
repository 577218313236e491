-- Other systems' deliveries: which feeds there are, what came by each as it came, and what became
-- of it. Secrets are not here: they lie in files that only the processes read.
-- depends: 0017_row_security

CREATE TABLE feed (
    feed_id    int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    kind       text NOT NULL CHECK (kind ~ '^[a-z0-9][a-z0-9-]{0,30}$'),
    standing   text NOT NULL CHECK (standing IN ('on', 'off')),
    -- The one site that the feed speaks of; null where its documents name theirs.
    site_id    int REFERENCES site,
    channel    text NOT NULL DEFAULT '',
    partner    text NOT NULL DEFAULT '',
    settings   jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
    -- Something is expected at least so often; null: nobody waits for it.
    interval_s int CHECK (interval_s > 0),
    created_at timestamptz NOT NULL,
    -- Since when it is known to be silent; told once, until something comes again.
    silent_at  timestamptz
);
CREATE INDEX feed_by_site ON feed (site_id);

-- The inbox. Content is kept as it came, and forgotten after a while once it was settled.
CREATE TABLE feed_delivery (
    delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed_id     int NOT NULL REFERENCES feed,
    topic       text NOT NULL DEFAULT '',
    origin      text NOT NULL CHECK (origin IN ('push', 'poll', 'file')),
    -- What the source calls this delivery; the hash of its content where it calls it nothing.
    key         text NOT NULL CHECK (key <> ''),
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    size        int NOT NULL,
    content     bytea,
    received_at timestamptz NOT NULL,
    standing    text NOT NULL CHECK (standing IN
                    ('waiting', 'applied', 'partly', 'stale', 'refused', 'unrouted')),
    -- How often the same came again.
    repeats     int NOT NULL DEFAULT 0,
    attempts    int NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL,
    settled_at  timestamptz,
    documents   int NOT NULL DEFAULT 0,
    error_code  text,
    error_where text NOT NULL DEFAULT '',
    error_says  text NOT NULL DEFAULT '',
    CHECK ((standing = 'waiting') = (settled_at IS NULL)),
    UNIQUE (feed_id, key)
);
CREATE INDEX feed_delivery_waiting ON feed_delivery (feed_id, delivery_id)
    WHERE standing = 'waiting';
CREATE INDEX feed_delivery_unrouted ON feed_delivery (delivery_id) WHERE standing = 'unrouted';
CREATE INDEX feed_delivery_by_feed ON feed_delivery (feed_id, received_at);
CREATE INDEX feed_delivery_wrong ON feed_delivery (feed_id, received_at DESC, delivery_id DESC)
    WHERE error_code IS NOT NULL;
CREATE INDEX feed_delivery_kept ON feed_delivery (settled_at) WHERE content IS NOT NULL;

-- The newest version that came, and that was applied, of each thing a feed speaks of.
CREATE TABLE feed_subject (
    feed_id int NOT NULL REFERENCES feed,
    subject text NOT NULL,
    seen    bigint NOT NULL,
    version bigint NOT NULL DEFAULT -1,
    PRIMARY KEY (feed_id, subject)
);

-- What a feed's own item codes mean; of each code one row is in force.
CREATE TABLE feed_item (
    feed_id     int NOT NULL REFERENCES feed,
    theirs      text NOT NULL CHECK (theirs <> ''),
    since       timestamptz NOT NULL,
    until       timestamptz CHECK (until >= since),
    item_id     int NOT NULL REFERENCES item,
    quantity    int NOT NULL CHECK (quantity BETWEEN 1 AND 10000000),
    -- A person's name, or empty where the feed itself said so in a delivery.
    by_person   text NOT NULL DEFAULT '',
    delivery_id bigint,
    entry       bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (feed_id, theirs, entry)
);
CREATE UNIQUE INDEX feed_item_now ON feed_item (feed_id, theirs) WHERE until IS NULL;

-- When a feed last spoke of an item that must not grow old (class A).
CREATE TABLE feed_mention (
    feed_id int NOT NULL REFERENCES feed,
    item_id int NOT NULL REFERENCES item,
    at      timestamptz NOT NULL,
    told_at timestamptz,
    PRIMARY KEY (feed_id, item_id)
);

-- What reconciliation found: how much was looked at, and what no webhook had brought.
CREATE TABLE feed_poll (
    feed_id    int NOT NULL REFERENCES feed,
    began_at   timestamptz NOT NULL,
    -- Changes up to this moment have been seen.
    until_at   timestamptz,
    looked     int NOT NULL,
    missed     int NOT NULL,
    error      text NOT NULL DEFAULT '',
    PRIMARY KEY (feed_id, began_at)
);

SELECT protect_site_rows('feed');
