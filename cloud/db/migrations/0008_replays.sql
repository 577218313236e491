-- What was tried again from the quarantine, when, by whom, and what came of it. Append-only.
-- depends: 0007_epochs

CREATE TABLE quarantine_replay (
    replay_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    quarantine_id bigint NOT NULL REFERENCES quarantine,
    gateway_id    int,
    epoch         bigint,
    seq           bigint,
    outcome       text NOT NULL CHECK (outcome IN ('applied', 'refused')),
    code          text NOT NULL,
    detail        text NOT NULL,
    replayed_by   text NOT NULL CHECK (replayed_by <> ''),
    replayed_at   timestamptz NOT NULL,
    CHECK ((outcome = 'applied') = (code = ''))
);
CREATE INDEX quarantine_replay_by_quarantine ON quarantine_replay (quarantine_id);
-- What was applied is never applied again, even where an event stands in the quarantine twice.
CREATE UNIQUE INDEX quarantine_released ON quarantine_replay (quarantine_id)
    WHERE outcome = 'applied';
CREATE UNIQUE INDEX quarantine_released_event ON quarantine_replay (gateway_id, epoch, seq)
    WHERE outcome = 'applied' AND seq IS NOT NULL;

CREATE TRIGGER quarantine_replay_append_only BEFORE UPDATE OR DELETE ON quarantine_replay
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER quarantine_replay_no_truncate BEFORE TRUNCATE ON quarantine_replay
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
