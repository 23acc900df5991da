"""The runner: one step of a run per invocation, and those who keep runs moving."""
