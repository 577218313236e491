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
