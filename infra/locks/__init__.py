"""The locks: exact versions and hashes of everything that is installed, one file an environment.

They are universal (Python 3.11 to 3.14, Linux and macOS, any processor) and name no address, so
that they work with whatever package index the machine is set up for.
"""
