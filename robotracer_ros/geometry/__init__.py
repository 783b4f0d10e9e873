"""Cameras, transforms, observations and traces, and the lifting of image points to metres."""
