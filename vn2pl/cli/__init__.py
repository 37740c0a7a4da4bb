"""One module per command, each with ``run(arguments) -> exit status``: files, clock and terminal live here."""
