"""The words both sides sign. Pure: no IO, no clock, no framework."""
