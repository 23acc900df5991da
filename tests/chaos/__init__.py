"""Runs while their workers are killed at random, and an audit of what that leaves."""
