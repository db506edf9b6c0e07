"""`tractor reap`: orphans and sockets of the dead, and nothing else. TPT-04 for the command."""
import os
import signal
import socket
import subprocess
import sys
import threading
import unittest

import kit

RUNTIME = os.path.join(os.environ["XDG_RUNTIME_DIR"], "tractor")
# There are other tests on this machine, and what they do is not ours.
NAME = f"reaped-{os.getpid()}"


def dead_pid():
    with subprocess.Popen(["true"]) as process:
        return process.pid


class Reap(kit.Case):
    transport = "uds"

    def setUp(self):
        super().setUp()
        self.registry = self.new_registry()
        os.makedirs(RUNTIME, mode=0o700, exist_ok=True)

    def orphan(self, command, title=None):
        """The pid of a process whose parent has gone: run_test, in another session, adopts it."""
        title = title or f"_subactor[{NAME}@1]"
        shell = subprocess.run(["bash", "-c", 'exec -a "$0" "$@" >/dev/null 2>&1 & echo $!', title, *command],
                               start_new_session=True, stdout=subprocess.PIPE, text=True, check=True)
        pid = int(shell.stdout)
        self.addCleanup(lambda: self.alive(pid) and os.kill(pid, signal.SIGKILL))
        self.wait_until(lambda: self.arguments(pid)[0] == title, "it is no shell any more")
        return pid

    def arguments(self, pid):
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            return file.read().split("\0")

    def alive(self, pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                return file.read().rpartition(")")[2].split()[0] not in "ZX"
        except FileNotFoundError:
            return False

    def socket_file(self, name, listening=False):
        path = os.path.join(RUNTIME, name)
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        if listening:
            server.listen()
            self.addCleanup(server.close)
        else:
            server.close()
        return path

    def test_an_orphan_is_ended(self):
        pid = self.orphan(["sleep", "1000"])
        self.expect(kit.OK, [f"would end orphan {NAME}@{pid}"], "reap", "--dry-run", NAME)
        self.assertTrue(self.alive(pid))
        self.expect(kit.OK, [f"ended orphan {NAME}@{pid}"], "reap", NAME)
        self.assertFalse(self.alive(pid))
        self.expect(kit.OK, [], "reap", NAME)

    def test_an_orphan_of_another_make(self):
        pid = self.orphan(["python3", "-c", "import time; time.sleep(1000)", "-m", "tractor._child", "--uid",
                           f"('{NAME}', 'c7')", "--parent_addr", "('127.0.0.1', 1)"], title="python3")
        self.wait_until(lambda: self.tractor("reap", "-n", NAME)[1], "it has become python")
        self.expect(kit.OK, [f"ended orphan {NAME}@{pid}"], "reap", NAME)

    def test_an_orphan_that_does_not_listen(self):
        pid = self.orphan([sys.executable, "-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"])
        self.wait_until(lambda: self.ignores_sigterm(pid), "it does not listen")
        self.expect(kit.OK, [f"killed orphan {NAME}@{pid}"], "reap", "--grace", "0.1", NAME)
        self.assertFalse(self.alive(pid))

    def ignores_sigterm(self, pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            ignored = next(line for line in file if line.startswith("SigIgn"))
        return int(ignored.split()[1], 16) & 1 << (signal.SIGTERM - 1)

    def test_others_may_end_while_it_looks(self):
        over = threading.Event()

        def come_and_go():
            while not over.is_set():
                for process in [subprocess.Popen(["true"]) for _ in range(5)]:
                    process.wait()

        threads = [threading.Thread(target=come_and_go) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(60):
                self.expect(kit.OK, [], "reap", "--dry-run", NAME)
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def test_a_child_with_a_parent_is_left_alone(self):
        with subprocess.Popen([f"_subactor[{NAME}@1]", "1000"], executable="/bin/sleep") as child:
            self.expect(kit.OK, [], "reap", NAME)
            self.assertIsNone(child.poll())
            child.kill()

    def test_one_that_answers_is_left_alone(self):
        self.daemon("--name", "registrar")
        pid = self.orphan([kit.COMMAND, "-r", self.registry, "run", "--name", NAME])
        self.wait_until(lambda: self.tractor("find", NAME)[0] == kit.OK, "it is registered")
        self.expect(kit.OK, [], "reap", NAME)
        self.assertTrue(self.alive(pid))
        # One of the same name that nobody knows goes all the same.
        other = self.orphan(["sleep", "1000"])
        self.expect(kit.OK, [f"ended orphan {NAME}@{other}"], "reap", NAME)
        # And one that is known, but does not answer, with what it leaves behind.
        os.kill(pid, signal.SIGSTOP)
        self.expect(kit.OK, [f"killed orphan {NAME}@{pid}", f"removed {RUNTIME}/{NAME}@{pid}.sock"], "reap", "--grace",
                    "0", NAME)

    def test_stale_sockets(self):
        pid = dead_pid()
        stale = self.socket_file(f"worker@{pid}.sock")
        kept = [self.socket_file(f"listening@{pid}.sock", listening=True), self.socket_file(f"alive@{os.getpid()}.sock"),
                self.socket_file("foreign.sock"), self.socket_file("registry@1616.sock")]
        plain = os.path.join(RUNTIME, f"file@{pid}.sock")
        with open(plain, "w", encoding="ascii"):
            pass
        everything = ["worker", "listening", "alive", "foreign", "registry", "file"]
        self.expect(kit.OK, [f"would remove {stale}"], "reap", "--dry-run", *everything)
        self.assertTrue(os.path.exists(stale))
        self.expect(kit.OK, [f"removed {stale}"], "reap", *everything)
        for path in (*kept, plain):
            self.assertTrue(os.path.exists(path), path)

    def test_a_socket_of_one_whose_parent_has_not_noticed_its_end(self):
        with subprocess.Popen(["true"]) as process:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            stale = self.socket_file(f"worker@{process.pid}.sock")
            self.expect(kit.OK, [f"removed {stale}"], "reap", "worker")

    def test_tpt_04_registries_only_if_told_so_and_dead(self):
        dead = self.socket_file("registry@1717.sock")
        self.daemon("--name", "registrar")
        living = self.registry.removeprefix("/unix")
        self.expect(kit.OK, [], "reap", "registry")
        self.expect(kit.OK, [f"would remove {dead}"], "reap", "--dry-run", "--registries", "registry")
        self.expect(kit.OK, [f"removed {dead}"], "reap", "--registries", "registry")
        self.assertTrue(os.path.exists(living))
        self.expect(kit.OK, [living and self.registry], "find", "registrar")

    def test_another_directory(self):
        os.makedirs(os.path.join(RUNTIME, "own"), exist_ok=True)
        stale = self.socket_file(f"own/worker@{dead_pid()}.sock")
        self.expect(kit.OK, [], "reap", "worker")
        self.expect(kit.OK, [f"removed {stale}"], "reap", "--directory", os.path.dirname(stale), "worker")

    def test_a_wrong_command_line(self):
        self.expect(kit.USAGE, [], "reap", "--directory", "/nowhere")
        self.expect(kit.USAGE, [], "reap", "--grace", "-1")


if __name__ == "__main__":
    unittest.main()
