"""What a user can mend: errors, which end a command with exit status 2 and no traceback, and warnings."""


class InputError(Exception):
    """Bad input or configuration.

    ``problems`` holds one line per problem, each naming the place (file, line, column, key),
    what was found and what was expected.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: tuple[str, ...] = problems


class InputWarning(UserWarning):
    """What reading a panel noticed or assumed, in one sentence. The command line prints it as a note."""
