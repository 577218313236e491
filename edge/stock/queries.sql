-- name: document
-- The document of one kind that is in force.
SELECT version, sha256, mark, content FROM document WHERE kind = ?

-- name: versions
-- What is in force, by kind.
SELECT kind, version, sha256, mark FROM document

-- name: received
-- When each document that is in force came.
SELECT kind, received_at FROM document

-- name: set_document
-- Put a document in force. The catalog's content lives in its tables, the policy's and the heads' here.
INSERT INTO document (kind, version, sha256, content, received_at, mark) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (kind) DO UPDATE
SET version = excluded.version, sha256 = excluded.sha256, content = excluded.content,
    received_at = excluded.received_at, mark = excluded.mark

-- name: item_of_gtin
-- The item that carries a trade item number, and how many base units one of it holds.
SELECT item.sku, item.name, item.removed, item.count_class, item.mark,
       item_code.quantity, item_code.mark
FROM item_code JOIN item ON item.sku = item_code.sku WHERE item_code.gtin = ?

-- name: item
-- The item itself, and the number of one piece of it.
SELECT item.sku, item.name, item.removed, item.count_class, item.mark,
       (SELECT gtin FROM item_code WHERE item_code.sku = item.sku AND item_code.quantity = 1
        ORDER BY gtin LIMIT 1)
FROM item WHERE item.sku = ?

-- name: location
-- Whether a location may be used, and its role.
SELECT code, role, removed, zone, capacity, mark FROM location WHERE code = ?

-- name: locations
-- Every location in use, and its role.
SELECT code, role, removed, zone, capacity, mark FROM location WHERE removed = 0 ORDER BY code

-- name: location_of_role
-- The first location with a role: where goods go when nobody says otherwise.
SELECT code, role, removed, zone, capacity, mark FROM location WHERE role = ? AND removed = 0 ORDER BY code LIMIT 1

-- name: clear_documents
-- Where what they say could not be read.
DELETE FROM document

-- name: clear_entered_documents
-- As before, where the catalog and the policy were read.
DELETE FROM document WHERE kind NOT IN ('catalog', 'policy')

-- name: clear_items
-- Before a snapshot.
DELETE FROM item

-- name: clear_codes
-- Before a snapshot.
DELETE FROM item_code

-- name: clear_locations
-- Before a snapshot.
DELETE FROM location

-- name: put_item
-- An item, new or changed.
INSERT INTO item (sku, name, removed, count_class, mark) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (sku) DO UPDATE
SET name = excluded.name, removed = excluded.removed, count_class = excluded.count_class,
    mark = excluded.mark

-- name: clear_codes_of
-- The codes of a changed item are stated anew.
DELETE FROM item_code WHERE sku = ?

-- name: put_code
-- A code names one item; the latest document says which.
INSERT INTO item_code (gtin, sku, quantity, mark) VALUES (?, ?, ?, ?)
ON CONFLICT (gtin) DO UPDATE
SET sku = excluded.sku, quantity = excluded.quantity, mark = excluded.mark

-- name: put_location
-- A location, new or changed.
INSERT INTO location (code, role, removed, zone, capacity, mark) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (code) DO UPDATE
SET role = excluded.role, removed = excluded.removed, zone = excluded.zone,
    capacity = excluded.capacity, mark = excluded.mark

