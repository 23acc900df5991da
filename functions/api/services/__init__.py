"""Use cases: what a request makes happen, without HTTP."""
