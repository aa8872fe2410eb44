# SPDX-License-Identifier: BSD-3-Clause
"""Very many frames, made in advance and put on a wire by sendmmsg(2): some hundred thousand a second."""
import ctypes
import errno
import os
import socket
import struct
import time

GROUP = 256
# A tap's queue has room for a thousand; a dataplane that shares its CPU needs a moment.
PAUSE_SEC = 0.0005


class Message(ctypes.Structure):
    """struct mmsghdr of 64-bit Linux; without a name and control data it is mostly zeros."""
    _fields_ = [("name", ctypes.c_void_p), ("name_len", ctypes.c_uint32), ("vectors", ctypes.c_void_p),
                ("n_vectors", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_len", ctypes.c_size_t),
                ("flags", ctypes.c_long), ("sent", ctypes.c_uint)]


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def ip_frame(macs, protocol, source, destination, l4):
    """macs: (source, destination); addresses as text."""
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(l4), 1, 0, 64, protocol, 0)
    header = header[:10] + struct.pack("!H", checksum(header + addresses)) + addresses
    return mac_bytes(macs[1]) + mac_bytes(macs[0]) + b"\x08\x00" + header + l4


def udp_frame(macs, source, destination, data):
    """Endpoints (address, port). Without a checksum, as UDP may be; 18 bytes of data fill a frame."""
    l4 = struct.pack("!HHHH", source[1], destination[1], 8 + len(data), 0) + data
    return ip_frame(macs, socket.IPPROTO_UDP, source[0], destination[0], l4)


def syn_frame(macs, source, destination, number):
    l4 = struct.pack("!HHIIBBHHH", source[1], destination[1], number, 0, 5 << 4, 2, 65535, 0, 0)
    pseudo = socket.inet_aton(source[0]) + socket.inet_aton(destination[0]) + struct.pack("!HH", 6, len(l4))
    l4 = l4[:16] + struct.pack("!H", checksum(pseudo + l4)) + l4[18:]
    return ip_frame(macs, socket.IPPROTO_TCP, source[0], destination[0], l4)


class Flood:
    """Frames of one size, ready to go."""

    def __init__(self, frames):
        self.n, size = len(frames), len(frames[0])
        self.bytes = ctypes.create_string_buffer(b"".join(frames), self.n * size)
        base = ctypes.addressof(self.bytes)
        self.vectors = ctypes.create_string_buffer(
            b"".join(struct.pack("=QQ", base + i * size, size) for i in range(self.n)))
        base = ctypes.addressof(self.vectors)
        self.messages = (Message * self.n)()
        for i, message in enumerate(self.messages):
            message.vectors, message.n_vectors = base + i * 16, 1
        self.libc = ctypes.CDLL(None, use_errno=True)

    def send(self, wire, is_on=lambda: True):
        """All of them once. What a full queue of the interface drops is lost, as on any wire."""
        sent = 0
        while sent < self.n and is_on():
            n = self.libc.sendmmsg(wire.socket.fileno(), ctypes.byref(self.messages[sent]),
                                   min(GROUP, self.n - sent), 0)
            failure = ctypes.get_errno()
            assert n > 0 or failure == errno.ENOBUFS, os.strerror(failure)
            sent += max(n, 0)
            time.sleep(PAUSE_SEC)
        return sent
