"""The broker as the cloud's services see it: one small port over paho-mqtt."""

from cloud.bus.mqtt import Bus, Delivery, Endpoint

__all__ = ["Bus", "Delivery", "Endpoint"]
