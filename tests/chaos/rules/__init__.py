"""The rules of the audit: each looks at one thing, and says what is wrong with it."""
