"""What can go wrong with the local stack in a way that its user can mend."""


class StackError(Exception):
    """The stack cannot do what was asked; the message says in plain words what to do about it."""
