-- What was applied before its link was verified, and did not link, is taken back; what a person
-- decides to take over of it; and who closed a case, and why.
-- depends: 0010_generation

-- Both ends of the link that broke, in words: everybody who is refused hears them.
ALTER TABLE gateway_head ADD COLUMN frozen_why text NOT NULL DEFAULT '';
UPDATE gateway_head SET frozen_why = 'epoch ' || epoch || ': the case of its day names both ends'
WHERE frozen_at IS NOT NULL;

-- One row per segment whose events are taken back: the ends that do not link (the verified head, and
-- what the first segment above it starts from instead), and what stood in the ledger. Append-only.
CREATE TABLE reversal (
    gateway_id  int NOT NULL,
    epoch       int NOT NULL,
    first_seq   bigint NOT NULL,
    last_seq    bigint NOT NULL CHECK (last_seq >= first_seq),
    code        text NOT NULL,
    detail      text NOT NULL,
    head_seq    bigint NOT NULL CHECK (head_seq < first_seq),
    head_hash   bytea NOT NULL CHECK (octet_length(head_hash) = 32),
    other_seq   bigint NOT NULL CHECK (other_seq > head_seq),
    other_hash  bytea NOT NULL CHECK (octet_length(other_hash) = 32),
    events      int NOT NULL,
    movements   int NOT NULL,
    reversed_at timestamptz NOT NULL,
    PRIMARY KEY (gateway_id, epoch, first_seq),
    FOREIGN KEY (gateway_id, epoch) REFERENCES gateway_head
);
CREATE INDEX reversal_by_age ON reversal (reversed_at);

CREATE TRIGGER reversal_append_only BEFORE UPDATE OR DELETE ON reversal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER reversal_no_truncate BEFORE TRUNCATE ON reversal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A movement that says the contrary of an earlier one of the same event: true at the same moment,
-- known since the reversal.
ALTER TABLE movement ADD COLUMN reversal boolean NOT NULL DEFAULT false;

-- Scans that a person took over from a history that is not in force, under an epoch of the cloud's
-- own: a thousand million and more, so that no gateway ever works in one. Append-only.
CREATE TABLE rehoming (
    gateway_id int NOT NULL REFERENCES gateway,
    epoch      int NOT NULL CHECK (epoch >= 1000000000),
    from_epoch int NOT NULL,
    histories  text[] NOT NULL,
    events     bigint NOT NULL CHECK (events > 0),
    reason     text NOT NULL CHECK (reason <> ''),
    decided_by text NOT NULL CHECK (decided_by <> ''),
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (gateway_id, epoch),
    FOREIGN KEY (gateway_id, from_epoch) REFERENCES gateway_epoch
);

-- The evidence: the signed segment as it came, and which of its sequence numbers were taken over.
-- They are numbered from first_seq on, in this order.
CREATE TABLE rehomed_segment (
    gateway_id int NOT NULL,
    epoch      int NOT NULL,
    first_seq  bigint NOT NULL CHECK (first_seq > 0),
    from_seqs  bigint[] NOT NULL CHECK (cardinality(from_seqs) > 0),
    sha256     bytea NOT NULL CHECK (octet_length(sha256) = 32),
    body       bytea NOT NULL,
    PRIMARY KEY (gateway_id, epoch, first_seq),
    FOREIGN KEY (gateway_id, epoch) REFERENCES rehoming
);

CREATE TRIGGER rehoming_append_only BEFORE UPDATE OR DELETE ON rehoming
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rehoming_no_truncate BEFORE TRUNCATE ON rehoming
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rehomed_segment_append_only BEFORE UPDATE OR DELETE ON rehomed_segment
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rehomed_segment_no_truncate BEFORE TRUNCATE ON rehomed_segment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A case is closed once, by somebody, for a reason, and stays as it was closed; what happens again
-- opens a new one.
ALTER TABLE exception
    ADD COLUMN closed_by     text,
    ADD COLUMN closed_reason text;
UPDATE exception SET closed_by = 'unknown', closed_reason = 'closed before reasons were kept'
WHERE closed_at IS NOT NULL;
ALTER TABLE exception
    ADD CONSTRAINT exception_closed CHECK (
        closed_at IS NULL AND closed_by IS NULL AND closed_reason IS NULL
        OR closed_at IS NOT NULL AND closed_by <> '' AND closed_reason <> '');

CREATE FUNCTION refuse_change_of_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.closed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a closed case is not changed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER exception_stays_closed BEFORE UPDATE ON exception
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_closed();
CREATE TRIGGER exception_kept BEFORE DELETE ON exception
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER exception_no_truncate BEFORE TRUNCATE ON exception
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
