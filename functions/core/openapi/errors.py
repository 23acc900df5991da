"""What can be wrong with a document or with a call's arguments.

ValueError
├── InvalidDocument   whoever registers the document has to change it
└── InvalidArguments  the model can call again with other arguments
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


class InvalidArguments(ValueError):
    """A model called the operation with arguments that make no request.

    Args:
        message: what to change, in words for the model; it never repeats a value.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
