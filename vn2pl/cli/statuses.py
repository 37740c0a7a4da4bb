"""Exit statuses of every command."""

DONE, INCOMPLETE, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
