-- web: devices that may be paired now, each with a code of one use, of which a hash is kept. `name`
-- is the part of the code that says which pairing is meant.
CREATE TABLE pairing (
    name TEXT PRIMARY KEY,
    secret_sha256 BLOB NOT NULL CHECK (length(secret_sha256) = 32),
    device TEXT NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
