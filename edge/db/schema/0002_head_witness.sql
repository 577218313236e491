-- link: what the cloud countersigned of this gateway's history, day by day. Never deleted: a record
-- a day. `disagreed` says why a record and this database cannot both be true.
CREATE TABLE head_witness (
    generation INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    day TEXT NOT NULL,
    head_hash BLOB NOT NULL CHECK (length(head_hash) = 32),
    message BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    disagreed TEXT,
    PRIMARY KEY (generation, epoch, seq, day)
) STRICT, WITHOUT ROWID;
