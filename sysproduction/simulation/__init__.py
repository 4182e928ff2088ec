"""The platform on a simulated clock, in one thread, under faults drawn from a seed, its invariants checked."""
