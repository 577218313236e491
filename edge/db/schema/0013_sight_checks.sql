-- pipeline: where a camera and a scan, or both and the ledger, say different things of an item at a
-- place; which count settles it, and who was right then. `id` is the id of the event that said so;
-- `difference` is what was counted beyond what was on record. `kept_at` is this database's age.
CREATE TABLE sight_check (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    task TEXT NOT NULL,
    task_line INTEGER NOT NULL,
    sku TEXT NOT NULL,
    location TEXT NOT NULL,
    by_scan INTEGER NOT NULL,
    by_camera INTEGER NOT NULL,
    by_ledger INTEGER NOT NULL,
    camera TEXT NOT NULL,
    zone TEXT,
    frame_at INTEGER NOT NULL,
    model TEXT NOT NULL,
    model_sha256 BLOB NOT NULL,
    confidence INTEGER NOT NULL,
    image_sha256 BLOB,
    count_task TEXT NOT NULL,
    exception TEXT NOT NULL,
    at INTEGER NOT NULL,
    settled_at INTEGER,
    difference INTEGER,
    scan_right INTEGER,
    camera_right INTEGER,
    ledger_right INTEGER,
    kept_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sight_check_open ON sight_check (sku, location) WHERE settled_at IS NULL;
CREATE INDEX sight_check_kept ON sight_check (kept_at);
