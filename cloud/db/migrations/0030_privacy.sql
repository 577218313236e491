-- Persons' data: how long each kind is kept, and proof of what was erased.
-- depends: 0029_audit 0022_sales

CREATE TABLE retention (
    kind text PRIMARY KEY CHECK (kind IN ('customers', 'deliveries')),
    days int NOT NULL CHECK (days BETWEEN 1 AND 3650)
);

-- What was erased, of whom only the pseudonym is known, and what of it remained.
CREATE TABLE erasure (
    erasure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pseudonym  uuid NOT NULL REFERENCES customer,
    at         timestamptz NOT NULL,
    why        text NOT NULL CHECK (why <> ''),
    by_whom    text NOT NULL CHECK (by_whom <> ''),
    orders     int NOT NULL,
    deliveries int NOT NULL
);
CREATE TRIGGER erasure_append_only BEFORE UPDATE OR DELETE ON erasure
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER erasure_no_truncate BEFORE TRUNCATE ON erasure
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

INSERT INTO api_privilege VALUES
    ('retention', ''), ('erasure', '');
SELECT open_to_api();
