"""What leaves the device: sightings that a rule lets out, on disk before they are sent."""
