"""Followers of one thing against the truth, all side by side."""
