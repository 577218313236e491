-- People who sign in to the cloud, what they may do where, and their sessions.
-- depends: 0017_row_security

-- A person is a pseudonym everywhere else; name and account stand here alone, and can be taken out.
CREATE TABLE person (
    person_id   text PRIMARY KEY CHECK (person_id ~ '^p-[0-9a-f]{16}$'),
    account     text UNIQUE CHECK (account ~ '^[a-z0-9._@+-]{1,100}$'),
    name        text NOT NULL CHECK (length(name) <= 100),
    secret      text CHECK (secret LIKE '$argon2id$%'),
    issuer      text,
    subject     text,
    made_at     timestamptz NOT NULL,
    disabled_at timestamptz,
    UNIQUE (issuer, subject),
    CHECK ((issuer IS NULL) = (subject IS NULL))
);

-- A role holds at one site, or, where none is named, at all of them.
CREATE TABLE person_grant (
    person_id text NOT NULL REFERENCES person,
    role      text NOT NULL CHECK (role IN ('scanner', 'operator', 'planner', 'buyer', 'admin')),
    site_id   int REFERENCES site,
    UNIQUE NULLS NOT DISTINCT (person_id, role, site_id)
);
SELECT protect_site_rows('person_grant');

-- Of a refresh secret only the hash; of the one before it, too, so that its second use is noticed.
CREATE TABLE person_session (
    session_id     text PRIMARY KEY CHECK (session_id ~ '^s-[0-9a-f]{32}$'),
    person_id      text NOT NULL REFERENCES person,
    refresh_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(refresh_sha256) = 32),
    spent_sha256   bytea UNIQUE CHECK (octet_length(spent_sha256) = 32),
    began_at       timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    ended_at       timestamptz,
    ended_why      text CHECK (ended_why IN ('signed out', 'reuse', 'disabled', 'changed')),
    CHECK ((ended_at IS NULL) = (ended_why IS NULL))
);
CREATE INDEX person_session_by_person ON person_session (person_id) WHERE ended_at IS NULL;
CREATE INDEX person_session_by_end ON person_session (expires_at);

-- Public halves of the keys that sign access tokens; the private ones never leave their process.
CREATE TABLE token_key (
    kid        text PRIMARY KEY CHECK (kid ~ '^[0-9a-f]{16}$'),
    public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
    not_after  timestamptz NOT NULL
);

-- Failed tries by the hash of the account that was named, whether it exists or not.
CREATE TABLE sign_in_try (
    account_sha256 bytea PRIMARY KEY CHECK (octet_length(account_sha256) = 32),
    failed         int NOT NULL CHECK (failed > 0),
    last_at        timestamptz NOT NULL
);

-- A sign-in at the identity provider that was begun here.
CREATE TABLE sign_in_flow (
    state_sha256 bytea PRIMARY KEY CHECK (octet_length(state_sha256) = 32),
    flow_sha256  bytea NOT NULL CHECK (octet_length(flow_sha256) = 32),
    nonce        text NOT NULL,
    verifier     text NOT NULL,
    began_at     timestamptz NOT NULL
);

-- A key may carry roles beside scopes; who made it answers for what it does.
ALTER TABLE api_key
    ADD COLUMN roles   text[] NOT NULL DEFAULT '{}',
    ADD COLUMN made_by text NOT NULL DEFAULT '',
    DROP CONSTRAINT api_key_scopes_check,
    ADD CONSTRAINT api_key_allows CHECK (cardinality(scopes) + cardinality(roles) > 0);

INSERT INTO api_privilege
SELECT unnest(ARRAY['person', 'person_grant', 'person_session', 'token_key', 'sign_in_try',
                    'sign_in_flow', 'api_key', 'api_key_site']), '';
SELECT open_to_api();
