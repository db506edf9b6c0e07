"""`tractor tree`, `find` and `cancel`: who is there, where, and until when."""
import json
import os
import re
import signal
import unittest

import kit


@kit.transports
class Tree(kit.Case):
    def setUp(self):
        super().setUp()
        self.served = self.daemon("--module", kit.FARM, "--name", "farm")

    def hire(self, name):
        status, out, err = self.tractor("call", "farm", "farm.hire", f"name={name}")
        self.assertEqual(status, kit.OK, err)
        return int(out[0])

    def tree(self, *arguments):
        status, out, err = self.tractor("tree", *arguments)
        self.assertEqual((status, err), (kit.OK, ""))
        return out

    def nodes(self):
        return json.loads("\n".join(self.tree("--json")))

    def test_every_actor_with_what_it_does(self):
        pids = [self.hire("worker"), self.hire("worker")]
        other = self.daemon("--name", "other", registry=self.registry)
        stream = self.start("stream", "worker", "farm.one")
        self.assertEqual(stream.out.next(), '"one"')
        root, twin = self.served.process.pid, other.process.pid
        lines = [re.sub(r"\d+(\.\d+)? MiB", "N MiB", line) for line in self.tree()]
        self.assertEqual(lines, [
            f"farm@{root}  registrar  {self.registry}  idle  N MiB",
            f"├─ worker@{pids[0]}  idle  N MiB",
            f"└─ worker@{pids[1]}  1 task  1 stream  N MiB",
            f"other@{twin}  {other.address}  idle  N MiB",
        ])
        self.assertIn("      endpoint 'one' for tractor", "\n".join(self.tree("--tasks")))
        stream.interrupt()
        self.assertEqual(stream.wait()[0], kit.INTERRUPT)

    def test_as_json(self):
        pid = self.hire("worker")
        farm = self.nodes()[0]
        self.assertEqual((farm["name"], farm["registrar"], farm["addresses"]), ("farm", True, [self.registry]))
        worker = farm["children"][0]
        self.assertEqual((worker["name"], worker["pid"], worker["state"], worker["tasks"], worker["children"]),
                         ("worker", pid, "up", [], []))

    def test_as_a_graph(self):
        self.hire("worker")
        dot = self.tree("--dot")
        self.assertEqual((dot[0], dot[-1]), ("digraph tractor {", "}"))
        self.assertEqual(sum(" -> " in line for line in dot), 1)

    def test_roots_of_one_name(self):
        twins = [self.daemon("--name", "twin", registry=self.registry).process.pid for _ in range(3)]
        found = [node["pid"] for node in self.nodes() if node["name"] == "twin"]
        self.assertEqual(found, twins)

    def test_an_actor_that_is_stopped(self):
        pid = self.hire("worker")
        os.kill(pid, signal.SIGSTOP)
        try:
            worker = self.nodes()[0]["children"][0]
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(worker["pid"], pid)
        self.assertIn("why", worker)

    def test_a_root_that_is_stopped(self):
        twin = self.daemon("--name", "twin", registry=self.registry).process.pid
        os.kill(twin, signal.SIGSTOP)
        try:
            last = [node for node in self.nodes() if node["name"] == "twin"][0]
        finally:
            os.kill(twin, signal.SIGCONT)
        self.assertIn("why", last)

    def test_a_killed_root_is_not_shown(self):
        twin = self.daemon("--name", "twin", registry=self.registry)
        twin.process.kill()
        twin.wait()
        self.tree()  # whoever finds nobody tells the registrar
        self.wait_until(lambda: [n["name"] for n in self.nodes()] == ["farm"], "it is gone")

    def test_several_registrars(self):
        other = self.daemon("--name", "other", registry=self.new_registry(1717))
        out = self.tree("--registry", other.address)
        self.assertEqual([line.split("@")[0] for line in out], ["farm", "other"])

    def test_colours_only_on_a_terminal(self):
        self.assertNotIn("\033", "\n".join(self.tree()))
        for no_color, coloured in (("", True), ("1", False)):
            terminal, slave = os.openpty()
            with kit.subprocess.Popen([kit.COMMAND, "-r", self.registry, "tree"], stdout=slave,
                                      env={**os.environ, "TERM": "xterm", "NO_COLOR": no_color}) as tree:
                os.close(slave)
                text = os.read(terminal, 4096)
                tree.wait(kit.LIMIT)
            os.close(terminal)
            self.assertEqual(b"\033[1mfarm" in text, coloured)

    def test_find(self):
        self.expect(kit.OK, [self.registry], "find", "farm")
        uuid = self.nodes()[0]["uuid"]
        self.expect(kit.OK, [self.registry], "find", uuid)
        self.assertIn("nobody is called", self.expect(kit.NOBODY, [], "find", "nobody"))
        self.expect(kit.OK, [f"farm  {uuid}  {self.registry}"], "find")

    def test_find_waits(self):
        self.expect(kit.TIMEOUT, [], "--timeout", "0.2", "find", "--wait", "late")
        find = self.start("find", "--wait", "late")
        late = self.daemon("--name", "late", registry=self.registry)
        self.assertEqual(find.wait(), (kit.OK, [late.address], ""))
        self.expect(kit.USAGE, [], "find", "--wait")

    def test_cancel(self):
        pid = self.hire("worker")
        self.expect(kit.OK, [], "cancel", "worker")
        self.wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "it ends")
        self.expect(kit.NOBODY, [], "cancel", "worker")
        self.expect(kit.USAGE, [], "cancel")

    def test_cancel_by_uuid(self):
        first, second = self.hire("worker"), self.hire("worker")
        self.expect(kit.OK, [], "cancel", self.nodes()[0]["children"][0]["uuid"])
        self.wait_until(lambda: not os.path.exists(f"/proc/{first}"), "it ends")
        self.assertTrue(os.path.exists(f"/proc/{second}"))


if __name__ == "__main__":
    unittest.main()
