# SPDX-License-Identifier: BSD-3-Clause
"""Commands in a machine of scripts/guest, over its virtio-serial ports. guest-init is the other end."""

import base64
import contextlib
import fcntl
import os
import re
import select
import time

from guest_common import STOP_SEC, Error

CHANNELS = 4  # commands that can run at once in one guest
COMMAND_MAX = 32768  # its base64 fits into an empty pipe, so that sending never blocks


class Channel:
    """One of a guest's virtio-serial ports, held for one command. guest-init is the other end.

    We say "run ID BASE64" and read "reply ID STATUS SIZE SIZE", stdout, stderr. The id is random, so
    that what a client left unread before us is told apart and skipped.
    """

    def __init__(self, guest, path, request):
        self.guest = guest
        self.request = request
        # Read and write: without QEMU's end the open neither blocks nor does the pipe end.
        self.reply = os.open(f"{path}.out", os.O_RDWR | os.O_NONBLOCK)
        self.id = os.urandom(8).hex()

    def close(self):
        os.close(self.reply)
        os.close(self.request)  # and the lock on it

    def write(self, line):
        try:
            os.write(self.request, line)
        except BlockingIOError:
            raise Error(f"guest {self.guest.name} reads no commands{self.guest.logs()}") from None

    def send(self, command):
        if len(command.encode()) > COMMAND_MAX:
            raise Error(f"the command is longer than {COMMAND_MAX} bytes: send it in pieces")
        self.write(b"run %s %s\n" % (self.id.encode(), base64.b64encode(command.encode())))

    def receive(self, limit_sec):
        """(status, stdout, stderr), or None when it took too long."""
        deadline = time.monotonic() + limit_sec
        head = re.compile(rb"\nreply %s (\d+) (\d+) (\d+)\n" % self.id.encode())
        data = b""
        found = None
        while True:
            found = found or head.search(data)
            if found:
                status, n_out, n_err = (int(n) for n in found.groups())
                middle = found.end() + n_out
                if len(data) >= middle + n_err:
                    return status, data[found.end():middle], data[middle:middle + n_err]
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if select.select([self.reply], [], [], min(left, 0.2))[0]:
                data += os.read(self.reply, 1 << 20)
            elif not self.guest.pid():
                raise Error(f"guest {self.guest.name} died under the command{self.guest.logs()}")


@contextlib.contextmanager
def open_channel(guest, deadline):
    """Takes the first channel that no other process uses."""
    guest.need_running()
    while True:
        for i in range(CHANNELS):
            request = os.open(f"{guest.channel(i)}.in", os.O_RDWR | os.O_NONBLOCK)
            try:
                fcntl.flock(request, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(request)
                continue
            with contextlib.closing(Channel(guest, guest.channel(i), request)) as channel:
                yield channel
            return
        if time.monotonic() > deadline:
            raise Error(f"all {CHANNELS} channels of guest {guest.name} are busy: use exec -d")
        time.sleep(0.02)


def run_command(guest, command, limit_sec):
    """(status, stdout, stderr); the status is 124 when the command had to be ended."""
    with open_channel(guest, time.monotonic() + limit_sec) as channel:
        channel.send(command)
        try:
            reply = channel.receive(limit_sec)
        except KeyboardInterrupt:
            channel.write(b"cancel\n")
            raise
        if reply:
            return reply
        channel.write(b"cancel\n")
        reply = channel.receive(STOP_SEC)
        if not reply:
            raise Error(f"guest {guest.name} does not answer{guest.logs()}")
        return 124, reply[1], reply[2] + b"guest: ended after %g s\n" % limit_sec
