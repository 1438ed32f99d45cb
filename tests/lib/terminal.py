"""Programs on a terminal of their own."""

import os
import pty
import select
import subprocess

from server import PATIENCE


class Terminal:
    """A program on a terminal of its own: what it shows, and typing into it."""

    def __init__(self, command, **more):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, **more)
        os.close(slave)
        self.shown = ""

    def read(self):
        ready, _, _ = select.select([self.master], [], [], PATIENCE)
        assert ready, self.shown
        try:
            piece = os.read(self.master, 65536).decode(errors="replace")
        except OSError:
            piece = ""
        self.shown += piece
        return piece

    def until(self, text, start=0):
        while text not in self.shown[start:]:
            assert self.read(), f"the end came before {text!r}: {self.shown}"

    def type(self, text):
        """Types a line; what comes from there on starts at the place given back."""
        start = len(self.shown)
        os.write(self.master, text.encode() + b"\n")
        return start

    def end(self):
        while self.read():
            pass
        return self.process.wait(PATIENCE)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)
