"""`tractor run`: what it serves, under which name and where, and when it ends. MUL-02 for the command."""
import os
import re
import signal
import unittest

import kit


@kit.transports
class Run(kit.Case):
    def test_says_where_it_is_and_what_it_serves(self):
        daemon = self.daemon("--module", kit.PRIMES, "--module", "barn=" + kit.FARM, "--name", "served")
        self.assertRegex(daemon.line, rf"^served@{daemon.process.pid}  registrar  /\S+  serves primes, barn$")
        self.expect(kit.OK, ['{"a":1}'], "call", "served", "barn.echo", "a=1")

    def test_joins_a_registrar(self):
        self.daemon("--name", "registrar")
        second = self.daemon("--module", kit.PRIMES, "--name", "primes", registry=self.registry)
        self.assertRegex(second.line, r"^primes@\d+  /\S+  serves primes$")
        self.expect(kit.OK, ["true"], "call", "primes", "primes.is_prime", "n=2")
        self.expect(kit.OK, [], "cancel", "primes")
        self.assertEqual(second.wait(), (kit.OK, [], ""))
        self.expect(kit.NOBODY, [], "call", "primes", "primes.is_prime", "n=2")

    def test_joins_several_registrars(self):
        first = self.daemon("--name", "first")
        other = self.daemon("--name", "other", registry=self.new_registry(1717))
        both = kit.Command("-r", first.address, "-r", other.address, "run", "--module", kit.PRIMES, "--name", "primes")
        self.addCleanup(self.end, both)
        self.assertIn("serves primes", both.out.next())
        for address in (first.address, other.address):
            self.registry = address
            self.expect(kit.OK, ["true"], "call", "primes", "primes.is_prime", "n=2")

    def test_mul_02_a_cancelled_registrar_ends(self):
        daemon = self.daemon("--name", "registrar")
        self.expect(kit.OK, [], "cancel", "registrar")
        self.assertEqual(daemon.wait(), (kit.OK, [], ""))
        self.expect(kit.NO_REGISTRAR, [], "find", "registrar")

    def test_mul_02_a_cancelled_daemon_ends_with_its_children(self):
        daemon = self.daemon("--module", kit.FARM, "--name", "served")
        children = [int(self.tractor("call", "served", "farm.hire", f"name=w{i}")[1][0]) for i in range(2)]
        call = self.start("call", "w0", "farm.wait")
        self.expect(kit.OK, [], "cancel", "served")
        self.assertEqual(daemon.wait(), (kit.OK, [], ""))
        self.assertIn(call.wait()[0], (kit.CANCELLED, kit.LOST, kit.NOBODY, kit.NO_REGISTRAR))
        for pid in children:
            self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def test_signals_end_it_in_order(self):
        for signo, status in ((signal.SIGINT, kit.INTERRUPT), (signal.SIGTERM, kit.TERMINATE)):
            daemon = self.daemon("--module", kit.FARM, "--name", "served", registry=self.new_registry())
            self.registry = daemon.address
            child = int(self.tractor("call", "served", "farm.hire", "name=worker")[1][0])
            daemon.process.send_signal(signo)
            self.assertEqual(daemon.wait(), (status, [], ""))
            self.assertFalse(os.path.exists(f"/proc/{child}"))

    def test_a_reader_that_is_gone_changes_nothing(self):
        out, into = os.pipe()
        os.close(out)
        registry = self.new_registry()
        if self.transport == "tcp":
            probe = self.daemon("--name", "probe")  # a port that was free a moment ago
            registry = probe.address
            self.end(probe)
        daemon = kit.subprocess.Popen([kit.COMMAND, "-r", registry, "run", "-m", kit.PRIMES, "-n", "primes"], stdout=into)
        os.close(into)
        self.registry = registry
        self.wait_until(lambda: kit.listens(registry), "the daemon is up")
        self.expect(kit.OK, ["true"], "call", "primes", "primes.is_prime", "n=2")
        daemon.terminate()
        self.assertEqual(daemon.wait(kit.LIMIT), kit.TERMINATE)

    def test_the_registrar_or_nothing(self):
        self.daemon("--name", "registrar")
        err = self.expect(kit.NO_REGISTRAR, [], "run", "--registrar")
        self.assertIn("a registrar answers", err)

    def test_more_addresses(self):
        binds = {"tcp": "/ip4/127.0.0.2/tcp/0", "uds": f"/unix{os.environ['XDG_RUNTIME_DIR']}/tractor/more@1.sock"}
        daemon = self.daemon("--module", kit.PRIMES, "--name", "primes", "--bind", binds[self.transport])
        addresses = re.findall(r"  (/\S+)", daemon.line)
        self.assertEqual(len(addresses), 2)
        status, out, err = self.tractor("find", "primes")
        self.assertEqual((status, sorted(out)), (kit.OK, sorted(addresses)), err)


class RunWrongly(kit.Case):
    def test_modules_that_are_none(self):
        for module, why in (("./nothing.so", "there is no such file"), ("a=/nothing.so", "there is no such file"),
                            ("nothing", "no module named 'nothing'"), (kit.COMMAND + ".so", "there is no such file"),
                            ("x=" + kit.COMMAND, "x"), ("x=/etc/passwd", "no module named 'x'")):
            with self.subTest(module=module):
                err = self.expect(kit.USAGE, [], "-r", "/ip4/127.0.0.1/tcp/0", "run", "--module", module)
                self.assertIn(why, err)

    def test_a_wrong_command_line(self):
        for arguments in (("run", "--nothing"), ("run", "--module"), ("run", "argument"), ("nothing",), (),
                          ("--transport", "smoke", "run"), ("--loglevel", "loud", "run"), ("--timeout", "-1", "run"),
                          ("run", "--bind", "nonsense"), ("-r", "nonsense", "run")):
            with self.subTest(arguments=arguments):
                self.expect(kit.USAGE, [], *arguments)

    def test_help_and_version(self):
        status, out, _ = self.tractor("--version")
        self.assertEqual(status, kit.OK)
        self.assertRegex(out[0], r"^tractor \d+\.\d+\.\d+$")
        for command in ("run", "tree", "call", "stream", "find", "watch", "cancel", "reap"):
            status, out, _ = self.tractor(command, "--help")
            self.assertEqual(status, kit.OK)
            self.assertIn(command, "\n".join(out))

    def test_an_address_that_is_taken(self):
        with kit.socket.create_server(("127.0.0.1", 0)) as server:
            address = f"/ip4/127.0.0.1/tcp/{server.getsockname()[1]}"
            self.expect(kit.NO_REGISTRAR, [], "-r", address, "run")


if __name__ == "__main__":
    unittest.main()
