"""Runs a program on a terminal and answers its prompts, as somebody who types would.

Arguments: how many prompts; then, for each, the prompt and what is typed; then the program and its
arguments. Prints all that the terminal showed. Exit status: the program's.
"""
import os
import pty
import sys
import termios
import time

count = int(sys.argv[1])
prompts = list(zip(sys.argv[2:2 + 2 * count:2], sys.argv[3:3 + 2 * count:2]))
program = sys.argv[2 + 2 * count:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(program[0], program)
shown = b''


def read():
    global shown
    try:
        part = os.read(terminal, 1024)
    except OSError:  # EIO: nobody holds the other end any more
        part = b''
    shown += part
    return part


def echoes():
    return termios.tcgetattr(terminal)[3] & termios.ECHO


seen = 0
for prompt, typed in prompts:
    while prompt.encode() not in shown[seen:]:
        if not read():
            sys.exit('no prompt %r in %r' % (prompt, shown))
    seen = shown.index(prompt.encode(), seen) + len(prompt.encode())
    # What is typed before the echo is off is shown: nobody is as fast as that, but this is.
    while ('password' in prompt or 'again' in prompt) and echoes():
        time.sleep(0.001)
    # A Ctrl-D ends the input; anything else is a line.
    os.write(terminal, b'\x04' if typed == '^D' else typed.encode() + b'\n')
while read():
    pass
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
