"""Small programs to copy, and a demonstration to watch."""
