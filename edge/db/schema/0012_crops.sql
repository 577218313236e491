-- vision: crops that a model was unsure of, until a person has said what they show. `id` is the id of
-- the event that will say it. `classes` is JSON; `turn` puts skipped ones behind the others. `kept_at`
-- is the age of this database (see `age`).
CREATE TABLE crop (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    camera TEXT NOT NULL,
    zone TEXT,
    about TEXT NOT NULL,
    frame_at INTEGER NOT NULL,
    head TEXT NOT NULL,
    predicted TEXT NOT NULL,
    confidence INTEGER NOT NULL,
    classes TEXT NOT NULL,
    embedding BLOB NOT NULL,
    backbone TEXT NOT NULL,
    backbone_sha256 BLOB NOT NULL,
    image BLOB NOT NULL,
    image_sha256 BLOB NOT NULL UNIQUE,
    turn INTEGER NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT;
CREATE INDEX crop_turn ON crop (turn, kept_at, id);
CREATE INDEX crop_alike ON crop (camera, head, about, frame_at);

-- vision: how the candidate of a head does beside the one in force, since both have been; what of it
-- was told the cloud
CREATE TABLE shadow (
    head TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    candidate TEXT NOT NULL,
    candidate_sha256 BLOB NOT NULL,
    since INTEGER NOT NULL,
    compared INTEGER NOT NULL,
    agreed INTEGER NOT NULL,
    labelled INTEGER NOT NULL,
    active_right INTEGER NOT NULL,
    candidate_right INTEGER NOT NULL,
    told_compared INTEGER NOT NULL,
    told_labelled INTEGER NOT NULL,
    told_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
