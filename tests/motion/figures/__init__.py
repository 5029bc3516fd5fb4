"""What the methods of motion come to on recorded and simulated scenes: the tables of docs/ref/motion.md, and ratchets.

`scripts/bench scenes` prints the tables. It lies among the tests since the simulated scenes take the trainer's models
of sensors and light, which the device never imports.
"""
