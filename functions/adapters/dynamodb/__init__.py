"""The two tables: state, and the event stream."""
