"""Prices to forecasts to positions to account curves, as plain functions over panels of days x instruments."""
