-- The audit trail: who did what, when and with which outcome. Entries are only ever added, in the
-- transaction of what they tell; each second those that are committed are numbered and chained by
-- hash, so that no writer waits for another.
-- depends: 0028_people

CREATE TABLE audit_entry (
    entry_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    who        text NOT NULL,
    via        text NOT NULL CHECK (via IN ('api', 'cli')),
    origin     text NOT NULL,
    permission text NOT NULL,
    action     text NOT NULL,
    object     text NOT NULL,
    outcome    text NOT NULL
);
CREATE INDEX audit_entry_by_who ON audit_entry (who, entry_id DESC);

CREATE TABLE audit_link (
    seq      bigint PRIMARY KEY CHECK (seq > 0),
    entry_id bigint NOT NULL UNIQUE REFERENCES audit_entry,
    hash     bytea NOT NULL CHECK (octet_length(hash) = 32)
);

-- What waits to be chained. Rows are added by the trigger alone.
CREATE TABLE audit_waiting (entry_id bigint PRIMARY KEY);

CREATE FUNCTION await_audit_link() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$
BEGIN
    INSERT INTO audit_waiting (entry_id) VALUES (NEW.entry_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_entry_waits AFTER INSERT ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION await_audit_link();

CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_link_append_only BEFORE UPDATE OR DELETE ON audit_link
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_link_no_truncate BEFORE TRUNCATE ON audit_link
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

INSERT INTO api_privilege VALUES
    ('audit_entry', 'SELECT, INSERT'), ('audit_link', 'SELECT'), ('audit_waiting', '');
SELECT open_to_api();