-- name: put
-- What is at one position after a movement; `again` and `mark` prove it.
INSERT INTO balance (sku, location, lot, serial, state, quantity, again, mark, moved_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (sku, location, lot, serial, state) DO UPDATE
SET quantity = excluded.quantity, again = excluded.again, mark = excluded.mark,
    moved_at = max(moved_at, excluded.moved_at)

-- name: remove
-- A position without goods is no position.
DELETE FROM balance
WHERE sku = ? AND location = ? AND lot = ? AND serial = ? AND state = ?

-- name: at
-- What is at one position.
SELECT quantity, mark FROM balance
WHERE sku = ? AND location = ? AND lot = ? AND serial = ? AND state = ?

-- name: moved_at
-- When goods last moved at a position that holds some.
SELECT moved_at FROM balance
WHERE sku = ? AND location = ? AND lot = ? AND serial = ? AND state = ?

-- name: held_at
-- How much of a lot at one location nobody may take: in quarantine, or damaged; and how many of the
-- rows have changed.
SELECT coalesce(sum(quantity), 0), coalesce(sum(again <> ~quantity), 0) FROM balance
WHERE sku = ? AND location = ? AND lot = ? AND serial = ? AND state IN (2, 3)

-- name: learn_expiry
-- A label said when a lot expires; of two labels that differ the earlier day is believed.
INSERT INTO lot_expiry (sku, lot, expiry) VALUES (?, ?, ?)
ON CONFLICT (sku, lot) DO UPDATE SET expiry = min(expiry, excluded.expiry)
WHERE excluded.expiry < expiry

-- name: expiry_of
-- When a lot expires, if a label has said so.
SELECT expiry FROM lot_expiry WHERE sku = ? AND lot = ?

-- name: earliest_lot
-- The lot of an item at a location that is available and expires first, before a given day.
SELECT balance.lot, min(lot_expiry.expiry) FROM balance
JOIN lot_expiry ON lot_expiry.sku = balance.sku AND lot_expiry.lot = balance.lot
WHERE balance.sku = ? AND balance.location = ? AND balance.state = 0 AND balance.quantity > 0
  AND balance.lot <> ? AND lot_expiry.expiry < ? AND lot_expiry.expiry >= ?

-- name: unit
-- A pallet or parcel.
SELECT location, state, gone FROM logistic_unit WHERE sscc = ?

-- name: set_unit
-- Where a pallet or parcel is now, and what may be done with the goods in it.
INSERT INTO logistic_unit (sscc, location, state, gone, changed_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (sscc) DO UPDATE
SET location = excluded.location, state = excluded.state, gone = excluded.gone,
    changed_at = excluded.changed_at

-- name: remove_unit
-- As if it had never been.
DELETE FROM logistic_unit WHERE sscc = ?

-- name: contents
-- What is in a pallet or parcel.
SELECT sku, lot, serial, quantity FROM unit_content WHERE sscc = ? ORDER BY sku, lot, serial

-- name: put_into
-- Goods go into a pallet or parcel, or come out of it again.
INSERT INTO unit_content (sscc, sku, lot, serial, quantity) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (sscc, sku, lot, serial) DO UPDATE SET quantity = quantity + excluded.quantity

-- name: remove_empty_content
-- What is not in it is not listed.
DELETE FROM unit_content WHERE sscc = ? AND quantity <= 0

-- name: packed_at
-- How much of these goods at a location is in pallets or parcels already.
SELECT coalesce(sum(unit_content.quantity), 0) FROM logistic_unit
JOIN unit_content ON unit_content.sscc = logistic_unit.sscc
WHERE logistic_unit.location = :location AND logistic_unit.gone = 0
  AND logistic_unit.state = :state AND unit_content.sku = :sku AND unit_content.lot = :lot
  AND unit_content.serial = :serial

-- name: forget_units
-- Pallets and parcels that left before a moment.
DELETE FROM logistic_unit WHERE sscc IN (
    SELECT sscc FROM logistic_unit WHERE gone = 1 AND changed_at < ? LIMIT ?
)

-- name: forget_contents
-- What was in them.
DELETE FROM unit_content WHERE sscc NOT IN (SELECT sscc FROM logistic_unit)

-- name: on_hand
-- What the site holds of an item, and how many of the rows have changed; goods in transit are not on
-- hand.
SELECT coalesce(sum(quantity), 0), coalesce(sum(again <> ~quantity), 0) FROM balance
WHERE sku = ? AND state <> 4

-- name: on_hand_at
-- What one location holds of an item, and how many of the rows have changed.
SELECT coalesce(sum(quantity), 0), coalesce(sum(again <> ~quantity), 0) FROM balance
WHERE sku = ? AND location = ? AND state <> 4

-- name: lines
-- Positions in order, after a cursor.
SELECT sku, location, lot, serial, state, quantity, mark FROM balance
WHERE (sku, location, lot, serial, state)
    > (:after_sku, :after_location, :after_lot, :after_serial, :after_state)
ORDER BY sku, location, lot, serial, state LIMIT :limit

-- name: lines_of_item
-- Positions of one item, after a cursor.
SELECT sku, location, lot, serial, state, quantity, mark FROM balance
WHERE sku = :sku AND (:location IS NULL OR location = :location)
  AND (location, lot, serial, state) > (:after_location, :after_lot, :after_serial, :after_state)
ORDER BY location, lot, serial, state LIMIT :limit

-- name: lines_at
-- Positions at one location, after a cursor.
SELECT sku, location, lot, serial, state, quantity, mark FROM balance
WHERE location = :location
  AND (sku, lot, serial, state) > (:after_sku, :after_lot, :after_serial, :after_state)
ORDER BY sku, lot, serial, state LIMIT :limit

-- name: available
-- What the site holds of an item and may be promised, and how many of the rows have changed.
SELECT coalesce(sum(quantity), 0), coalesce(sum(again <> ~quantity), 0) FROM balance
WHERE sku = ? AND state = 0

-- name: available_at
-- What one location holds of an item that may be picked, and how many of the rows have changed.
SELECT coalesce(sum(quantity), 0), coalesce(sum(again <> ~quantity), 0) FROM balance
WHERE sku = ? AND location = ? AND state = 0

-- name: held_in
-- Everything that a location holds, and how many of the rows have changed.
SELECT coalesce(sum(quantity), 0), coalesce(sum(again <> ~quantity), 0) FROM balance
WHERE location = ? AND state <> 4

-- name: reserves
-- What reserve locations hold of an item, lot by lot, and how many of the rows have changed: what
-- expires first comes first, what has no date last.
SELECT balance.location, balance.lot, sum(balance.quantity), coalesce(lot_expiry.expiry, ''),
       sum(balance.again <> ~balance.quantity)
FROM balance
JOIN location ON location.code = balance.location
LEFT JOIN lot_expiry ON lot_expiry.sku = balance.sku AND lot_expiry.lot = balance.lot
WHERE balance.sku = ? AND balance.state = 0 AND balance.quantity > 0 AND balance.location <> ?
  AND location.role = ? AND location.removed = 0
GROUP BY balance.location, balance.lot
ORDER BY coalesce(lot_expiry.expiry, '9999'), balance.lot, balance.location

-- name: place
-- A location in use.
SELECT code, role, coalesce(zone, ''), capacity FROM location WHERE code = ? AND removed = 0

-- name: places_of_role
-- Locations with a role.
SELECT code, role, coalesce(zone, ''), capacity FROM location
WHERE role = ? AND removed = 0 ORDER BY code LIMIT ?

-- name: places_alike
-- Locations that hold an item, those with the most of it first.
SELECT location.code, location.role, coalesce(location.zone, ''), location.capacity
FROM balance JOIN location ON location.code = balance.location
WHERE balance.sku = ? AND balance.state = 0 AND balance.quantity > 0 AND location.removed = 0
GROUP BY location.code ORDER BY sum(balance.quantity) DESC, location.code LIMIT ?

-- name: empty_places
-- Locations with a role that hold nothing.
SELECT code, role, coalesce(zone, ''), capacity FROM location
WHERE role = ? AND removed = 0
  AND NOT EXISTS (SELECT 1 FROM balance WHERE balance.location = location.code)
ORDER BY code LIMIT ?
