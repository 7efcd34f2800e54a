"""Errors a person can act on."""


class CeterisError(Exception):
    """A mistake in what Ceteris was given.

    The message is one clear sentence that names the file, row or key and says what to do. Entry points print it
    without a traceback and exit with a non-zero code; every other exception is a bug and keeps its traceback.
    """
