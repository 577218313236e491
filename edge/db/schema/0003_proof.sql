-- outbox: what was written, to be compared with what is read
ALTER TABLE segment ADD COLUMN sha256 BLOB;
ALTER TABLE waiting ADD COLUMN hash BLOB;

-- outbox: a moment that has certainly passed; no clock is believed below it
CREATE TABLE floor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    moment INTEGER NOT NULL
) STRICT;
