-- name: add
-- Pair a device, or give a known one a new token.
INSERT INTO device (name, token_sha256, added_at, revoked_at) VALUES (?, ?, ?, NULL)
ON CONFLICT (name) DO UPDATE
SET token_sha256 = excluded.token_sha256, added_at = excluded.added_at, revoked_at = NULL

-- name: revoke
-- Take a token out of force.
UPDATE device SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL

-- name: devices
-- All devices.
SELECT name, added_at, revoked_at FROM device ORDER BY name

-- name: authenticate
-- Whose token this is.
SELECT name FROM device WHERE token_sha256 = ? AND revoked_at IS NULL

-- name: forget_pairings
-- Those whose time is over, and an earlier one of the same device.
DELETE FROM pairing WHERE expires_at <= ? OR device = ?

-- name: begin_pairing
-- A device may be paired from now on.
INSERT INTO pairing (name, secret_sha256, device, expires_at) VALUES (?, ?, ?, ?)

-- name: pairing
-- What a code is good for.
SELECT secret_sha256, device, expires_at, tries FROM pairing WHERE name = ?

-- name: count_try
-- Somebody showed a wrong code.
UPDATE pairing SET tries = tries + 1 WHERE name = ?

-- name: end_pairing
-- A code is good for one use.
DELETE FROM pairing WHERE name = ?
