"""Measurements that anybody can print again: each module has `run`, which returns one dictionary."""
