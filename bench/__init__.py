"""Measurements of cost and speed: counts and ratios, which hold on any machine."""
