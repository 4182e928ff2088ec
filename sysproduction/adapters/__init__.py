"""One outside thing each behind a port; only wiring.py imports these modules."""
