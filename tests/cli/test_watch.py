"""`tractor watch`: who comes and goes, as it happens, and how it ends."""
import json
import os
import signal
import unittest

import kit


@kit.transports
class Watch(kit.Case):
    def setUp(self):
        super().setUp()
        self.root = self.daemon("--module", kit.FARM, "--name", "root")

    def uuid(self, name):
        return next(line.split("  ")[1] for line in self.tractor("find")[1] if line.split("  ")[0] == name)

    def watch(self, *arguments):
        """A watch in JSON that has been told who is there."""
        watch = self.start("watch", "--json", *arguments)
        while (line := json.loads(watch.out.next()))["event"] != "synced":
            watch.first = line
        return watch

    def test_who_is_there_who_comes_and_who_goes(self):
        watch = self.start("watch")
        self.assertEqual(watch.out.next(), f"join   root  {self.uuid('root')}  {self.registry}")
        late = self.daemon("--name", "late", registry=self.registry)
        uuid = self.uuid("late")
        self.assertEqual(watch.out.next(), f"join   late  {uuid}  {late.address}")
        self.expect(kit.OK, [], "cancel", "late")
        self.assertEqual(watch.out.next(), f"leave  late  {uuid}")
        self.assertEqual(late.wait(), (kit.OK, [], ""))
        watch.interrupt()
        self.assertEqual(watch.wait(), (kit.INTERRUPT, [], ""))

    def test_as_json(self):
        watch = self.watch()
        uuid = self.uuid("root")
        self.assertEqual(watch.first, {"event": "join", "name": "root", "uuid": uuid, "addresses": [self.registry]})
        late = self.daemon("--name", "late", registry=self.registry)
        uuid = self.uuid("late")
        self.assertEqual(json.loads(watch.out.next()),
                         {"event": "join", "name": "late", "uuid": uuid, "addresses": [late.address]})
        late.process.kill()
        late.wait()
        self.assertEqual(json.loads(watch.out.next()), {"event": "leave", "name": "late", "uuid": uuid})
        watch.process.terminate()
        self.assertEqual(watch.wait(), (kit.TERMINATE, [], ""))

    def test_only_one_name(self):
        watch = self.watch("late")
        self.daemon("--name", "other", registry=self.registry)
        self.daemon("--name", "late", registry=self.registry)
        self.assertEqual(json.loads(watch.out.next())["name"], "late")

    def test_the_registrar_goes(self):
        for end in (lambda: self.expect(kit.OK, [], "cancel", "root"), lambda: self.root.process.kill()):
            watch = self.watch()
            end()
            status, out, err = watch.wait()
            self.assertEqual((status, out), (kit.NO_REGISTRAR, []), err)
            self.assertRegex(err, r"\Atractor: lost the registrar\b[^\n]*\Z")
            self.root.wait()
            self.root = self.daemon("--name", "root", registry=self.registry)

    def test_a_reader_that_is_gone(self):
        # Nothing more is written: it has to notice that by itself.
        for command, first in ((["watch", "root"], "join"), (["stream", "root", "farm.one"], '"one"')):
            with kit.subprocess.Popen([kit.COMMAND, "-r", self.registry, *command], text=True,
                                      stdout=kit.subprocess.PIPE, stderr=kit.subprocess.PIPE) as process:
                self.assertTrue(process.stdout.readline().startswith(first))
                process.stdout.close()
                self.assertEqual((process.wait(kit.LIMIT), process.stderr.read()), (kit.OK, ""))

    def test_a_reader_that_was_never_there(self):
        out, into = os.pipe()
        os.close(out)
        with kit.subprocess.Popen([kit.COMMAND, "-r", self.registry, "find", "--wait", "nobody"], stdout=into,
                                  stderr=kit.subprocess.PIPE) as process:
            os.close(into)
            self.assertEqual((process.wait(kit.LIMIT), process.stderr.read()), (kit.OK, b""))

    def test_a_deadline(self):
        status, out, err = self.tractor("--timeout", "0.3", "watch", "nobody")
        self.assertEqual((status, out, err), (kit.TIMEOUT, [], "tractor: not done within 0.3 s"))

    def test_a_registrar_that_is_stopped(self):
        watch = self.watch()
        self.root.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.root.process.send_signal, signal.SIGCONT)
        watch.interrupt()
        self.assertEqual(watch.wait(), (kit.INTERRUPT, [], ""))


class WatchNobody(kit.Case):
    def test_no_registrar(self):
        self.registry = self.new_registry()
        self.expect(kit.NO_REGISTRAR, [], "watch")


if __name__ == "__main__":
    unittest.main()
