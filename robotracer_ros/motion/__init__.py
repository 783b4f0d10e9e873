"""Motion: what makes a robot follow a path, one file for each way."""
