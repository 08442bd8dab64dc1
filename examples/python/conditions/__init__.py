"""How each condition of mode_matrix comes about: tests/oracle/*.rs in Python, one file per area.

`trial(op, mode, condition)` sets the condition up and returns what is to be run. mode_matrix.py runs it.
"""

from .bench import LIMIT
from .connecting import accepting, connecting, creating
from .reading import READS, reading
from .states import asking, closing
from .words import told
from .writing import WRITES, buffered_write, sendto, writing

__all__ = ["LIMIT", "told", "trial"]

MODES = {"blocking": None, "nonblocking": 0, "timeout": LIMIT}


def trial(op, mode, condition):
    """The trial of a cell: `mode` is set just before the operation."""
    plain = condition.removeprefix("signals-")
    if op in READS:
        made = reading(op, MODES[mode], plain)
    elif op in WRITES:
        made = writing(op, MODES[mode], plain)
    elif op in ("connect", "connect_ex"):
        made = connecting(op, MODES[mode], plain)
    else:
        made = {
            "sendto": sendto,
            "makefile-write": buffered_write,
            "accept": accepting,
            "close": closing,
            "create_connection": creating,
        }.get(op, lambda mode, condition: asking(op, mode, condition))(MODES[mode], plain)
    made.signals = plain != condition
    return made
