"""What a track is: crops go to a model in a process of its own, answers become labels."""
