"""One outside thing each behind a port; only wiring imports these modules."""
