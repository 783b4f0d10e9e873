"""Teaching RoboTracer's architecture the tabletop world: pictures, encoders, supervised and reinforcement tuning."""
