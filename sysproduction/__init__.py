"""A production platform for systematic futures trading; ARCHITECTURE.md is the map."""
