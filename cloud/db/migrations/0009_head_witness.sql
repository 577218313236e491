-- The countersigned heads: what the cloud said it had of each gateway, day by day. The gateway keeps
-- the same message, so that neither side can change its history alone. Append-only.
-- depends: 0008_replays

CREATE TABLE gateway_head_witness (
    witness_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway_id int NOT NULL REFERENCES gateway,
    day        date NOT NULL,
    generation bigint NOT NULL,
    epoch      int NOT NULL,
    seq        bigint NOT NULL CHECK (seq > 0),
    head_hash  bytea NOT NULL CHECK (octet_length(head_hash) = 32),
    message    bytea NOT NULL,
    signed_at  timestamptz NOT NULL,
    UNIQUE (gateway_id, day, generation, epoch, seq)
);

CREATE TRIGGER gateway_head_witness_append_only BEFORE UPDATE OR DELETE ON gateway_head_witness
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER gateway_head_witness_no_truncate BEFORE TRUNCATE ON gateway_head_witness
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
