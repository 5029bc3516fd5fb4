"""Bundles that are pushed to devices: keys, what is signed with them, and where it is published.

The Update Framework decides what a device trusts (`tuf`). Four roles sign: root, whose keys are kept away from every
network, says whose keys the others are; targets says which bundles there are and for which devices; snapshot and
timestamp say which edition of that is the newest, and until when.
"""
