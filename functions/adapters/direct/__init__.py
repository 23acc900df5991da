"""Requests to AWS without boto3's layers, for the few that are made many times a second.

Signing, a kept connection and reading the answer take a fifth of what botocore takes for them, and
a flush of streamed deltas is little else. Only what succeeds at once is done here: everything else
is left to boto3, with its retries and its errors.
"""
