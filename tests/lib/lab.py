# SPDX-License-Identifier: BSD-3-Clause
"""A Culvert of its own for one test: both processes in a directory of their own, guests, namespaces,
and conditions to wait for. All that it started is gone at the end, whatever happened."""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("CULVERT_BUILD", os.path.join(ROOT, "build"))
DATAPLANE = os.path.join(BUILD, "dataplane", "culvert-dataplane")
CULVERTD = os.path.join(BUILD, "control", "culvertd")
CULVERT = os.path.join(BUILD, "control", "culvert")
HOSTILE = os.path.join(BUILD, "tests", "system", "hostile", "culvert-hostile")
GUEST = os.path.join(ROOT, "scripts", "guest")

PR_SET_PDEATHSIG = 1


def die_with_parent():
    """In a child before exec: a test that is killed takes its processes along."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(condition, seconds=10.0, what="condition", every=0.02):
    """The condition's first true value; an assertion with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(every)


def run(*command, check=True, seconds=60, **kwargs):
    """A command's result; an assertion with its output if it fails."""
    result = subprocess.run(command, text=True, capture_output=True, timeout=seconds, check=False,
                            **kwargs)
    assert not check or result.returncode == 0, (
        f"{' '.join(command)}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result


class Lab:
    def __init__(self, workers=1, dataplane_options=(), can_pass_time=False):
        # As /run is: memory. The name is short, it ends up in those of sockets.
        self.dir = tempfile.mkdtemp(prefix="cv.", dir="/dev/shm")
        self.run_dir = os.path.join(self.dir, "run")
        self.state_dir = os.path.join(self.dir, "state")
        self.guest_dir = os.path.join(self.dir, "guests")
        self.workers = workers
        self.dataplane_options = list(dataplane_options)
        self.jumps = os.path.join(self.dir, "jumps")
        if can_pass_time:
            self.dataplane_options += ["--session-clock-jumps", self.jumps]
        self.dataplane = self.culvertd = None
        self.processes, self.namespaces, self.guests = [], [], []
        os.makedirs(os.path.join(self.run_dir, "vhost"), mode=0o750)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for name in self.guests:
            run(GUEST, "kill", name, "--dir", self.guest_dir, check=False)
        for name in self.namespaces:
            run("ip", "netns", "pids", name, check=False)
            run(GUEST, "netns", "del", name, check=False)
        for process in [self.culvertd, self.dataplane] + self.processes:
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        for name in self.taps():
            run("ip", "link", "del", name, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def taps(self, *where):
        """Interfaces that this lab's dataplanes made: they outlive them."""
        links = json.loads(run("ip", *where, "-j", "link", "show").stdout)
        return [link["ifname"] for link in links if link.get("ifalias") == f"culvert {self.run_dir}"]

    # Processes.

    def spawn(self, *command, **kwargs):
        process = subprocess.Popen(command, preexec_fn=die_with_parent, **kwargs)
        self.processes.append(process)
        return process

    def _daemon(self, log, *command):
        with open(os.path.join(self.dir, log), "a", encoding="utf-8") as out:
            return subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                    preexec_fn=die_with_parent)

    def log(self, name):
        if not os.path.exists(os.path.join(self.dir, name)):
            return ""
        with open(os.path.join(self.dir, name), encoding="utf-8", errors="replace") as f:
            return f.read()

    def start_dataplane(self, wait=True):
        seen = self.log("dataplane.log").count("ready:")
        self.dataplane = self._daemon("dataplane.log", DATAPLANE, "--run-dir", self.run_dir,
                                      "--workers", str(self.workers), *self.dataplane_options)
        if wait:
            wait_until(lambda: self.log("dataplane.log").count("ready:") > seen or
                       self.dataplane.poll() is not None, 20, "the dataplane starts")
            assert self.dataplane.poll() is None, self.log("dataplane.log")
            self.wait_connected()
        return self.dataplane

    def start_culvertd(self, wait=True):
        self.culvertd = self._daemon("culvertd.log", CULVERTD, "--run-dir", self.run_dir,
                                     "--state-dir", self.state_dir)
        if wait:
            wait_until(lambda: self.culvert("show", "status", check=False).returncode == 0 or
                       self.culvertd.poll() is not None, 10, "culvertd starts")
            assert self.culvertd.poll() is None, self.log("culvertd.log")
            self.wait_connected()
        return self.culvertd

    def wait_connected(self):
        """If both processes run: until culvertd can ask the dataplane."""
        if all(p is not None and p.poll() is None for p in (self.dataplane, self.culvertd)):
            wait_until(lambda: self.show("status")["dataplane"]["state"] == "connected", 10,
                       "culvertd has its dataplane")

    def start(self):
        self.start_dataplane()
        self.start_culvertd()
        return self

    @staticmethod
    def kill(process):
        process.kill()
        process.wait()

    def pass_time(self, seconds):
        """So many seconds pass at once for sessions; behind that they go on by real time."""
        with open(self.jumps + ".new", "w", encoding="utf-8") as f:
            f.write(str(round(seconds * 1000)))
        os.rename(self.jumps + ".new", self.jumps)
        wait_until(lambda: not os.path.exists(self.jumps), 30, "the time passes")

    # The command line.

    def culvert(self, *words, check=True, text=None):
        return run(CULVERT, "--run-dir", self.run_dir, *words, check=check, input=text)

    def apply(self, text, check=True):
        return self.culvert("apply", "-", text=text, check=check)

    def show(self, *what):
        """What `show` says, without the name of its RESTCONF node."""
        data = json.loads(self.culvert("show", *what, "--json").stdout)
        return next(iter(data.values()))

    def port(self, name, tenant="blue"):
        """A port's row of `show ports`."""
        for row in self.show("ports"):
            if row["tenant"] == tenant and row["name"] == name:
                return row
        return None

    def wait_port(self, name, state="up", tenant="blue", seconds=15):
        return wait_until(lambda: (row := self.port(name, tenant)) and row["state"] == state and row,
                          seconds, f"port {tenant}/{name} is {state}")

    def drops(self, name, tenant="blue"):
        """{reason: count} of a port, those that are not zero."""
        return {row["reason"]: row["packets"] for row in self.show("drops")
                if row["tenant"] == tenant and row["port"] == name}

    def socket(self, port, tenant="blue"):
        return os.path.join(self.run_dir, "vhost", f"{tenant}-{port}.sock")

    # Guests.

    def guest(self, name, port=None, tenant="blue", **options):
        """Boot a QEMU guest on a port; options are those of scripts/guest start."""
        words = []
        for key, value in options.items():
            for one in value if isinstance(value, list) else [value]:
                words += ["--" + key.replace("_", "-")] + ([] if one is True else [str(one)])
        self.guests.append(name)
        run(GUEST, "start", name, "--dir", self.guest_dir, "--socket",
            self.socket(port or name, tenant), *words, seconds=120)

    def guest_exec(self, name, command, check=True, seconds=60, detach=False):
        return run(GUEST, "exec", name, "--dir", self.guest_dir, "--timeout", str(seconds),
                   *(["-d"] if detach else []), "--", command, check=check, seconds=seconds + 10)

    def guest_kill(self, name):
        run(GUEST, "kill", name, "--dir", self.guest_dir)
        self.guests.remove(name)

    def namespace(self, name, interface, *addresses, mtu=None):
        """A container-like guest: a namespace with a tap port's interface."""
        wait_until(lambda: run("ip", "link", "show", interface, check=False).returncode == 0, 10,
                   f"tap {interface}")
        self.namespaces.append(name)
        run(GUEST, "netns", "add", name, "--interface", interface,
            *sum((["--address", a] for a in addresses), []), *(["--mtu", str(mtu)] if mtu else []))

    @staticmethod
    def ns_exec(name, *command, check=True, seconds=60):
        return run("ip", "netns", "exec", name, *command, check=check, seconds=seconds)


def ping_loss(output):
    """Packets lost, from the summary line of ping (iputils or busybox)."""
    for line in output.splitlines():
        if "packets transmitted" in line:
            fields = line.replace(",", "").split()
            return int(fields[0]) - int(fields[3])
    raise AssertionError(f"no summary in:\n{output}")
