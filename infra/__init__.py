"""What surrounds the service: its state machine, its locks, and the stack that runs it locally."""
