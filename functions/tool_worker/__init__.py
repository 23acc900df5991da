"""The tool worker: carries out the tool calls that a run makes of its own accord."""
