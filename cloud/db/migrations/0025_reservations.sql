-- Reservations: what was set aside for a buyer or an order, wherever it lies, and until when.
-- depends: 0017_row_security

-- A reservation is asked for once: the same key by the same asker is the same reservation. Pending
-- ones end by themselves; whether one has ended is asked of the clock, not of the sweeper.
CREATE TABLE reservation (
    reservation_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code            text NOT NULL UNIQUE CHECK (code <> ''),
    asked_by        text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    asked           text NOT NULL,
    item_id         int NOT NULL REFERENCES item,
    quantity        int NOT NULL CHECK (quantity > 0),
    channel         text NOT NULL,
    document        text COLLATE "C" NOT NULL,
    site_ids        int[] NOT NULL CHECK (cardinality(site_ids) > 0),
    status          text NOT NULL DEFAULT 'pending'
                    CHECK (status IN ('pending', 'confirmed', 'released', 'expired')),
    reserved_at     timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    UNIQUE (asked_by, idempotency_key)
) WITH (fillfactor = 80);
CREATE INDEX reservation_by_item ON reservation (item_id, reservation_id DESC);
CREATE INDEX reservation_by_document ON reservation (document, reservation_id DESC);

-- What of it is held of one item at one site: a reservation may lie at several sites, that of a kit
-- in several items. Without foreign keys to site and item, whose rows all buyers would otherwise
-- lock: the account below has them. An open part holds what was not picked for its document;
-- `picked_before` had left for that document before it was reserved, and fulfils nothing of it;
-- `free_before` is what was free there then.
CREATE TABLE reservation_part (
    reservation_id bigint NOT NULL REFERENCES reservation,
    site_id        int NOT NULL,
    item_id        int NOT NULL,
    quantity       int NOT NULL CHECK (quantity > 0),
    fulfilled      int NOT NULL DEFAULT 0 CHECK (fulfilled BETWEEN 0 AND quantity),
    picked_before  bigint NOT NULL DEFAULT 0,
    free_before    bigint NOT NULL,
    document       text COLLATE "C" NOT NULL,
    open           boolean NOT NULL DEFAULT true,
    expires_at     timestamptz,
    PRIMARY KEY (reservation_id, site_id, item_id)
) WITH (fillfactor = 80);
CREATE INDEX reservation_part_by_document ON reservation_part (item_id, document, site_id);
CREATE INDEX reservation_part_due_here ON reservation_part (site_id, item_id, expires_at)
    WHERE open AND expires_at IS NOT NULL;
CREATE INDEX reservation_part_due ON reservation_part (expires_at)
    WHERE open AND expires_at IS NOT NULL;

-- What open parts hold, folded: sum(quantity - fulfilled), written under the item's lock only.
CREATE TABLE stock_hold (
    site_id  int NOT NULL REFERENCES site,
    item_id  int NOT NULL REFERENCES item,
    reserved bigint NOT NULL CHECK (reserved >= 0),
    PRIMARY KEY (site_id, item_id)
) WITH (fillfactor = 50);

-- Documents with reservations for which something was picked or taken back since they were settled.
CREATE TABLE unsettled_document (
    site_id  int NOT NULL,
    item_id  int NOT NULL,
    document text COLLATE "C" NOT NULL,
    PRIMARY KEY (site_id, item_id, document)
);

-- As much as was picked for a document beyond what leases had promised to it: a pick fulfils the
-- promise of its own gateway first, as the account of leases has it.
CREATE FUNCTION document_surplus(at_site int, of_item int, for_document text)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(e.picked - (e.committed - (e.total - least(e.lowest, 0)))), 0)::bigint
    FROM (
        SELECT sum(m.committed) AS committed, sum(m.picked) AS picked, sum(m.quantity) AS total,
               min(m.so_far) AS lowest
        FROM (
            SELECT f.*, sum(f.quantity) OVER (PARTITION BY f.gateway_id ORDER BY f.epoch, f.seq)
                        AS so_far
            FROM (
                SELECT c.gateway_id, c.epoch, c.seq, c.quantity, c.quantity AS committed,
                       0 AS picked
                FROM lease_commitment c
                WHERE c.site_id = at_site AND c.item_id = of_item AND c.document = for_document
                UNION ALL
                SELECT p.gateway_id, p.epoch, p.seq, -p.quantity, 0, p.quantity
                FROM document_pick p
                WHERE p.site_id = at_site AND p.item_id = of_item AND p.document = for_document
                  AND NOT EXISTS (SELECT FROM undone_scan u WHERE u.undone = p.event_id)
            ) f
        ) m
        GROUP BY m.gateway_id
    ) e
$$;

SELECT protect_site_rows(relation)
FROM unnest(ARRAY['reservation_part', 'stock_hold', 'unsettled_document']::regclass[]) AS relation;
-- A reservation is of those who see all of the sites it lies at.
ALTER TABLE reservation ENABLE ROW LEVEL SECURITY;
CREATE POLICY rows_of_sites ON reservation
    USING ((SELECT sees_all_sites()) OR site_ids <@ (SELECT seen_sites())::int[]);
