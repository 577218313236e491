-- The second lock on other sites' rows: whoever asks through the API does so as a role that owns
-- nothing, and the database itself shows it only rows of the sites that its transaction names.
-- depends: 0016_commerce

-- `qm.sites` is 'all', or an array of sites; where it is not set, there is nothing to see.
CREATE FUNCTION sees_all_sites() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(current_setting('qm.sites', true) = 'all', false)
$$;

CREATE FUNCTION seen_sites() RETURNS int[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN current_setting('qm.sites', true) LIKE '{%'
                THEN current_setting('qm.sites', true)::int[] END
$$;

-- Every table with a column site_id calls this in the migration that makes it. What belongs to no
-- site is for those who see all. The subselects are looked at once a statement, not once a row, and
-- leave indexes and the exclusion of chunks to the conditions of the statement itself.
CREATE FUNCTION protect_site_rows(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY rows_of_sites ON %s USING ((SELECT sees_all_sites())'
                   ' OR site_id = ANY ((SELECT seen_sites())::int[]))', relation);
END
$$;

-- What the API may do with a table where it is less than reading and writing rows: privileges as in
-- GRANT, none where empty. A migration that adds a line calls open_to_api() once more.
CREATE TABLE api_privilege (
    relation   name PRIMARY KEY,
    privileges text NOT NULL CHECK (privileges IN ('', 'SELECT', 'SELECT, INSERT'))
);
INSERT INTO api_privilege VALUES ('api_privilege', '');

-- Roles belong to the whole server: another database, or the operator, may have made this one.
-- Called again after a restore, which brings no rights with it.
CREATE FUNCTION open_to_api() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    before text := current_setting('role');
    kept   record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quartermaster_api') THEN
        BEGIN
            CREATE ROLE quartermaster_api NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the role quartermaster_api is missing and % may not make it',
                    current_user
                    USING ERRCODE = 'insufficient_privilege',
                          HINT = 'As an administrator of the server: CREATE ROLE'
                              || ' quartermaster_api NOLOGIN; GRANT quartermaster_api TO '
                              || quote_ident(current_user) || ';';
        END;
    END IF;
    IF EXISTS (SELECT FROM pg_roles
               WHERE rolname = 'quartermaster_api' AND (rolsuper OR rolbypassrls)) THEN
        RAISE EXCEPTION 'the role quartermaster_api may pass over row security';
    END IF;
    BEGIN
        PERFORM set_config('role', 'quartermaster_api', true);
        PERFORM set_config('role', before, true);
    EXCEPTION WHEN insufficient_privilege THEN
        EXECUTE format('GRANT quartermaster_api TO %I', current_user);
    END;
    GRANT USAGE ON SCHEMA public TO quartermaster_api;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO quartermaster_api;
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO quartermaster_api;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public
        GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO quartermaster_api;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public
        GRANT USAGE, SELECT ON SEQUENCES TO quartermaster_api;
    FOR kept IN SELECT relation, privileges FROM api_privilege LOOP
        EXECUTE format('REVOKE ALL ON %I FROM quartermaster_api', kept.relation);
        IF kept.privileges <> '' THEN
            EXECUTE format('GRANT %s ON %I TO quartermaster_api', kept.privileges, kept.relation);
        END IF;
    END LOOP;
END
$$;
SELECT open_to_api();

SELECT protect_site_rows(relation)
FROM unnest(ARRAY['site', 'location', 'site_version', 'api_key_site', 'gateway', 'exception',
                  'movement', 'balance', 'count_check', 'document', 'published', 'lease',
                  'lease_commitment', 'document_pick', 'decision']::regclass[]) AS relation;
