"""What can be wrong with a document or with a call's arguments.

ValueError
├── InvalidDocument    whoever registers the document has to change it
│   └── TooLarge       a part of it is, with its references resolved
├── UnknownChoice      whoever registers it asks for an operation that it lacks
└── InvalidArguments   the model can call again with other arguments
"""


class InvalidDocument(ValueError):
    """The document cannot be registered.

    Args:
        message: one sentence that starts with the JSON path of the mistake.
        param: that JSON path, as in `paths['/pets'].get.parameters[0].in`; "" if it is the whole
            document.
    """

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class TooLarge(InvalidDocument):
    """A part of the document is too large or too deep; less of its depth might do."""


class UnknownChoice(ValueError):
    """The document lacks an operation that was chosen.

    Args:
        message: half a sentence.
        param: the choice, as in `operations[0]`.
    """

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class InvalidArguments(ValueError):
    """A model called the operation with arguments that make no request.

    Args:
        message: what to change, in words for the model; it never repeats a value.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
