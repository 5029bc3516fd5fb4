"""How well tracks keep to the truth of a MOTChallenge file, beside ByteTrack fed by the same model on every frame."""
