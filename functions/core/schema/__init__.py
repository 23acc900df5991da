"""Wire shapes: what clients send and receive, as OpenAI's Assistants v2 defines it."""
