-- Persons' data: how long each kind is kept, and proof of what was erased. And what gateways sent
-- is seen by those who see their sites.
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

-- For tables without a site, whose rows are a gateway's. What belongs to no gateway that is known is
-- for those who see all.
CREATE FUNCTION protect_gateway_rows(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY rows_of_gateways ON %s USING ((SELECT sees_all_sites())'
                   ' OR gateway_id = ANY (ARRAY(SELECT g.gateway_id FROM gateway AS g)))', relation);
END
$$;
SELECT protect_gateway_rows(relation)
FROM unnest(ARRAY['decision_override', 'enrolment_token', 'gateway_certificate', 'gateway_epoch',
                  'gateway_head', 'gateway_head_witness', 'gateway_key', 'gateway_reported',
                  'lease_return', 'observation', 'quarantine', 'quarantine_replay',
                  'rehomed_segment', 'rehoming', 'reversal', 'segment', 'tombstone',
                  'undone_scan']::regclass[]) AS relation;
