"""The edges: the only place with boto3, openai and httpx."""
