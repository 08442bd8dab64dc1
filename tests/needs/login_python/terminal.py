"""Runs a program on a terminal and answers its prompts, as somebody who types would.

Arguments: how many prompts; then, for each, the prompt and what is typed; then the program and its
arguments. Prints all that the terminal showed. Exit status: the program's, as a shell tells it. However it
ended, the terminal has to show again what is typed.
"""
import os
import pty
import sys
import termios
import time

KEYS = {'^C': b'\x03', '^D': b'\x04'}

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
    # Control-D ends the input and Control-C the program; anything else is a line.
    os.write(terminal, KEYS.get(typed) or typed.encode() + b'\n')
while read():
    pass
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(shown)
if not echoes():
    sys.exit('what is typed now is not shown')
sys.exit(status if status >= 0 else 128 - status)
