-- people: who works at this site, as the document in force says; an argon2id hash, or empty
CREATE TABLE person (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    secret TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE badge (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
    person TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- people: who is signed in at which device, and when the secret was last shown there, if it was.
-- `ended` says why nobody is any more, until an event has told it.
CREATE TABLE signed_in (
    device TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    since INTEGER NOT NULL,
    proven_at INTEGER,
    ended TEXT
) STRICT, WITHOUT ROWID;

-- people: wrong tries since the last right one, of a person or at a device
CREATE TABLE wrong_try (
    who TEXT PRIMARY KEY,
    tries INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
