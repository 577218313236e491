-- Quota leases: what a site may promise while it cannot ask, what it promised, and what of that was
-- picked. Decisions that gateways took, taken again here, and what people decided instead.
-- depends: 0013_published

-- Granted once, never changed: only recalled (left out of the site's document, so that the gateway
-- gives it back) or taken by force. What the gateway says of it stands in the tables below.
CREATE TABLE lease (
    lease_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code        text NOT NULL UNIQUE CHECK (code <> ''),
    site_id     int NOT NULL REFERENCES site,
    gateway_id  int NOT NULL REFERENCES gateway,
    epoch       int NOT NULL,
    item_id     int NOT NULL REFERENCES item,
    channel     text NOT NULL,
    quantity    int NOT NULL CHECK (quantity > 0),
    granted_at  timestamptz NOT NULL,
    not_after   timestamptz NOT NULL CHECK (not_after > granted_at),
    granted_by  text NOT NULL CHECK (granted_by <> ''),
    recalled_at timestamptz,
    forced_at   timestamptz,
    forced_by   text NOT NULL DEFAULT '',
    forced_why  text NOT NULL DEFAULT '',
    FOREIGN KEY (gateway_id, epoch) REFERENCES gateway_epoch,
    CHECK ((forced_at IS NULL) = (forced_by = '') AND (forced_at IS NULL) = (forced_why = ''))
);
CREATE INDEX lease_by_item ON lease (site_id, item_id);

-- Facts of gateways, in any order: each row is one event, and goes when its event is taken back.
CREATE TABLE lease_commitment (
    event_id    uuid PRIMARY KEY,
    gateway_id  int NOT NULL,
    epoch       int NOT NULL,
    seq         bigint NOT NULL,
    site_id     int NOT NULL,
    item_id     int NOT NULL,
    lease       text NOT NULL,
    document    text NOT NULL,
    quantity    int NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX lease_commitment_by_item ON lease_commitment (site_id, item_id);
CREATE INDEX lease_commitment_by_origin ON lease_commitment (gateway_id, epoch, seq);

CREATE TABLE lease_return (
    event_id    uuid PRIMARY KEY,
    gateway_id  int NOT NULL,
    epoch       int NOT NULL,
    seq         bigint NOT NULL,
    lease       text NOT NULL,
    quantity    int NOT NULL,
    reason      text NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX lease_return_by_lease ON lease_return (lease);
CREATE INDEX lease_return_by_origin ON lease_return (gateway_id, epoch, seq);

-- What left available stock for a document: a commitment to it is fulfilled so far.
CREATE TABLE document_pick (
    event_id   uuid PRIMARY KEY,
    gateway_id int NOT NULL,
    epoch      int NOT NULL,
    seq        bigint NOT NULL,
    site_id    int NOT NULL,
    item_id    int NOT NULL,
    document   text NOT NULL,
    quantity   int NOT NULL
);
CREATE INDEX document_pick_by_item ON document_pick (site_id, item_id, document);
CREATE INDEX document_pick_by_origin ON document_pick (gateway_id, epoch, seq);

-- Scans that were taken back where they were made; which of them were picks is not asked here.
CREATE TABLE undone_scan (
    undone     uuid PRIMARY KEY,
    gateway_id int NOT NULL,
    epoch      int NOT NULL,
    seq        bigint NOT NULL
);
CREATE INDEX undone_scan_by_origin ON undone_scan (gateway_id, epoch, seq);

-- Decisions by arrival. Of those with one key the first counts; the others are its duplicates.
CREATE TABLE decision (
    decision_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id     uuid NOT NULL UNIQUE,
    site_id      int NOT NULL REFERENCES site,
    gateway_id   int NOT NULL REFERENCES gateway,
    epoch        int NOT NULL,
    seq          bigint NOT NULL,
    kind         text NOT NULL,
    subject      text NOT NULL,
    origin       text NOT NULL,
    policy       bigint NOT NULL,
    key          text NOT NULL,
    outcome      text NOT NULL,
    quantity     int NOT NULL,
    carried_out  boolean NOT NULL,
    reasons      text[] NOT NULL,
    alternatives text[] NOT NULL,
    identical    boolean NOT NULL,
    cost         int NOT NULL,
    why          text NOT NULL,
    replayed     text NOT NULL,
    occurred_at  timestamptz NOT NULL,
    received_at  timestamptz NOT NULL
);
CREATE INDEX decision_by_site ON decision (site_id, decision_id DESC);
CREATE INDEX decision_by_key ON decision (site_id, key, decision_id);
CREATE INDEX decision_by_origin ON decision (gateway_id, epoch, seq);

-- What a person decided instead; it may arrive before the decision does.
CREATE TABLE decision_override (
    event_id    uuid PRIMARY KEY,
    decision    uuid NOT NULL,
    gateway_id  int NOT NULL,
    epoch       int NOT NULL,
    seq         bigint NOT NULL,
    outcome     text NOT NULL,
    reason      text NOT NULL,
    person      text NOT NULL,
    occurred_at timestamptz NOT NULL
);
CREATE INDEX decision_override_by_decision ON decision_override (decision);
CREATE INDEX decision_override_by_origin ON decision_override (gateway_id, epoch, seq);
