"""What the tests of the command share: daemons at addresses of their own, and runs of the command."""
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

COMMAND = os.environ["TRACTOR_TEST_COMMAND"]
PRIMES = os.environ["TRACTOR_TEST_PRIMES"]
FARM = os.environ["TRACTOR_TEST_FARM"]
LIMIT = 20 * int(os.environ.get("TRACTOR_TEST_HEADROOM", "1"))

OK, FAILED, USAGE, NOBODY, NO_REGISTRAR, TIMEOUT, CANCELLED, LOST = range(8)
INTERRUPT, TERMINATE = 130, 143


class Lines:
    """The lines of a pipe, each as soon as it is there."""

    def __init__(self, pipe):
        self.lines = queue.Queue()
        threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def _read(self, pipe):
        for line in pipe:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)
        pipe.close()

    def next(self):
        """The next line; None at the end."""
        return self.lines.get(timeout=LIMIT)


class Command:
    """`tractor ARGUMENT...`, running."""

    def __init__(self, *arguments, environment=(), **options):
        self.process = subprocess.Popen([COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env={**os.environ, **dict(environment)},
                                        **options)
        self.out = Lines(self.process.stdout)
        self.err = Lines(self.process.stderr)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def wait(self):
        """(status, what is left on stdout, stderr)"""
        status = self.process.wait(LIMIT)
        return status, list(iter(self.out.next, None)), "\n".join(iter(self.err.next, None))


def listens(address):
    """Does somebody listen at a multiaddr?"""
    unix = address.startswith("/unix/")
    parts = address.split("/")
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
        return probe.connect_ex(address.removeprefix("/unix") if unix else (parts[2], int(parts[4]))) == 0


class Case(unittest.TestCase):
    """Registry addresses come from the transport that the test is made for; see transports()."""
    transport = "tcp"
    maxDiff = None

    def setUp(self):
        self.registry = None

    def daemon(self, *arguments, registry=None):
        """A running daemon; the first one of a test is the registrar of all that follows."""
        if registry is None:
            registry = self.registry or self.new_registry()
        daemon = Command("--registry", registry, "run", *arguments)
        self.addCleanup(self.end, daemon)
        daemon.line = daemon.out.next()
        if daemon.line is None:
            self.fail(f"no daemon: {daemon.wait()}")
        daemon.address = re.search(r"  (/\S+)", daemon.line)[1]
        self.registry = self.registry or daemon.address
        return daemon

    def new_registry(self, port=1616):
        if self.transport == "tcp":
            return "/ip4/127.0.0.1/tcp/0"
        return f"/unix{os.environ['XDG_RUNTIME_DIR']}/tractor/registry@{port}.sock"

    def end(self, daemon):
        if daemon.process.poll() is None:
            daemon.process.terminate()
            status, _, err = daemon.wait()
            self.assertEqual((status, err), (TERMINATE, ""))

    def start(self, *arguments, **options):
        where = ("--registry", self.registry) if self.registry else ()
        command = Command(*where, *arguments, **options)
        self.addCleanup(lambda: command.process.poll() is None and command.process.kill())
        return command

    def tractor(self, *arguments, **options):
        """(status, lines of stdout, stderr)"""
        return self.start(*arguments, **options).wait()

    def expect(self, status, out, *arguments, **options):
        got = self.tractor(*arguments, **options)
        self.assertEqual((status, out), got[:2], got[2])
        if status == OK:
            self.assertEqual(got[2], "")
        return got[2]

    def wait_until(self, condition, what):
        end = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > end:
                self.fail(f"not in time: {what}")
            time.sleep(0.01)


def transports(case):
    """The cases of a class over TCP and over Unix sockets."""
    module = sys.modules[case.__module__]
    for transport in ("tcp", "uds"):
        name = f"{case.__name__}_{transport}"
        setattr(module, name, type(name, (case, unittest.TestCase), {"transport": transport, "__module__": module.__name__}))
    return None


main = unittest.main
