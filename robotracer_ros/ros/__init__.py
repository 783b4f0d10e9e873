"""Plumbing between ROS 2 and the core types: messages, cameras, frames, markers, parameters and diagnostics."""
