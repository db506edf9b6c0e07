"""docs/cli.md: its sessions, typed again.

What begins with `$ ` in a block of console is a command. One that ends with `&` goes on while others run. A line below is
the next one of the last command or of one that still goes on, on stdout or stderr, as a terminal mixes them. Process ids, uuids
and ports are others each time, but the same where they are the same on the page; in commands they are replaced."""
import os
import queue
import re
import shutil
import subprocess
import time
import unittest

import kit

PAGE = os.path.join(os.path.dirname(__file__), "../../docs/cli.md")
RUNTIME_DIR = "/run/user/1000"

# A word with one group is a name that is to be the same throughout.
VARIABLE = re.compile(r"(?:@|\bkill -9 )(?P<pid>\d+)|/tcp/(?P<port>\d+)|(?P<uuid>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)"
                      r"|\b(?P<memory>\d+(?:\.\d+)?(?= MiB))")


class Names:
    """What stands on the page, and what it is this time."""

    def __init__(self):
        self.real = {}

    def fits(self, line, real_line):
        """Is it the line of the page? Then its names are known from now on."""
        if VARIABLE.sub("*", line) != VARIABLE.sub("*", real_line):
            return False
        found = dict(self.real)
        for a, b in zip(VARIABLE.finditer(line), VARIABLE.finditer(real_line)):
            kind, name, real_name = a.lastgroup, a[a.lastgroup], b[b.lastgroup]
            if kind != "memory" and found.setdefault((kind, name), real_name) != real_name:
                return False
        self.real = found
        return True

    def replace(self, command):
        return VARIABLE.sub(lambda m: m[0].replace(m[m.lastgroup], self.real[m.lastgroup, m[m.lastgroup]]), command)


class Job:
    """A command that runs, with what it has said."""

    def __init__(self, command, last_status, environment):
        self.command = command
        self.process = subprocess.Popen(["bash", "-c", f"(exit {last_status}); {command}"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
                                        cwd=environment["HOME"])
        self.lines = kit.Lines(self.process.stdout)
        self.next_line = None
        self.is_over = False

    def peek(self, seconds):
        """The line that comes next, if one does so soon."""
        if self.next_line is None and not self.is_over:
            try:
                self.next_line = self.lines.lines.get(timeout=seconds)
                self.is_over = self.next_line is None
            except queue.Empty:
                pass
        return self.next_line


class Page(kit.Case):
    def setUp(self):
        super().setUp()
        home = os.path.join(os.environ["TMPDIR"], "page")
        os.mkdir(home)
        self.addCleanup(shutil.rmtree, home)
        os.symlink(kit.PRIMES, os.path.join(home, "libprimes.so"))
        with kit.socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        self.environment = {**os.environ, "HOME": home, "TRACTOR_REGISTRY": f"/ip4/127.0.0.1/tcp/{port}",
                            "PATH": os.path.dirname(kit.COMMAND) + ":" + os.environ["PATH"]}
        self.names = Names()
        self.names.real["port", "1616"] = port
        self.jobs = []
        self.status = 0
        self.addCleanup(self.end)

    def end(self):
        for job in self.jobs:
            if job.process.poll() is None:
                job.process.kill()

    def type(self, command):
        job = Job(self.names.replace(command.removesuffix("&")), self.status, self.environment)
        self.jobs.append(job)
        return job

    def see(self, line):
        """Some job says that."""
        end = time.monotonic() + kit.LIMIT
        while time.monotonic() < end:
            for job in self.jobs:
                said = job.peek(0.01)
                if said is not None and self.names.fits(line, said.replace(os.environ["XDG_RUNTIME_DIR"], RUNTIME_DIR)):
                    job.next_line = None
                    return
        self.fail(f"not said: {line}\nbut: " + "\n".join(f"{job.command}: {job.peek(0)}" for job in self.jobs))

    def is_done(self, job):
        self.status = job.process.wait(kit.LIMIT)
        if killed := re.match(r"kill -9 (\d+)", job.command):
            self.wait_until(lambda: not self.lives(killed[1]), "it is dead")
        if cancelled := re.match(r"tractor cancel (\S+)", job.command):  # it has acknowledged that, and is on its way out
            for daemon in self.jobs:
                if f"--name {cancelled[1]} " in daemon.command + " ":
                    daemon.process.wait(kit.LIMIT)
        self.assertEqual(job.peek(kit.LIMIT), None, job.command)

    def lives(self, pid):
        for job in self.jobs:
            job.process.poll()  # which buries it, if it was a job itself
        return os.path.exists(f"/proc/{pid}")

    def test_page(self):
        with open(PAGE, encoding="utf-8") as page:
            sessions = re.findall(r"^```console\n(.*?)^```$", page.read(), re.S | re.M)
        job = None
        for line in "".join(sessions).splitlines():
            if not line.startswith("$ "):
                self.see(line)
                continue
            if job and not job.in_background:
                self.is_done(job)
            job = self.type(line[2:])
            job.in_background = line.endswith("&")
        if not job.in_background:
            self.is_done(job)
        for job in self.jobs:
            self.is_done(job)


class Tables(unittest.TestCase):
    """What the page tells in tables, the manual tells too."""

    def test_exit_statuses(self):
        with open(PAGE, encoding="utf-8") as page:
            told = re.findall(r"^\| ([\d, ]+) \|", page.read(), re.M)
        header = os.path.join(os.path.dirname(PAGE), "../command/status.hpp")
        with open(header, encoding="utf-8") as text:
            known = re.findall(r"= (\d+),?", text.read())
        self.assertEqual([n for row in told for n in row.split(", ")], known)


if __name__ == "__main__":
    unittest.main()
