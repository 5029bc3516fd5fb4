"""The classifier of crops: it says what a crop shows, where a detector would also say where in it.

It is asked what the device asks: around a track a crop is cut with some of what surrounds it, in the shape of the
model's input. So it learns from crops that are cut by the device's own code out of labelled boxes, and from folders
of pictures, one for each class. What is none of the classes is a class of its own, the background, which has no name on
the device.
"""
