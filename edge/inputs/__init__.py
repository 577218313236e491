"""The doors of a gateway beside HTTP: lines over TCP, messages over MQTT.

Nothing is imported here: a gateway without these doors does not load them.
"""
