"""tractor(1): well-formed, and says what the command can do, no more and no less."""
import os
import re
import shutil
import unittest

import kit

PAGE = os.path.join(os.path.dirname(__file__), "../../command/tractor.1")
COMMANDS = ("run", "tree", "call", "stream", "find", "watch", "cancel", "reap")


class Man(kit.Case):
    def setUp(self):
        super().setUp()
        with open(PAGE, encoding="utf-8") as page:
            text = re.sub(r"\\f.|\\fR", "", page.read())
        self.text = text.replace("\\-", "-")

    @unittest.skipUnless(shutil.which("groff"), "there is no groff")
    def test_well_formed(self):
        groff = kit.subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", PAGE], capture_output=True, text=True,
                                   check=False)
        self.assertEqual((groff.returncode, groff.stderr), (0, ""))

    def test_every_option_of_every_command(self):
        for command in ((), *((name,) for name in COMMANDS)):
            _, out, _ = self.tractor(*command, "--help")
            for option in re.findall(r"(?:^|[ ,])(--[a-z-]+)", "\n".join(out)):
                self.assertTrue(option in self.text, (command, option))

    def test_every_command(self):
        _, out, _ = self.tractor("--help")
        listed = re.findall(r"^  ([a-z]+)  ", "\n".join(out).split("Subcommands:")[1], re.M)
        self.assertEqual(sorted(listed), sorted(COMMANDS))
        self.assertEqual(re.findall(r"^\.SS tractor ([a-z]+)", self.text, re.M), list(COMMANDS))

    def test_nothing_else(self):
        every = "\n".join("\n".join(self.tractor(*command, "--help")[1])
                          for command in ((), *((name,) for name in COMMANDS)))
        for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", self.text)):
            self.assertTrue(option in every, option)


if __name__ == "__main__":
    unittest.main()
