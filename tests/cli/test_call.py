"""`tractor call`: arguments in, result out, and what goes wrong."""
import json
import os
import unittest

import kit


@kit.transports
class Call(kit.Case):
    def setUp(self):
        super().setUp()
        self.daemon("--module", kit.PRIMES, "--module", kit.FARM, "--name", "served")

    def test_a_function_is_called(self):
        self.expect(kit.OK, ["true"], "call", "served", "primes.is_prime", "n=97")
        self.expect(kit.OK, ["false"], "call", "served", "primes.is_prime", "n=91")
        self.expect(kit.OK, ["true"], "call", "served", "primes.is_prime", "n=18446744073709551557")

    def test_values_are_json_or_else_text(self):
        status, out, _ = self.tractor("call", "served", "farm.echo", "i=-7", "f=0.5", "t=true", "n=null", "s=text",
                                      'q="7"', "l=[1, {}]", "e=", "eq=a=b")
        self.assertEqual(status, kit.OK)
        self.assertEqual(json.loads(out[0]), {"i": -7, "f": 0.5, "t": True, "n": None, "s": "text", "q": "7",
                                              "l": [1, {}], "e": "", "eq": "a=b"})

    def test_all_arguments_as_one_object(self):
        self.expect(kit.OK, ["true"], "call", "served", "primes.is_prime", "--json", '{"n": 97}')
        self.expect(kit.OK, ["{}"], "call", "served", "farm.echo")

    def test_bytes_and_extensions(self):
        self.expect(kit.OK, ['[{"$bin":"00ff"},null,0.5,"\\"quoted\\""]'], "call", "served", "farm.odd_values")
        self.expect(kit.OK, ['{"b":{"$bin":"00ff"},"e":{"$ext":[5,"01"]}}'], "call", "served", "farm.echo",
                    'b={"$bin": "00ff"}', 'e={"$ext": [5, "01"]}')

    def test_a_wrong_command_line(self):
        for arguments, why in (
            ((), "required"),
            (("served",), "required"),
            (("served", "is_prime"), "MODULE.NAME"),
            (("served", "primes."), "MODULE.NAME"),
            (("served", "primes.is_prime", "97"), "KEY=VALUE"),
            (("served", "primes.is_prime", "=97"), "KEY=VALUE"),
            (("served", "primes.is_prime", "n=1", "n=2"), "twice"),
            (("served", "primes.is_prime", "--json", "{"), "no JSON"),
            (("served", "primes.is_prime", "--json", "[97]"), "object"),
            (("served", "primes.is_prime", "--json", "{}", "n=97"), "exclude"),
            (("served", "primes.is_prime", 'n={"$bin": "0"}'), "$bin"),
            (("served", "primes.is_prime", 'n={"$ext": [200, ""]}'), "$ext"),
            (("served", "primes.is_prime", b"n=\xff"), "UTF-8"),
            (("served", "primes.is_prime", "n=" + 600 * "[" + 600 * "]"), "too deep"),
        ):
            with self.subTest(arguments=arguments):
                err = self.expect(kit.USAGE, [], "call", *arguments)
                self.assertIn(why, err)

    def test_what_the_other_side_refuses(self):
        for arguments, why in (
            (("primes.is_prime", "n=many"), "TypeError: argument 'n'"),
            (("primes.is_prime",), "TypeError"),
            (("primes.nothing",), "AttributeError"),
            (("nothing.is_prime",), "not exposed"),
            (("farm.fail",), "ValueError: the harvest is lost"),
            (("primes.between", "lo=1", "hi=2"), "no plain function"),
        ):
            with self.subTest(arguments=arguments):
                err = self.expect(kit.FAILED, [], "call", "served", *arguments)
                self.assertIn(why, err)
                self.assertEqual(err.count("\n"), 0, err)

    def test_the_whole_error_if_asked_for(self):
        err = self.expect(kit.FAILED, [], "--verbose", "call", "served", "farm.fail")
        self.assertGreater(err.count("\n"), 0)

    def test_nobody(self):
        err = self.expect(kit.NOBODY, [], "call", "nobody", "primes.is_prime", "n=97")
        self.assertIn("nobody is called 'nobody'", err)

    def test_a_deadline(self):
        err = self.expect(kit.TIMEOUT, [], "--timeout", "0.2", "call", "served", "farm.wait")
        self.assertIn("0.2 s", err)

    def test_an_actor_that_is_cancelled_meanwhile(self):
        self.expect_hired("worker")
        call = self.start("call", "worker", "farm.wait")
        self.wait_until(lambda: self.tasks_of("worker"), "the call runs")
        self.expect(kit.OK, [], "cancel", "worker")
        status, out, err = call.wait()
        self.assertEqual((status, out), (kit.CANCELLED, []), err)

    def test_an_interrupt(self):
        call = self.start("call", "served", "farm.wait")
        self.wait_until(lambda: self.tasks_of("served"), "the call runs")
        call.interrupt()
        self.assertEqual(call.wait(), (kit.INTERRUPT, [], ""))
        self.wait_until(lambda: not self.tasks_of("served"), "the task is cancelled, too")

    def test_an_output_that_is_full_or_closed(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            process = kit.subprocess.run([kit.COMMAND, "-r", self.registry, "call", "served", "primes.is_prime", "n=7"],
                                         stdout=full, stderr=kit.subprocess.PIPE, check=False)
        self.assertEqual(process.returncode, kit.FAILED)
        self.assertIn(b"can't write", process.stderr)

    def expect_hired(self, name):
        status, out, err = self.tractor("call", "served", "farm.hire", f"name={name}")
        self.assertEqual(status, kit.OK, err)
        return int(out[0])

    def tasks_of(self, name):
        def search(nodes):
            for node in nodes:
                if node["name"] == name:
                    return node["tasks"]
                if (found := search(node["children"])) is not None:
                    return found
            return None
        status, out, err = self.tractor("tree", "--json")
        self.assertEqual(status, kit.OK, err)
        return search(json.loads("\n".join(out)))


class CallWithoutRegistrar(kit.Case):
    def test_there_is_none(self):
        self.registry = f"/unix{os.environ['XDG_RUNTIME_DIR']}/nobody/registry@1616.sock"
        err = self.expect(kit.NO_REGISTRAR, [], "call", "served", "primes.is_prime", "n=97")
        self.assertIn("tractor run", err)

    def test_an_address_that_is_none(self):
        self.registry = "localhost:1616"
        self.expect(kit.USAGE, [], "call", "served", "primes.is_prime", "n=97")


if __name__ == "__main__":
    unittest.main()
