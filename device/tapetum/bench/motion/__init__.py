"""Every method of motion, and peers, side by side on the same pictures: how fast, how right, and which to take."""
