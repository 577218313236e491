-- What gateways sent: segments as evidence, the verified heads, what was set aside and why.
-- depends: 0003_gateways

CREATE TABLE exception (
    exception_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code         text NOT NULL,
    subject      text NOT NULL,
    site_id      int REFERENCES site,
    detail       text NOT NULL,
    times        bigint NOT NULL DEFAULT 1,
    raised_at    timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    closed_at    timestamptz
);
-- What is still open is raised once and counted.
CREATE UNIQUE INDEX exception_open ON exception (code, subject) WHERE closed_at IS NULL;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- The segment is the unit of de-duplication and the evidence. Same range and hash: a duplicate;
-- any other overlap: a fork. The body is kept as it came, because the signature is over its bytes.
CREATE TABLE segment (
    gateway_id  int NOT NULL REFERENCES gateway,
    epoch       int NOT NULL,
    first_seq   bigint NOT NULL CHECK (first_seq > 0),
    last_seq    bigint NOT NULL CHECK (last_seq >= first_seq),
    seqs        int8range NOT NULL GENERATED ALWAYS AS (int8range(first_seq, last_seq, '[]')) STORED,
    prev_hash   bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
    last_hash   bytea NOT NULL CHECK (octet_length(last_hash) = 32),
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    received_at timestamptz NOT NULL,
    body        bytea NOT NULL,
    PRIMARY KEY (gateway_id, epoch, first_seq),
    FOREIGN KEY (gateway_id, epoch) REFERENCES gateway_epoch,
    CONSTRAINT segment_overlap EXCLUDE USING gist (gateway_id WITH =, epoch WITH =, seqs WITH &&)
);
-- lz4 halves a body at no measurable cost; where the server was built without it, pglz would cost
-- more than all the rest of storing a segment, so the body stays as it is.
DO $$
BEGIN
    ALTER TABLE segment ALTER COLUMN body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN
    ALTER TABLE segment ALTER COLUMN body SET STORAGE EXTERNAL;
END
$$;

CREATE TRIGGER segment_append_only BEFORE UPDATE OR DELETE ON segment
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER segment_no_truncate BEFORE TRUNCATE ON segment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A scan counts once, whichever gateway it reached. Uniqueness lives in a plain table: a unique
-- index on a hypertable would have to include the time.
CREATE TABLE event_id (
    id         uuid PRIMARY KEY,
    gateway_id int NOT NULL,
    epoch      int NOT NULL,
    seq        bigint NOT NULL
);

-- The verified chain of each epoch. Its row lock orders the advances of all workers.
CREATE TABLE gateway_head (
    gateway_id     int NOT NULL,
    epoch          int NOT NULL,
    contiguous_seq bigint NOT NULL DEFAULT 0,
    head_hash      bytea NOT NULL CHECK (octet_length(head_hash) = 32),
    advanced_at    timestamptz NOT NULL,
    frozen_at      timestamptz,
    PRIMARY KEY (gateway_id, epoch),
    FOREIGN KEY (gateway_id, epoch) REFERENCES gateway_epoch
);

-- What verifies but cannot be applied, or cannot be verified. Bodies up to a quota per gateway.
CREATE TABLE quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway       text NOT NULL,
    gateway_id    int REFERENCES gateway,
    whole_segment boolean NOT NULL,
    epoch         bigint,
    first_seq     bigint,
    last_seq      bigint,
    code          text NOT NULL,
    detail        text NOT NULL,
    sha256        bytea NOT NULL CHECK (octet_length(sha256) = 32),
    size          int NOT NULL,
    body          bytea,
    times         bigint NOT NULL DEFAULT 1,
    received_at   timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    UNIQUE (gateway, sha256, code)
);
CREATE INDEX quarantine_by_gateway_id ON quarantine (gateway_id);

-- received = applied + duplicate + quarantined, in segments and in events. One row per worker:
-- workers never wait for each other's counts.
CREATE TABLE ingest_tally (
    worker               text NOT NULL,
    gateway              text NOT NULL,
    segments_received    bigint NOT NULL,
    segments_applied     bigint NOT NULL,
    segments_duplicate   bigint NOT NULL,
    segments_quarantined bigint NOT NULL,
    events_received      bigint NOT NULL,
    events_applied       bigint NOT NULL,
    events_quarantined   bigint NOT NULL,
    PRIMARY KEY (worker, gateway)
);

-- Facts that move no stock: codes seen, sensors, health, decisions.
CREATE TABLE observation (
    received_at timestamptz NOT NULL,
    occurred_at timestamptz NOT NULL,
    seq         bigint NOT NULL,
    event_id    uuid NOT NULL,
    gateway_id  int NOT NULL,
    epoch       int NOT NULL,
    kind        smallint NOT NULL,
    clock_state smallint NOT NULL,
    device      text NOT NULL,
    data        jsonb NOT NULL
);
SELECT make_hypertable('observation', 'received_at', interval '7 days');
CREATE INDEX observation_by_gateway ON observation (gateway_id, kind, received_at DESC);
