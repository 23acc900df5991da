"""Routes: one file a resource, each a thin layer over its service."""
