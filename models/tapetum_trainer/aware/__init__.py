"""Quantization-aware fine-tuning: a detector learns with the steps of int8 in its way, where they cost too much."""
