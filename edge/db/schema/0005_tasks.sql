-- stock: how often an item is counted; which zone a location is in and how much it holds
ALTER TABLE item ADD COLUMN count_class TEXT NOT NULL DEFAULT 'C';
ALTER TABLE location ADD COLUMN zone TEXT;
ALTER TABLE location ADD COLUMN capacity INTEGER NOT NULL DEFAULT 0;

-- stock: when goods last moved here, as those who moved them said
ALTER TABLE balance ADD COLUMN moved_at INTEGER NOT NULL DEFAULT 0;

-- stock: when each lot expires, as the labels of receipts said
CREATE TABLE lot_expiry (
    sku TEXT NOT NULL,
    lot TEXT NOT NULL,
    expiry TEXT NOT NULL,
    PRIMARY KEY (sku, lot)
) STRICT, WITHOUT ROWID;

-- stock: pallets and parcels by their SSCC, and what was put into them. `state` is of the goods.
CREATE TABLE logistic_unit (
    sscc TEXT PRIMARY KEY,
    location TEXT NOT NULL,
    state INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX logistic_unit_location ON logistic_unit (location);
CREATE TABLE unit_content (
    sscc TEXT NOT NULL,
    sku TEXT NOT NULL,
    lot TEXT NOT NULL,
    serial TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (sscc, sku, lot, serial)
) STRICT, WITHOUT ROWID;

-- tasks: what the plan in force asks for, and what this gateway asks for by itself
CREATE TABLE task (
    code TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    document TEXT,
    priority INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    zone TEXT,
    blind INTEGER NOT NULL,
    note TEXT NOT NULL,
    origin TEXT NOT NULL,
    status TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX task_status ON task (status, priority);
CREATE TABLE task_line (
    task TEXT NOT NULL,
    line INTEGER NOT NULL,
    sku TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    location TEXT,
    to_location TEXT,
    lot TEXT,
    sscc TEXT,
    done INTEGER NOT NULL,
    PRIMARY KEY (task, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_line_unit ON task_line (sscc) WHERE sscc IS NOT NULL;
CREATE INDEX task_line_location ON task_line (location);

-- tasks: work on tasks that are not known (any more), for when they come again
CREATE TABLE task_work (
    task TEXT NOT NULL,
    sku TEXT NOT NULL,
    location TEXT NOT NULL,
    to_location TEXT NOT NULL,
    lot TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (task, sku, location, to_location, lot)
) STRICT, WITHOUT ROWID;

-- tasks: locations that items are picked from
CREATE TABLE pick_face (
    sku TEXT NOT NULL,
    location TEXT NOT NULL,
    minimum INTEGER NOT NULL,
    maximum INTEGER NOT NULL,
    reserve TEXT NOT NULL,
    PRIMARY KEY (sku, location)
) STRICT, WITHOUT ROWID;

-- tasks: what was counted for a task; what is not settled is counted again
CREATE TABLE count_result (
    task TEXT NOT NULL,
    sku TEXT NOT NULL,
    location TEXT NOT NULL,
    lot TEXT NOT NULL,
    serial TEXT NOT NULL,
    state INTEGER NOT NULL,
    line INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    differences TEXT NOT NULL,
    verdict TEXT NOT NULL,
    PRIMARY KEY (task, sku, location, lot, serial, state)
) STRICT, WITHOUT ROWID;

-- tasks: when each item was last counted where (or first seen there), and what came of count tasks
CREATE TABLE last_count (
    sku TEXT NOT NULL,
    location TEXT NOT NULL,
    counted_at INTEGER NOT NULL,
    PRIMARY KEY (sku, location)
) STRICT, WITHOUT ROWID;
CREATE INDEX last_count_at ON last_count (counted_at);
CREATE TABLE accuracy (
    task TEXT NOT NULL,
    zone TEXT NOT NULL,
    closed_at INTEGER NOT NULL,
    positions INTEGER NOT NULL,
    exact INTEGER NOT NULL,
    within INTEGER NOT NULL,
    PRIMARY KEY (task, zone)
) STRICT, WITHOUT ROWID;

-- tasks: what a person should look at; a photo is a file named by its hash
CREATE TABLE exception (
    name TEXT PRIMARY KEY,
    request BLOB NOT NULL UNIQUE,
    about TEXT NOT NULL,
    subject TEXT NOT NULL,
    note TEXT NOT NULL,
    sku TEXT,
    location TEXT,
    photo_sha256 BLOB,
    device TEXT NOT NULL,
    operator TEXT,
    raised_at INTEGER NOT NULL,
    resolution TEXT,
    resolved_note TEXT,
    resolved_by TEXT,
    resolved_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX exception_raised ON exception (raised_at);

-- pipeline: what an accepted scan changed, so that it can be taken back, and by which request it was
CREATE TABLE effect (
    id BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    undone_by BLOB
) STRICT;
