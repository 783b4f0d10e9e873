"""The ROS nodes: wiring only, one executable each."""
