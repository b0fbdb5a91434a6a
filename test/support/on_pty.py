"""Run a command on a terminal of its own: on_pty.py COLUMNS ROWS COMMAND ...

What the terminal shows goes to standard output, byte by byte. Standard input takes JSON lines: {"type": "text"} presses
keys, {"resize": [columns, rows]} does what dragging the window does; ESC ] resize ; columns ; rows BEL in the output marks
the byte at which the terminal had its new size. Ends with the exit code of the command, 128 + n when signal n ended it.
"""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios


def resize(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def drain(terminal):
    """What was drawn for the old size."""
    while select.select([terminal], [], [], 0.05)[0]:
        os.write(1, os.read(terminal, 65536))


def drag(pid, terminal, columns, rows):
    """A terminal changes its picture and its size at once: nothing is drawn in between."""
    os.kill(pid, signal.SIGSTOP)
    drain(terminal)
    os.write(1, b"\x1b]resize;%d;%d\x07" % (columns, rows))
    resize(terminal, columns, rows)
    os.kill(pid, signal.SIGCONT)


def main():
    columns, rows, *command = sys.argv[1:]
    pid, terminal = pty.fork()
    if pid == 0:
        # The size has to be there before the first line is drawn.
        resize(0, int(columns), int(rows))
        os.execvp(command[0], command)
    orders = b""
    inputs = [terminal, 0]
    while True:
        ready, _, _ = select.select(inputs, [], [])
        if terminal in ready:
            try:
                shown = os.read(terminal, 65536)
            except OSError:
                break
            if not shown:
                break
            os.write(1, shown)
        if 0 in ready:
            said = os.read(0, 65536)
            if not said:
                inputs.remove(0)
            orders += said
            *lines, orders = orders.split(b"\n")
            for order in map(json.loads, lines):
                if "type" in order:
                    os.write(terminal, order["type"].encode())
                if "resize" in order:
                    drag(pid, terminal, *order["resize"])
    _, status = os.waitpid(pid, 0)
    sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


main()
