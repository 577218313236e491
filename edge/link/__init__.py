"""The way up and down: broker, uplink, downlink, and the identity they stand on."""
