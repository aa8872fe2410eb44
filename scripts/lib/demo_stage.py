# SPDX-License-Identifier: BSD-3-Clause
"""The stage of scripts/demo: what it starts, where that is written down, and how all of it goes away,
also what a demo left that was killed. Everything of a demo is in RUN: pidfiles, logs, sockets."""

import contextlib
import ctypes
import fcntl
import glob
import json
import os
import shutil
import signal
import subprocess
import time

from guest_common import birth_of

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("CULVERT_BUILD", os.path.join(ROOT, "build")))
DATAPLANE = os.path.join(BUILD, "dataplane", "culvert-dataplane")
CULVERTD = os.path.join(BUILD, "control", "culvertd")
CULVERT = os.path.join(BUILD, "control", "culvert")
GUEST = os.path.join(ROOT, "scripts", "guest")

RUN = "/run/culvert-demo"
GUEST_DIR = os.path.join(RUN, "guests")
IMAGE_DIR = os.path.join(BUILD, "guest")
NAMESPACES = ("cvdemo-red1", "cvdemo-red2")  # also their interfaces, see examples/demo.yaml
INTERNET = "cvdemo-internet"  # what is outside, of both tenants
UPLINK, UPLINK_PEER = "cvdemo-up", "cvdemo-isp"  # a veth pair, in place of a network card and its cable
KERNEL_ADDRESS = "198.51.100.9"  # the host's own on the uplink
WEB = {4: "203.0.113.80", 6: "2001:db8:80::80"}
# The way back. The second one is for an intruder: nobody outside should reach what is behind the NAT.
ROUTES = {"2001:db8:b::/64": "2001:db8:100::2", "10.0.0.0/24": "198.51.100.2",
          "2001:db8:c::/64": "2001:db8:100::3"}
DAEMONS = ("culvertd", "dataplane")

# Run in the internet: a web server whose page says who asked.
WEB_SERVER = """
import http.server, socket

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = f"you are {self.client_address[0].removeprefix('::ffff:')}\\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6

Server(("::", 80), Page).serve_forever()
"""

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Failure(Exception):
    """Why the demo can't go on, for the user, in one line."""


def die_with_us():
    """In a helper before exec: SIGTERM when the demo is killed, so that it tidies up."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


helpers = []  # commands that run now: they end before anything is tidied up


def spawn(*command, **options):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
    child = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
                             preexec_fn=die_with_us, **options)
    helpers.append(child)
    return child


def finish(child, seconds=60):
    """(status, output) of a spawned command."""
    try:
        output = child.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(child.args)[:200]}: no end after {seconds} s") from None
    helpers.remove(child)
    return child.returncode, output


def run(*command, seconds=60, **options):
    return finish(spawn(*command, **options), seconds)


def need(*command, **options):
    """The output of a command that must succeed."""
    status, output = run(*command, **options)
    if status != 0:
        raise Failure(f"{' '.join(command)[:200]}: exit {status}: {' '.join(output.split())[-500:]}")
    return output


def wait_for(condition, seconds, what, every=0.05):
    """The first true value; `what` may be a function, to tell the state at the end."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise Failure(f"{what() if callable(what) else what}: not within {seconds} s")
        time.sleep(every)
    return value


def take_lock():
    """One demo at a time. The lock is on RUN itself and goes with the process that holds it."""
    while True:
        os.makedirs(RUN, mode=0o755, exist_ok=True)
        fd = os.open(RUN, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_ino == os.stat(RUN).st_ino:
                return
        except BlockingIOError:
            raise Failure("another scripts/demo is at work: wait for it, or end it with Ctrl-C") from None
        except FileNotFoundError:
            pass
        os.close(fd)  # it was removed by the demo that had it: the next one


# --- the two processes of Culvert ---


def pidfile(name):
    return os.path.join(RUN, f"{name}.pid")


def start_daemon(name, *command):
    """It outlives us (--keep), so its process id is written down, by itself before it runs."""
    def prepare():
        with open(pidfile(name), "w", encoding="ascii") as file:
            file.write(f"{os.getpid()} {birth_of(os.getpid())}\n")

    with open(os.path.join(RUN, f"{name}.log"), "wb") as log:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                         start_new_session=True, preexec_fn=prepare)


def process_of(path):
    """Process id in a pidfile, or None when it is gone; a stranger with the same number was born at
    another time."""
    try:
        with open(path, encoding="ascii") as file:
            pid, born = file.read().split()
        return int(pid) if birth_of(pid) == born else None
    except (OSError, ValueError):
        return None


def log_tail(name):
    with contextlib.suppress(OSError), open(os.path.join(RUN, f"{name}.log"), errors="replace",
                                            encoding="utf-8") as file:
        return " / ".join(file.read().splitlines()[-4:])
    return ""


