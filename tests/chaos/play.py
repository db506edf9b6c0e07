"""One round: starts the root, injects the faults that come from outside, and looks at what is left."""

import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time

import proc
from plan import Plan, LADDER_MS

HEADROOM = int(os.environ.get("TRACTOR_TEST_HEADROOM") or 1)
# What everybody who has to do something for the end needs for it.
EPSILON_MS = 1000 * HEADROOM
# After it a caller of a cancelled task leaves, so without anybody stuck a tree is down soon after.
PATIENCE_MS = 616
BOOT_MS = 5000 * HEADROOM
# What the death of a parent takes along is gone by then.
ORPHAN_MS = 1000 * HEADROOM
# How often it is asked who has to wait for a processor; those that end between are not known to have waited since.
SAMPLE_MS = 200
STRANGER = b"sleep\x0077\0"


def now():
    return time.monotonic_ns() // 1000000


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def shared_memory():
    try:
        return {name for name in os.listdir("/dev/shm") if "tractor" in name}
    except OSError:
        return set()


class Round:
    def __init__(self, seed, actor):
        self.seed, self.actor = seed, actor
        self.plan = Plan(seed)
        self.injected = []  # (ms since the body began, kind, text, pid)
        self.left = []  # what was found afterwards
        self.late = ""
        self.root_killed = False
        self.struck = {}  # pid: the node whose connection was to be cut there
        self.status = None
        self.outcome = None
        self.took = 0
        self._waits = {}  # pid: for how many ms it had no processor
        self._waited_before = proc.starved(os.getpid())

    # --- the stage ---

    def play(self):
        self.folder = tempfile.mkdtemp(prefix="tchaos")
        try:
            self._prepare()
            before = shared_memory()
            self._start()
            try:
                self._run()
            finally:
                self._finish()
            self.left += [f"/dev/shm/{name}" for name in sorted(shared_memory() - before)]
            self._look_at_files()
            self.diary = self._read("diary")
            self.stderr = self._read("stderr")
            self.outcome = self._read("outcome")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _read(self, name):
        try:
            with open(self._path(name), errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def _prepare(self):
        for name in ("run", "tmp"):
            os.mkdir(self._path(name), 0o700)
        if self.plan.transport == "uds":
            self.registry = f"/unix{self._path('run')}/tractor/registry@1616.sock"
        else:
            self.registry = f"/ip4/127.0.0.1/tcp/{free_port()}"
        with open(self._path("plan"), "w") as f:
            f.write(self.plan.text(self.registry))
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("TRACTOR_") or "_TEST_" in k}
        self.environment.update(
            CHAOS_PLAN=self._path("plan"),
            CHAOS_DIARY=self._path("diary"),
            CHAOS_OUTCOME=self._path("outcome"),
            XDG_RUNTIME_DIR=self._path("run"),
            TMPDIR=self._path("tmp"),
        )

    def _start(self):
        with open(self._path("stderr"), "w") as err:
            self.root = subprocess.Popen(
                [self.actor],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                env=self.environment,
                start_new_session=True,
            )
        self.pidfd = os.pidfd_open(self.root.pid)
        self.parked_before = None
        if self.plan.embedded and self._parked(BOOT_MS):
            self.parked_before = proc.belongings(self.root.pid)
            self._go_on()

    def _parked(self, ms):
        ready, _, _ = select.select([self.root.stdout], [], [], max(ms, 0) / 1000)
        return bool(ready) and os.read(self.root.stdout.fileno(), 1) == b"P"

    def _go_on(self):
        try:
            os.write(self.root.stdin.fileno(), b"G")
        except BrokenPipeError:
            pass

    def _over(self, ms):
        """The root has ended, or parks at its end; waits so long."""
        fds = [self.pidfd] + ([self.root.stdout] if self.plan.embedded and not self.root_killed else [])
        end = now() + max(ms, 0)
        while not select.select(fds, [], [], min(max(end - now(), 0), SAMPLE_MS) / 1000)[0]:
            if now() >= end:
                return False
            self._look_who_waits()
        return True

    def _look_who_waits(self):
        for pid in [os.getpid()] + proc.descendants(os.getpid()):
            self._waits[pid] = max(proc.starved(pid), self._waits.get(pid, 0))

    def starved(self):
        """For how many ms somebody could not do what is expected, since others had the processors."""
        return sum(self._waits.values()) - (self._waited_before if self._waits else 0)

    # --- the play ---

    def _body_began(self):
        """When the root said that it is up; None: it never did."""
        end = now() + BOOT_MS
        over = False
        while True:
            for line in self._read("diary").splitlines():
                words = line.split(" ", 3)
                if len(words) == 4 and words[3] == "body":
                    return int(words[0]) // 1000000
            if over or now() >= end + self.starved():
                return None
            # It may be over before it was seen to begin, and has written that down.
            over = self._over(1)
            if now() >= end:
                self._look_who_waits()

    def is_stuck(self):
        """Somebody may have to be ended by force; cuts are among the planned ones, since only the victim knows of them."""
        slow = ("stop", "stop-cont", "cut", "half-close")
        return self.plan.stuck or any(f.kind in slow and f.at <= self.plan.end for f in self.plan.faults)

    def bound(self):
        """How long after the planned end all must be over, and why."""
        if self.is_stuck():
            return LADDER_MS + EPSILON_MS + self.starved(), "asked 0.5 s, terminated, killed 1.6 s later"
        return PATIENCE_MS + EPSILON_MS + self.starved(), "the last word of a task is awaited 0.616 s"

    def _run(self):
        self.begin = self._body_began()
        if self.begin is None:
            self.left.append("the root did not come up")
            return
        todo = [(f.at, f) for f in self.plan.faults if f.kind in ("kill", "stop", "stop-cont", "cut", "half-close", "signal")]
        while True:
            self._look_who_waits()
            limit = self.plan.end + self.bound()[0]
            if self._time() >= limit:
                self._too_late(limit)
                break
            at = min(todo[0][0], limit) if todo else limit
            if self._over(at - self._time()):
                break
            if not todo or self._time() < todo[0][0]:
                continue
            _, fault = todo.pop(0)
            again = self._inject(fault)
            if again is not None and again[0] < self.plan.end + LADDER_MS:
                todo.append(again)
                todo.sort(key=lambda t: t[0])
        self.took = self._time()

    def _time(self):
        return now() - self.begin

    def _find(self, fault):
        if fault.node == 0 and not fault.newborn:
            return self.root.pid
        wanted = self.plan.nodes[fault.node].name
        for pid in proc.descendants(self.root.pid):
            name = proc.title(pid)
            # A stranger will never be an actor.
            if fault.newborn and name is None and proc.read(pid, "cmdline") not in (b"", STRANGER):
                return pid
            if not fault.newborn and name == wanted:
                return pid
        return None

    def _inject(self, fault):
        """Does it; answers when to do what next, if anything."""
        if isinstance(fault, tuple):  # resume
            self._signal(fault[1], signal.SIGCONT, "", "resumed")
            return None
        pid = self._find(fault)
        if pid is None or proc.state(pid)[0] in ("Z", "X", ""):
            # Perhaps it is not there yet.
            return (self._time() + (1 if fault.newborn else 5), fault) if self._time() < self.plan.end else None
        name = "the root" if fault.node == 0 else "a newborn" if fault.newborn else self.plan.nodes[fault.node].name
        if fault.kind == "kill":
            self.root_killed |= pid == self.root.pid
            self._signal(pid, signal.SIGKILL, "kill", name)
        elif fault.kind == "signal":
            self._signal(pid, fault.signal, "signal", f"{name} gets signal {fault.signal}")
        elif fault.kind == "stop":
            self._signal(pid, signal.SIGSTOP, "stop", name)
        elif fault.kind == "stop-cont":
            self._signal(pid, signal.SIGSTOP, "stop-cont", f"{name} for {fault.resume_after} ms")
            return (self._time() + fault.resume_after, ("resume", pid))
        else:
            # Counted when the victim has noted that there was something to cut.
            self.struck[pid] = fault.node
            proc.queue_signal(pid, signal.SIGUSR2, fault.how)
        return None

    def _signal(self, pid, signo, kind, text):
        try:
            # Noted first: what follows from it may be seen at once.
            when = self._time()
            os.kill(pid, signo)
            self.injected.append((when, kind, text, pid))
        except ProcessLookupError:
            pass

    def _too_late(self, limit):
        running = [proc.describe(p) for p in [self.root.pid] + proc.descendants(self.root.pid)]
        self.late = f"not over after {limit} ms ({self.plan.end} planned, {self.bound()[1]}):\n    " + "\n    ".join(running)

    # --- what is left ---

    def _finish(self):
        if self.late or self.begin is None:
            self._kill_all()
        elif self.plan.embedded and not self.root_killed and proc.state(self.root.pid)[0] not in ("Z", ""):
            if self._parked(0):
                self._look_at_survivor()
                self._go_on()
        self.status = self._reap_root()
        self._look_at_processes()
        os.close(self.pidfd)
        self.root.stdin.close()
        self.root.stdout.close()

    def _reap_root(self):
        try:
            return self.root.wait(2 * HEADROOM)
        except subprocess.TimeoutExpired:
            self.left.append("the root's process: " + proc.describe(self.root.pid))
            self._kill_all()
            return self.root.wait()

    def _kill_all(self):
        for pid in [self.root.pid] + proc.descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def _look_at_survivor(self):
        pid = self.root.pid
        fds, threads = proc.belongings(pid)
        fds_before, threads_before = self.parked_before
        self.left += [f"descriptor {fd} of the root" for fd in sorted(fds - fds_before)]
        if threads > threads_before:
            self.left.append(f"{threads - threads_before} thread(s) of the root")
        for child in proc.children(pid):
            self.left.append("child of the root: " + proc.describe(child))

    def _left_orphans(self):
        """Somebody had to die whose children nobody inherited but us."""
        twice = sum(1 for _, kind, _, _ in self.injected if kind == "signal") > 1
        killed = self.is_stuck() or any(kind == "kill" for _, kind, _, _ in self.injected)
        return self.root_killed or twice or (killed and not self.plan.subreaper)

    def _is_allowed_stranger(self, pid):
        """What an actor's code has started by itself is only covered while an ancestor lives that inherits it, and a dead one
        that was killed too late for that is buried by whoever inherits it next."""
        if proc.read(pid, "comm") == b"sleep\n" and proc.state(pid)[0] == "Z":
            return True
        inherits = self.plan.subreaper and not self._left_orphans()
        return not inherits and proc.read(pid, "cmdline") == STRANGER

    def _look_at_processes(self):
        """Of a root that has ended in order nothing is left at once, but where it was no subreaper and a parent was killed."""
        orphans_allowed = self.late or self.begin is None or self._left_orphans()
        seen = set()
        end = now() + ORPHAN_MS + self.starved()
        while True:
            there = proc.descendants(os.getpid())
            for pid in there:
                if pid not in seen and not orphans_allowed and not self._is_allowed_stranger(pid):
                    self.left.append(proc.describe(pid))
                seen.add(pid)
                proc.wait(pid, os.WNOHANG)
            if not [p for p in there if proc.read(p, "cmdline") != STRANGER] or now() > end:
                break
            time.sleep(0.001)
        for pid in proc.descendants(os.getpid()):
            if not self._is_allowed_stranger(pid):
                self.left.append(f"after {ORPHAN_MS} ms " + proc.describe(pid))
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while proc.descendants(os.getpid()):
            for pid in proc.children(os.getpid()):
                proc.wait(pid)

    def _files(self):
        found = []
        for folder in ("run", "tmp"):
            for where, _, names in os.walk(self._path(folder)):
                for name in names:
                    if name.startswith("tsan.rodata."):
                        continue  # of the sanitizer, in a process that was killed at its start
                    path = os.path.join(where, name)
                    kind = "socket" if stat.S_ISSOCK(os.lstat(path).st_mode) else "file"
                    found.append(f"{kind} {os.path.relpath(path, self.folder)}")
        return found

    def _look_at_files(self):
        found = self._files()
        if found and not self.late and self._left_orphans():
            # Nobody was there to tidy up; the next root in that folder does.
            self._sweep()
            found = self._files()
        self.left += found

    def _sweep(self):
        registry = self.registry
        if self.plan.transport == "tcp":
            registry = f"/unix{self._path('run')}/tractor/registry@1617.sock"
        with open(self._path("plan"), "w") as f:
            f.write(f"root main uds {registry} 0 1\nnode 0 -1 context - 0 1 0 0 0\n")
        environment = dict(self.environment)
        del environment["CHAOS_DIARY"], environment["CHAOS_OUTCOME"]
        subprocess.run([self.actor], env=environment, stdin=subprocess.DEVNULL, timeout=10 * HEADROOM)
