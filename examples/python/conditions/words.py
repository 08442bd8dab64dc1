"""What things are called in the table."""

import errno
import io


def error_name(error):
    """An exception in the table's words."""
    if isinstance(error, io.UnsupportedOperation):
        return "unsupported"
    if isinstance(error, ValueError):
        return "file-closed" if "closed file" in str(error) else "value-error"
    if isinstance(error, TimeoutError) and error.errno is None:
        return "timed-out"
    if error.errno is None:
        return "file-timed-out" if "timed out object" in str(error) else f"unforeseen: {error}"
    return errno_name(error.errno)


def errno_name(number):
    """An errno in the table's words."""
    words = {0: "ok", errno.EAGAIN: "would-block", errno.EINPROGRESS: "in-progress"}
    return words.get(number) or "errno:" + errno.errorcode[number]


def told(run, say=lambda result: "ok"):
    """What `run` gave, or raised, in the table's words."""
    try:
        return say(run())
    except (OSError, ValueError) as error:
        return error_name(error)
