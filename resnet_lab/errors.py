"""The one exception that means "your input": shown as a sentence, never as a traceback.

Paper: nowhere; this is how the command line keeps its promises.
Notebook: notebooks/00_start_here.py. Tests: tests/test_cli.py.
"""


class InputError(ValueError):
    """What the user gave cannot be used; the message is one sentence that says what to do.

    The command line prints it and exits with code 2.
    """
