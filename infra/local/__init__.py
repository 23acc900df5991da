"""The local stack: everything that runs ThreadRunner on one machine, without an account."""
