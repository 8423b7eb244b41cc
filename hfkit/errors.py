"""A user's mistake, told in one sentence."""


class UserError(Exception):
    """Something the user can mend: its message says what is wrong, where, and what to write instead.

    A recipe prints the message alone and ends with exit code 2; `--debug` shows the traceback too.
    """
