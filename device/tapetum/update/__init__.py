"""Bundles that are pushed: fetched and verified, and handed to whoever installs them. `docs/design/updates.md`."""
