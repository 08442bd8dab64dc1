"""Python's `io` over the files of `sockmodes::socket`, as `socket.makefile` gives them.

Each method hands its arguments on; what `io` does for every file (lines by iteration, `with`, text) it does here too.
"""
import io


class _File:
    """What both kinds of files have."""

    def __init__(self, file, access, fileno):
        self._file = file
        self._access = access
        self._number = fileno
        self._is_closed = False

    @property
    def closed(self):
        return self._is_closed

    def readable(self):
        self._check()
        return "r" in self._access

    def writable(self):
        self._check()
        return "w" in self._access

    def seekable(self):
        self._check()
        return super().seekable()

    def _check(self):
        if self.closed:
            raise ValueError("I/O operation on closed file.")

    @property
    def mode(self):
        return self._access + "b"

    @property
    def name(self):
        return -1 if self.closed else self._number

    def fileno(self):
        return self._file.fileno()

    def write(self, data):
        return self._file.write(data)

    def readline(self, limit=-1):
        return self._file.readline(-1 if limit is None else limit)

    def flush(self):
        self._file.flush()

    def close(self):
        if not self._is_closed:
            self._is_closed = True
            self._file.close()


class Raw(_File, io.RawIOBase):
    def readinto(self, buffer):
        return self._file.readinto(buffer)

    def read(self, size=-1):
        return self._file.read(None if size is None or size < 0 else size)

    def readall(self):
        return self._file.read(None)


class Buffered(_File, io.BufferedIOBase):
    def read(self, size=-1):
        return self._file.read(None if size is None or size < 0 else size)

    def read1(self, size=-1):
        return self._file.read1(size)

    def peek(self, size=0):
        return self._file.peek()

    def readinto(self, buffer):
        return self._file.readinto(buffer, False)

    def readinto1(self, buffer):
        return self._file.readinto(buffer, True)


def makefile(self, mode="r", buffering=None, *, encoding=None, errors=None, newline=None):
    """In the place of `socket.socket.makefile`."""
    if not set(mode) <= {"r", "w", "b"}:
        raise ValueError(f"invalid mode {mode!r} (only r, w, b allowed)")
    access = "".join(letter for letter in "rw" if letter in mode) or "r"
    if buffering is None or buffering < 0:
        buffering = io.DEFAULT_BUFFER_SIZE
    if buffering == 0:
        if "b" not in mode:
            raise ValueError("unbuffered streams must be binary")
        return Raw(self._raw_file(access), access, self.fileno())
    buffered = Buffered(self._buffered_file(access, buffering), access, self.fileno())
    if "b" in mode:
        return buffered
    text = io.TextIOWrapper(buffered, encoding, errors, newline)
    text.mode = mode
    return text
