"""The pure core: what a run is and how it moves. Standard library and pydantic only."""
