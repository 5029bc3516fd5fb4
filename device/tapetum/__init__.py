"""Tapetum: sees what moves, by day and by night, says what it is, and tells you over MQTT."""

__version__ = "0.1.0"