def start_culvert():
    start_daemon("dataplane", DATAPLANE, "--run-dir", RUN)
    start_daemon("culvertd", CULVERTD, "--run-dir", RUN, "--state-dir", os.path.join(RUN, "configuration"))

    def is_up():
        for name in DAEMONS:
            if not process_of(pidfile(name)):
                raise Failure(f"{name} ended: {log_tail(name)}")
        status, output = run(CULVERT, "--run-dir", RUN, "show", "status", "--json")
        return status == 0 and json.loads(output)["culvert:status"]["dataplane"]["state"] == "connected"

    wait_for(is_up, 20, lambda: f"culvertd and the dataplane meet ({log_tail('culvertd')})")


def culvert(*words):
    return need(CULVERT, "--run-dir", RUN, *words)


def show(what, *words):
    """The list that `culvert show` prints as a table."""
    return json.loads(culvert("show", what, *words, "--json"))[f"culvert:{what}"]


# --- guests ---


def start_guests(guests):
    """Boots machines at once: {name: (port, options)}."""
    booting = [spawn(GUEST, "start", name, "--dir", GUEST_DIR, "--image-dir", IMAGE_DIR, "--socket",
                     os.path.join(RUN, "vhost", f"{port}.sock"), *options)
               for name, (port, options) in guests.items()]
    for child in booting:
        status, output = finish(child, 120)
        if status != 0:
            raise Failure(" ".join(output.split()))


def in_guest(name, command, seconds=30):
    """(status, output) of a shell command in a machine."""
    return run(GUEST, "exec", name, "--dir", GUEST_DIR, "--timeout", str(seconds), "--", command,
               seconds=seconds + 10)


def start_namespace(name, *addresses):
    need(GUEST, "netns", "add", name, "--interface", name,
         *(word for address in addresses for word in ("--address", address)))


def start_uplink():
    """The uplink, before the dataplane takes its part of it: the kernel has an address there."""
    need("ip", "netns", "add", INTERNET)
    need("ip", "link", "add", UPLINK, "type", "veth", "peer", "name", UPLINK_PEER, "netns", INTERNET)
    need("ip", "address", "add", f"{KERNEL_ADDRESS}/24", "dev", UPLINK)
    need("ip", "link", "set", UPLINK, "up")
    need("ip", "-n", INTERNET, "link", "set", UPLINK_PEER, "up")


def start_internet():
    """What both tenants find outside: their next hop, and behind it a web server."""
    addresses = [(UPLINK_PEER, "198.51.100.1/24"), (UPLINK_PEER, "2001:db8:100::1/64")]
    addresses += [("lo", f"{address}/{32 if version == 4 else 128}") for version, address in WEB.items()]
    need("ip", "-n", INTERNET, "link", "set", "lo", "up")
    for device, address in addresses:
        need("ip", "-n", INTERNET, "address", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
    for prefix, router in ROUTES.items():
        need("ip", "-n", INTERNET, "route", "add", prefix, "via", router)
    # It ends with its namespace.
    need("ip", "netns", "exec", INTERNET, "sh", "-c",
         "setsid python3 -c \"$0\" >/dev/null 2>&1 </dev/null &", WEB_SERVER, stdout=subprocess.DEVNULL)


def in_namespace(name, command, seconds=30):
    return run("ip", "netns", "exec", name, "sh", "-c", command, seconds=seconds)


# --- the end ---


def end_helpers():
    for child in helpers:
        child.terminate()
    for child in helpers:
        try:
            child.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    helpers.clear()


def end_process(path, signals):
    """Ends what a pidfile names, by one signal after the other. False: there was nothing."""
    if not process_of(path):
        return False
    for number in signals:
        end = time.monotonic() + 5
        if pid := process_of(path):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while process_of(path) and time.monotonic() < end:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # if it is our child
            time.sleep(0.02)
    if process_of(path):
        raise Failure(f"process {pid} of {path} outlived a SIGKILL")
    return True


def clean_up():
    """Removes all of a demo, whoever started it. Says whether there was something."""
    end_helpers()
    found = False
    for path in glob.glob(os.path.join(GUEST_DIR, "*", "pid")):
        found |= end_process(path, [signal.SIGKILL])
    for name in (*NAMESPACES, INTERNET):
        if os.path.exists(f"/run/netns/{name}"):
            subprocess.run([GUEST, "netns", "del", name], check=False)
            found = True
    for name in DAEMONS:
        found |= end_process(pidfile(name), [signal.SIGTERM, signal.SIGKILL])
    # And the taps of that name, which outlive the dataplane; the veth pair is gone with its namespace.
    for name in (*NAMESPACES, UPLINK):
        subprocess.run(["ip", "link", "del", name], check=False, capture_output=True)
    for path in glob.glob(os.path.join(RUN, "*")):
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    return found


def leave():
    """After clean_up(): the directory, and with it the lock."""
    with contextlib.suppress(OSError):
        os.rmdir(RUN)
