-- The gateway's tables. Applied once, in one transaction; PRAGMA user_version counts the files.

-- outbox: what has been answered and not yet sealed, oldest first, in the epoch of `head`
CREATE TABLE waiting (
    seq INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- outbox: the end of what has been sealed. `frozen` says why nothing more may be sealed.
CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL CHECK (epoch >= 0),
    seq INTEGER NOT NULL CHECK (seq >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    frozen TEXT
) STRICT;

-- outbox: signed segments, never changed; the watermark says which of them the cloud has
CREATE TABLE segment (
    epoch INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL CHECK (last_seq BETWEEN first_seq AND first_seq + 255),
    last_hash BLOB NOT NULL,
    sealed_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (epoch, first_seq)
) STRICT, WITHOUT ROWID;

-- outbox: the last word of the cloud about each epoch that was sealed in; zeros before it spoke
CREATE TABLE watermark (
    epoch INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    contiguous_seq INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

-- stock: the signed documents in force
CREATE TABLE document (
    kind TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    content BLOB,
    received_at INTEGER NOT NULL
) STRICT;

-- stock: the catalog, as the document says
CREATE TABLE item (
    sku TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    removed INTEGER NOT NULL
) STRICT;
CREATE TABLE item_code (
    gtin TEXT PRIMARY KEY,
    sku TEXT NOT NULL,
    quantity INTEGER NOT NULL
) STRICT;
CREATE INDEX item_code_sku ON item_code (sku);
CREATE TABLE location (
    code TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    removed INTEGER NOT NULL
) STRICT;
CREATE INDEX location_role ON location (role, code);

-- stock: the fold over this gateway's own events
CREATE TABLE balance (
    sku TEXT NOT NULL,
    location TEXT NOT NULL,
    lot TEXT NOT NULL,
    serial TEXT NOT NULL,
    state INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (sku, location, lot, serial, state)
) STRICT, WITHOUT ROWID;
CREATE INDEX balance_location ON balance (location, sku);

-- pipeline: the answer to each accepted scan, for retries
CREATE TABLE answered (
    id BLOB PRIMARY KEY,
    content BLOB NOT NULL,
    answer BLOB NOT NULL,
    answered_at INTEGER NOT NULL
) STRICT;
CREATE INDEX answered_at ON answered (answered_at);

-- pipeline: totals since this database was made
CREATE TABLE tally (
    name TEXT PRIMARY KEY,
    total INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- web: the devices paired with this gateway; only the hash of a token is kept
CREATE TABLE device (
    name TEXT PRIMARY KEY,
    token_sha256 BLOB NOT NULL UNIQUE,
    added_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
