"""Typed repositories over the two storage ports, Documents and Series: one noun per module."""
