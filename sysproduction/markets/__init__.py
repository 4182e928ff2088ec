"""Bring prices, FX and contracts in, and build multiple and adjusted prices from them."""
