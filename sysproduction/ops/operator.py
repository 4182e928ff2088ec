"""Who gives the commands, for records that say so."""

import getpass


def operator() -> str:
    """The name of the user who runs this command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"
