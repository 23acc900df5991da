"""The HTTP API: OpenAI's Assistants v2 over the tables and queues."""
