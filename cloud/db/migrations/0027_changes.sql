-- What has changed, in one order, for streams, webhooks and subscribers. Rows wait where they were
-- written until their transaction has ended; then one writer at a time gives them their positions.
-- So positions become visible in ascending order, and who goes on after one misses nothing.
-- depends: 0019_stock_in_full 0022_sales 0023_purchases 0025_reservations

CREATE TABLE change_waiting (
    waiting_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    kind       text NOT NULL CHECK (kind <> ''),
    subject    text NOT NULL,
    site_id    int,
    body       jsonb NOT NULL
);

CREATE TABLE change (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL,
    kind     text NOT NULL,
    subject  text NOT NULL,
    site_id  int,
    body     jsonb NOT NULL
);
CREATE INDEX change_by_moment ON change (at);
SELECT protect_site_rows('change_waiting');
SELECT protect_site_rows('change');

-- Where the log begins: all positions below were given up by retention.
CREATE TABLE change_floor (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0
);
INSERT INTO change_floor DEFAULT VALUES;

-- note_change(kind, subject column, columns to tell…): a row was made or altered. Of an alteration
-- that touches none of the columns told, nothing is said.
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    told jsonb := '{}';
    was  jsonb := '{}';
    now_ jsonb := to_jsonb(NEW);
    old_ jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ELSE '{}' END;
BEGIN
    FOR n IN 2 .. TG_NARGS - 1 LOOP
        told := told || jsonb_build_object(TG_ARGV[n], now_ -> TG_ARGV[n]);
        was := was || jsonb_build_object(TG_ARGV[n], old_ -> TG_ARGV[n]);
    END LOOP;
    IF TG_OP = 'INSERT' OR told IS DISTINCT FROM was THEN
        INSERT INTO change_waiting (at, kind, subject, site_id, body)
        VALUES (clock_timestamp(), TG_ARGV[0], now_ ->> TG_ARGV[1], (now_ ->> 'site_id')::int, told);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER exception_changes AFTER INSERT OR UPDATE ON exception
    FOR EACH ROW EXECUTE FUNCTION
    note_change('exception', 'exception_id', 'code', 'subject', 'times', 'closed_at');

CREATE TRIGGER sales_order_changes AFTER INSERT OR UPDATE ON sales_order
    FOR EACH ROW EXECUTE FUNCTION
    note_change('order', 'order_id', 'status', 'numbering', 'scope', 'number', 'channel', 'paid_at',
                'cancelled_at', 'merged_into');

CREATE TRIGGER purchase_order_changes AFTER INSERT OR UPDATE ON purchase_order
    FOR EACH ROW EXECUTE FUNCTION
    note_change('purchase', 'purchase_id', 'number', 'status', 'revision');
CREATE TRIGGER reservation_changes AFTER INSERT OR UPDATE ON reservation
    FOR EACH ROW EXECUTE FUNCTION
    note_change('reservation', 'code', 'item_id', 'quantity', 'status', 'expires_at');

-- What other systems and people move is told as what gateways move: by where the ledger has it.
CREATE FUNCTION note_posting() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO change_waiting (at, kind, subject, site_id, body)
    VALUES (NEW.posted_at, 'stock', '', NEW.site_id, jsonb_build_object(
        'at', (extract(epoch FROM NEW.posted_at) * 1000000)::bigint,
        'ranges', jsonb_build_array(jsonb_build_array(0, 0, NEW.posting_id, NEW.posting_id))));
    RETURN NULL;
END
$$;
CREATE TRIGGER posting_changes AFTER INSERT ON posting
    FOR EACH ROW EXECUTE FUNCTION note_posting();

-- How far each reader of ours has come; webhooks keep their own.
CREATE TABLE change_reader (
    name     text PRIMARY KEY,
    position bigint NOT NULL,
    part     int NOT NULL
);

-- Who is told by webhook. The secret is kept elsewhere; `position` is how far it has been told.
CREATE TABLE webhook (
    webhook_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text NOT NULL UNIQUE CHECK (code <> ''),
    url        text NOT NULL CHECK (url <> ''),
    kinds      text[] NOT NULL,
    sites      int[],
    position   bigint NOT NULL,
    part       int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    paused_at  timestamptz,
    why        text NOT NULL DEFAULT '',
    removed_at timestamptz
);

-- One message to one webhook, with what its last attempt came to.
CREATE TABLE webhook_message (
    message_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id   bigint NOT NULL REFERENCES webhook,
    name         text NOT NULL,
    kind         text NOT NULL,
    body         bytea NOT NULL,
    made_at      timestamptz NOT NULL,
    attempts     int NOT NULL DEFAULT 0,
    next_at      timestamptz,
    delivered_at timestamptz,
    given_up_at  timestamptz,
    status       int,
    answer       text NOT NULL DEFAULT '',
    UNIQUE (webhook_id, name),
    CHECK (num_nonnulls(next_at, delivered_at, given_up_at) = 1)
);
CREATE INDEX webhook_message_due ON webhook_message (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_message_by_webhook ON webhook_message (webhook_id, message_id DESC);
