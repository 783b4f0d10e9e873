"""Worlds to look at and act in where there is no robot."""
