"""A registrar that hangs, names made to harm a terminal, standard files that are closed, an empty environment."""
import os
import signal
import unittest

import kit

NASTY = "two words\x1b[31m\n\t\x9b ä🌲"
SHOWN = r"two words\x1b[31m\x0a\x09\xc2\x9b ä🌲"


@kit.transports
class Adversity(kit.Case):
    def setUp(self):
        super().setUp()
        self.primes = self.daemon("--module", kit.PRIMES, "--name", "primes")

    def test_a_registrar_that_hangs(self):
        self.primes.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.primes.process.send_signal, signal.SIGCONT)
        running = [self.start("--timeout", "0.5", *command)
                   for command in (["tree"], ["call", "primes", "primes.is_prime", "n=2"],
                                   ["stream", "primes", "primes.between", "lo=2", "hi=5"], ["find"], ["find", "primes"],
                                   ["find", "--wait", "primes"], ["watch"], ["cancel", "primes"], ["run"])]
        for command in running:
            self.assertEqual(command.wait(), (kit.TIMEOUT, [], "tractor: not done within 0.5 s"), command.process.args)

    def test_interrupted_twice(self):
        watch = self.start("watch")
        watch.out.next()
        self.primes.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.primes.process.send_signal, signal.SIGCONT)
        watch.interrupt()
        watch.interrupt()
        self.assertIn(watch.wait()[0], (kit.INTERRUPT, -signal.SIGINT))

    def test_a_daemon_with_a_deadline(self):
        self.expect(kit.TIMEOUT, [], "find", "--wait", "brief", "--timeout", "0.1")
        for seconds in ("0.5", "2", "8"):  # as much as it needs to be up
            status, out, err = self.tractor("run", "--timeout", seconds, "--name", "brief")
            self.assertEqual((status, err), (kit.TIMEOUT, f"tractor: not done within {seconds} s"))
            if out:
                break
        self.assertRegex(out[0], r"^brief@")

    def test_names_that_would_harm_a_terminal(self):
        nasty = self.daemon("--name", NASTY, registry=self.registry)
        self.assertTrue(nasty.line.startswith(SHOWN + "@"), nasty.line)
        for command in (["find"], ["tree"], ["tree", "--tasks"]):
            _, out, err = self.tractor(*command)
            self.assertEqual(sum(SHOWN in line for line in out), 1, (out, err))
        _, out, _ = self.tractor("tree", "--dot")
        self.assertIn(SHOWN.replace("\\", "\\\\"), "\n".join(out))
        watch = self.start("watch", NASTY)
        self.assertIn(SHOWN, watch.out.next())
        self.assertEqual(self.tractor("find", NASTY)[0], kit.OK)
        self.assertIn(SHOWN + "?", self.expect(kit.NOBODY, [], "find", NASTY + "?"))

    def test_closed_standard_files(self):
        call = f"{kit.COMMAND} -r {self.registry} call primes primes.is_prime"
        for redirection, status, out, err in ((" n=2 <&-", kit.OK, "true\n", ""), (" n=x 2>&-", kit.FAILED, "", ""),
                                              (" n=2 >&-", kit.FAILED, "", "tractor: can't write the output: ")):
            done = kit.subprocess.run(["sh", "-c", call + redirection], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (status, out), done.stderr)
            self.assertTrue(done.stderr.startswith(err) and bool(done.stderr) == bool(err), done.stderr)

    def test_an_empty_environment(self):
        keep = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        done = kit.subprocess.run([kit.COMMAND, "-r", self.registry, "call", "primes", "primes.is_prime", "n=2"],
                                  env=keep, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (kit.OK, "true\n", ""))


if __name__ == "__main__":
    unittest.main()
