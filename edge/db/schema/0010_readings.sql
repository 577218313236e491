-- pipeline: readings of sensors that were recorded, so that one that is sent again counts once
CREATE TABLE reading (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    content BLOB NOT NULL,
    seq INTEGER NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT;
CREATE INDEX reading_kept ON reading (kept_at);
