"""`tractor stream`: values as JSON lines, each at once, and how it ends."""
import json
import unittest

import kit


@kit.transports
class Stream(kit.Case):
    def setUp(self):
        super().setUp()
        self.served = self.daemon("--module", kit.PRIMES, "--module", kit.FARM, "--name", "served")

    def tasks(self):
        return json.loads("\n".join(self.tractor("tree", "--json")[1]))[0]["tasks"]

    def ends(self):
        """The generator is not left running."""
        self.wait_until(lambda: not self.tasks(), "the generator ends")

    def test_all_values(self):
        self.expect(kit.OK, ["97", "101", "103", "107", "109"], "stream", "served", "primes.between", "lo=90", "hi=110")
        self.expect(kit.OK, [], "stream", "served", "primes.between", "lo=90", "hi=90")
        self.expect(kit.OK, ["18446744073709551533", "18446744073709551557"], "stream", "served", "primes.between",
                    "--json", '{"lo": 18446744073709551522, "hi": 18446744073709551615}')

    def test_so_many_values(self):
        self.expect(kit.OK, ["0", "1", "2"], "stream", "--count", "3", "served", "farm.count")
        self.ends()

    def test_each_value_at_once(self):
        stream = self.start("stream", "served", "farm.one")
        self.assertEqual(stream.out.next(), '"one"')
        stream.interrupt()
        self.assertEqual(stream.wait(), (kit.INTERRUPT, [], ""))
        self.ends()

    def test_a_reader_that_has_had_enough(self):
        stream = kit.subprocess.Popen([kit.COMMAND, "-r", self.registry, "stream", "served", "farm.count"],
                                      stdout=kit.subprocess.PIPE, stderr=kit.subprocess.PIPE)
        self.assertEqual(stream.stdout.readline(), b"0\n")
        stream.stdout.close()
        self.assertEqual(stream.wait(kit.LIMIT), kit.OK)
        self.assertEqual(stream.stderr.read(), b"")
        stream.stderr.close()
        self.ends()

    def test_a_generator_that_fails(self):
        status, out, err = self.tractor("stream", "served", "farm.spoil")
        self.assertEqual(status, kit.FAILED)
        self.assertIn(out, ([], ["1"]))  # a failure does not wait for what was sent before it
        self.assertIn("ValueError: the rest is spoiled", err)

    def test_a_daemon_that_is_cancelled_meanwhile(self):
        stream = self.start("stream", "served", "farm.one")
        self.assertEqual(stream.out.next(), '"one"')
        self.expect(kit.OK, [], "cancel", "served")
        status, out, err = stream.wait()
        self.assertEqual((status, out), (kit.CANCELLED, []), err)
        self.assertEqual(self.served.wait(), (kit.OK, [], ""))

    def test_a_deadline(self):
        for seconds in ("0.5", "2", "8"):  # as much as it needs to get that far
            status, out, err = self.tractor("--timeout", seconds, "stream", "served", "farm.one")
            self.assertEqual((status, err), (kit.TIMEOUT, f"tractor: not done within {seconds} s"))
            self.ends()
            if out:
                break
        self.assertEqual(out, ['"one"'])

    def test_no_generator(self):
        self.assertIn("no asyncgen", self.expect(kit.FAILED, [], "stream", "served", "primes.is_prime", "n=97"))

    def test_nobody(self):
        self.expect(kit.NOBODY, [], "stream", "nobody", "farm.count")

    def test_a_wrong_command_line(self):
        self.expect(kit.USAGE, [], "stream", "--count", "0", "served", "farm.count")
        self.expect(kit.USAGE, [], "stream", "served", "farm.count", "--json", "{")


if __name__ == "__main__":
    unittest.main()
