"""What a new model must show before it stays: beside the old one, and on trial. `docs/design/installing.md`."""
