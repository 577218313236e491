-- fallback: what was decided here, each thing once; and what a person decided instead. Here and
-- below, `kept_at` is the age of this database (see `age`) when a row was written: no date removes it.
CREATE TABLE decision (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    policy INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    reasons TEXT NOT NULL,
    alternatives TEXT NOT NULL,
    place TEXT NOT NULL,
    task TEXT,
    carried_out INTEGER NOT NULL,
    away_minutes INTEGER NOT NULL,
    narrowed INTEGER NOT NULL,
    taken_at INTEGER NOT NULL,
    instead TEXT,
    why TEXT,
    overridden_by TEXT,
    overridden_at INTEGER,
    kept_at INTEGER NOT NULL
) STRICT;
CREATE INDEX decision_taken ON decision (taken_at, id);
CREATE INDEX decision_kept ON decision (kept_at);
CREATE INDEX decision_kind ON decision (kind, taken_at);

-- fallback: quota leases as the cloud granted them. What was committed within one and what is left of
-- it are both kept: together they are its quantity, or a row has changed. `ended` says why.
CREATE TABLE lease (
    code TEXT PRIMARY KEY,
    sku TEXT NOT NULL,
    channel TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    committed INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    granted_at INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    gateway TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    ended TEXT NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_item ON lease (sku, channel) WHERE ended = '';

-- fallback: what was promised to a document, and how much of that has been picked for it
CREATE TABLE promise (
    sku TEXT NOT NULL,
    document TEXT NOT NULL,
    promised INTEGER NOT NULL,
    picked INTEGER NOT NULL,
    kept_at INTEGER NOT NULL,
    PRIMARY KEY (sku, document)
) STRICT, WITHOUT ROWID;
CREATE TABLE promise_pick (
    scan BLOB PRIMARY KEY,
    sku TEXT NOT NULL,
    document TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- fallback: answers to requests for a decision, for retries
CREATE TABLE decided (
    request BLOB PRIMARY KEY,
    content BLOB NOT NULL,
    status INTEGER NOT NULL,
    answer BLOB NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX decided_kept ON decided (kept_at);

-- fallback: what left available stock, by item and hour; what counts found missing, by item, day and
-- location
CREATE TABLE outflow (
    sku TEXT NOT NULL,
    hour INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    kept_at INTEGER NOT NULL,
    PRIMARY KEY (sku, hour)
) STRICT, WITHOUT ROWID;
CREATE TABLE count_loss (
    sku TEXT NOT NULL,
    day INTEGER NOT NULL,
    location TEXT NOT NULL,
    counts INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    difference INTEGER NOT NULL,
    kept_at INTEGER NOT NULL,
    PRIMARY KEY (sku, day, location)
) STRICT, WITHOUT ROWID;

-- tasks: what is brought to a place
CREATE INDEX task_line_to ON task_line (to_location) WHERE to_location IS NOT NULL;
