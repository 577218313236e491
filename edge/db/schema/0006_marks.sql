-- each room: a row's own hash, over the columns that edge/db/marks.py names
ALTER TABLE head ADD COLUMN mark INTEGER;
ALTER TABLE watermark ADD COLUMN mark INTEGER;
ALTER TABLE document ADD COLUMN mark INTEGER;
ALTER TABLE item ADD COLUMN mark INTEGER;
ALTER TABLE item_code ADD COLUMN mark INTEGER;
ALTER TABLE location ADD COLUMN mark INTEGER;
ALTER TABLE answered ADD COLUMN mark INTEGER;

-- stock: the quantity once more, every bit turned, so that a sum can be checked where it is made
ALTER TABLE balance ADD COLUMN again INTEGER;
ALTER TABLE balance ADD COLUMN mark INTEGER;

-- app: for how long this database has been in use, in microseconds of a clock that never jumps.
-- Retention is measured by it, and by it alone.
CREATE TABLE age (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    micros INTEGER NOT NULL
) STRICT;

-- outbox: through where the cloud had each epoch, by the hours of that age
CREATE TABLE freed (
    age INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (age, epoch)
) STRICT, WITHOUT ROWID;

-- pipeline: answers are kept by that age, too. Those from before count from now on.
UPDATE answered SET answered_at = 0;
