-- What a gateway says of the numbers of its earlier epochs that never arrive: lost, or carried on
-- into a later epoch. The key is the event that says so. Append-only.
-- depends: 0010_generation

CREATE TABLE tombstone (
    gateway_id   int NOT NULL REFERENCES gateway,
    stated_epoch int NOT NULL,
    stated_seq   bigint NOT NULL,
    epoch        int NOT NULL CHECK (epoch >= 0 AND epoch < stated_epoch),
    first_seq    bigint NOT NULL CHECK (first_seq > 0),
    last_seq     bigint CHECK (last_seq >= first_seq),
    outcome      text NOT NULL CHECK (outcome IN ('lost', 'carried')),
    reason       text NOT NULL,
    detail       text NOT NULL,
    stated_at    timestamptz NOT NULL,
    PRIMARY KEY (gateway_id, stated_epoch, stated_seq)
);
CREATE INDEX tombstone_by_epoch ON tombstone (gateway_id, epoch, first_seq);

CREATE TRIGGER tombstone_append_only BEFORE UPDATE OR DELETE ON tombstone
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tombstone_no_truncate BEFORE TRUNCATE ON tombstone
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
