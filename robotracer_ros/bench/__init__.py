"""What models are worth: benchmarks, one file each, that load examples, ask, and score."""
