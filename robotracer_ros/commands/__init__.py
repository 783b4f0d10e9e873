"""What `robotracer` does: one module per command, each with ``run(arguments)`` that returns the exit status."""
