-- X12 with trading partners: who they are, what came from each interchange by interchange, and what
-- was sent to each until it was acknowledged.
-- depends: 0020_feeds

CREATE TABLE x12_partner (
    partner_id      int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code            text NOT NULL UNIQUE,
    feed_id         int NOT NULL UNIQUE REFERENCES feed,
    -- The pair of addresses (ISA05 to ISA08) as it comes from them.
    their_qualifier text NOT NULL,
    their_id        text NOT NULL,
    our_qualifier   text NOT NULL,
    our_id          text NOT NULL,
    profile         jsonb NOT NULL,
    -- The last numbers given: ISA13 and GS06. The row is held until the commit, so there is no gap.
    interchanges    int NOT NULL DEFAULT 0 CHECK (interchanges BETWEEN 0 AND 999999999),
    groups          int NOT NULL DEFAULT 0 CHECK (groups BETWEEN 0 AND 999999999),
    -- The last ISA13 that came.
    heard           int,
    UNIQUE (their_qualifier, their_id, our_qualifier, our_id)
);

-- What was sent, interchange by interchange; written_at: since when it lies in the partner's folder.
CREATE TABLE x12_sent (
    sent_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner_id int NOT NULL REFERENCES x12_partner,
    control    int NOT NULL,
    content    bytea,
    made_at    timestamptz NOT NULL,
    written_at timestamptz
);
CREATE INDEX x12_sent_unwritten ON x12_sent (sent_id) WHERE written_at IS NULL;
CREATE INDEX x12_sent_kept ON x12_sent (made_at) WHERE content IS NOT NULL;

CREATE TABLE x12_sent_set (
    sent_id       bigint NOT NULL REFERENCES x12_sent,
    position      int NOT NULL,
    partner_id    int NOT NULL REFERENCES x12_partner,
    group_code    text NOT NULL,
    group_control int NOT NULL,
    control       text NOT NULL,
    kind          text NOT NULL,
    -- Our document's number, and the document as it was told.
    reference     text NOT NULL,
    document      jsonb,
    -- Until when a 997 is expected; null: none is.
    due_at        timestamptz,
    told_at       timestamptz,
    answered_at   timestamptz,
    accepted      boolean,
    says          text NOT NULL DEFAULT '',
    PRIMARY KEY (sent_id, position)
);
CREATE INDEX x12_sent_set_due ON x12_sent_set (due_at)
    WHERE answered_at IS NULL AND told_at IS NULL;
CREATE INDEX x12_sent_set_by_number ON x12_sent_set (partner_id, group_control, group_code);
CREATE INDEX x12_sent_set_by_reference ON x12_sent_set (partner_id, reference);

-- What came. Of one number (ISA13) one content counts; the same again is answered, not applied.
CREATE TABLE x12_interchange (
    interchange_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner_id     int NOT NULL REFERENCES x12_partner,
    -- Looked at when the transaction ends: what is only tried out is no delivery yet.
    delivery_id    bigint NOT NULL REFERENCES feed_delivery DEFERRABLE INITIALLY DEFERRED,
    position       int NOT NULL,
    control        text NOT NULL,
    sha256         bytea NOT NULL CHECK (octet_length(sha256) = 32),
    received_at    timestamptz NOT NULL,
    standing       text NOT NULL CHECK (standing IN ('taken', 'refused', 'repeated')),
    -- The code and words of what was wrong with it as a whole.
    code           text,
    says           text NOT NULL DEFAULT '',
    -- What it was answered with: 997 and TA1, told again where it comes again.
    answer         jsonb,
    UNIQUE (delivery_id, position)
);
CREATE INDEX x12_interchange_by_control ON x12_interchange (partner_id, control);

-- Its sets; what was read of those that were taken, until that is forgotten.
CREATE TABLE x12_set (
    interchange_id bigint NOT NULL REFERENCES x12_interchange,
    position       int NOT NULL,
    group_code     text NOT NULL,
    group_control  text NOT NULL,
    control        text NOT NULL,
    kind           text NOT NULL,
    accepted       boolean NOT NULL,
    says           text NOT NULL DEFAULT '',
    documents      jsonb,
    PRIMARY KEY (interchange_id, position)
);

-- A retailer's order as it stands: what its changes (860) are applied to.
CREATE TABLE x12_order (
    partner_id int NOT NULL REFERENCES x12_partner,
    number     text NOT NULL,
    document   jsonb NOT NULL,
    noted_at   timestamptz NOT NULL,
    PRIMARY KEY (partner_id, number)
);
