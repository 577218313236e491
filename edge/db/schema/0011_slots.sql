-- vision: shelf slots as people drew them on a camera's picture. `polygon` is JSON: fractions of the
-- picture; `reference` is a JPEG of the slot alone, which then was as `shows` says.
CREATE TABLE slot (
    camera TEXT NOT NULL,
    name TEXT NOT NULL,
    location TEXT,
    polygon TEXT NOT NULL,
    reference BLOB NOT NULL,
    shows TEXT NOT NULL,
    drawn_by TEXT NOT NULL,
    drawn_at INTEGER NOT NULL,
    PRIMARY KEY (camera, name)
) STRICT, WITHOUT ROWID;

-- fallback: what cameras last saw of the slots of a location, and since when
CREATE TABLE slot_sight (
    camera TEXT NOT NULL,
    slot TEXT NOT NULL,
    location TEXT NOT NULL,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (camera, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX slot_sight_location ON slot_sight (location);
