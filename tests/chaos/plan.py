"""The random plan of a round: tree, work and faults. The same seed makes the same plan."""

import random

MAX_NODES = 60
MAX_DEPTH = 4
# The ladder that ends a child which does nothing any more: asked, terminated, killed.
LADDER_MS = 500 + 1600

# Kind: how often. What often comes too late, because the tree has ended by then, is tried more often.
FAULTS = {
    "kill": 7,
    "stop": 10,
    "stop-cont": 11,
    "cut": 9,
    "half-close": 11,
    "nursery-cancel": 14,
    "cancel-actor": 17,
    "ctx-cancel": 24,
    "op-cancel": 12,
    "signal": 10,
    "deadline": 9,
}
INSIDE = ("nursery-cancel", "cancel-actor", "ctx-cancel", "op-cancel")
WORKS = ("echo", "nap", "tidy", "spin", "block", "in_thread", "up", "peer", "pingpong", "pour", "generate", "stranger")


class Node:
    def __init__(self, index, parent, depth):
        self.index, self.parent, self.depth = index, parent, depth
        self.kind, self.transport = "context", "-"
        self.delay, self.life, self.deadline = 0, -1, 0
        self.ignore = self.pass_up = False
        self.children = []

    @property
    def name(self):
        return f"n{self.index:02}"


class Fault:
    """`node` does it or suffers it; `target` is the child that a cancel is meant for."""

    def __init__(self, kind, at, node, target=0, **more):
        self.kind, self.at, self.node, self.target = kind, at, node, target
        self.signal = more.get("signal")
        self.resume_after = more.get("resume_after")
        self.how = more.get("how", 0)
        self.newborn = more.get("newborn", False)

    def __str__(self):
        what = f"{self.at} ms: {self.kind} n{self.node:02}"
        if self.newborn:
            what = f"{self.at} ms: {self.kind} a process in its boot"
        if self.kind in INSIDE:
            what += f" -> n{self.target:02}" if self.kind != "nursery-cancel" else ""
        if self.resume_after is not None:
            what += f" for {self.resume_after} ms"
        if self.signal is not None:
            what += f" by signal {self.signal}"
        return what


class Plan:
    def __init__(self, seed):
        self.seed = seed
        r = self.random = random.Random(seed)
        self.transport = r.choice(("tcp", "uds"))
        self.embedded = r.random() < 0.4
        self.subreaper = not self.embedded or r.random() < 0.5
        self.peaceful = r.random() < 0.08  # everybody ends by himself, and nothing happens
        # One fault alone, and time enough for it to reach the root before the round ends by itself.
        self.patient = not self.peaceful and r.random() < 0.12
        self._grow()
        self.end = 150 + 12 * len(self.nodes) + r.randrange(250)
        if self.peaceful:
            # To end then is a failure.
            self.end = 10000
        self._employ()
        self.faults = []
        if not self.peaceful:
            self._break()
        self.faults.sort(key=lambda f: f.at)
        if self.patient:
            self.end += LADDER_MS + 1500

    def _grow(self):
        r = self.random
        lowest, highest = r.choices(((1, 6), (7, 15), (16, 30), (31, MAX_NODES - 1)), (45, 38, 13, 4))[0]
        self.nodes = [Node(0, -1, 0)]
        for index in range(1, r.randint(lowest, highest) + 1):
            parent = r.choice([n for n in self.nodes if n.depth < MAX_DEPTH])
            node = Node(index, parent.index, parent.depth + 1)
            parent.children.append(node)
            node.kind = r.choices(("context", "call", "home", "one-shot"), (45, 20, 15, 20))[0]
            node.transport = r.choices(("-", "tcp", "uds"), (80, 10, 10))[0]
            node.delay = r.choice((0, 0, 0, r.randrange(100)))
            node.ignore = not self.patient and r.random() < 0.15
            if self.peaceful or (not self.patient and r.random() < 0.1):
                node.life = r.randrange(20, 250)
            self.nodes.append(node)
        if self.peaceful:
            self.nodes[0].life = 10

    def _employ(self):
        r = self.random
        self.works = []
        for node in self.nodes[1:]:
            if node.kind == "one-shot":
                continue
            for _ in range(r.choice((0, 0, 1, 1, 2, 3))):
                what = r.choice([w for w in WORKS if w != "tidy" or not self.peaceful])
                self.works.append((node.index, what, self._amount(what)))
        self.stuck = False
        daemons = [n for n in self.nodes[1:] if n.kind != "one-shot"]
        if daemons and not self.peaceful and r.random() < 0.05:
            # Code that never returns to its loop.
            self.stuck = True
            self.works.append((r.choice(daemons).index, r.choice(("spin", "block")), -1))

    def _amount(self, what):
        r = self.random
        endless = not self.peaceful and r.random() < 0.4
        if what in ("spin", "block"):
            return r.randrange(1, 60)
        if what == "nap":
            return -1 if endless else r.randrange(100)
        if what == "tidy":
            return r.randrange(200)
        if what == "peer":
            return r.randrange(len(self.nodes))
        if what == "pour":
            return -1 if endless else r.randrange(2000)
        if what == "generate":
            return r.randrange(2000)
        return r.randrange(1, 200)

    def _break(self):
        r = self.random
        if self.patient:
            at = self.end // 2 + r.randrange(self.end // 2)
            self.faults = [Fault("kill", at, r.choice(self.nodes[1:]).index, signal=9)]
            return
        for _ in range(r.choices(range(7), (3, 18, 24, 23, 14, 10, 8))[0]):
            kind = r.choices(list(FAULTS), list(FAULTS.values()))[0]
            at = r.randrange(int(self.end * 0.95))
            fault = self._fault(kind, at)
            if fault:
                self.faults.append(fault)

    def _fault(self, kind, at):
        r = self.random
        children = self.nodes[1:]
        inner = [n for n in self.nodes if n.children]
        if kind == "kill":
            if r.random() < 0.1:
                return Fault(kind, at, 0, signal=9)
            newborn = r.random() < 0.2
            return Fault(kind, at, r.choice(children).index, signal=9, newborn=newborn)
        if kind == "stop":
            return Fault(kind, at, r.choice(children).index)
        if kind == "stop-cont":
            return Fault(kind, at, r.choice(children).index, resume_after=r.randrange(5, 400))
        if kind in ("cut", "half-close"):
            how = 2 if kind == "cut" else r.choice((0, 1, 1))
            return Fault(kind, at, r.choice(self.nodes).index, how=how | r.randrange(64) << 2)
        if kind == "nursery-cancel":
            return Fault(kind, at, r.choice(inner).index)
        if kind == "deadline":
            node = r.choice(self.nodes if r.random() < 0.3 else inner)
            node.deadline = max(10, at // 2 if node.index else at)
            node.pass_up = r.random() < 0.5
            return Fault(kind, at, node.index)
        if kind == "signal":
            if any(f.kind == "signal" for f in self.faults):
                return None
            signal = r.choice((2, 15))
            if r.random() < 0.2:
                self.faults.append(Fault(kind, at + r.randrange(1, 60), 0, signal=signal))
            return Fault(kind, at, 0, signal=signal)
        # Cancels of a child by its parent; late in the life of the parent.
        if kind == "cancel-actor":
            children = [n for n in children if n.kind != "one-shot"]
        if kind == "ctx-cancel":
            children = [n for n in children if n.kind == "context"]
        if not children:
            return None
        child = r.choice(children)
        if kind == "op-cancel":
            at //= 2
        return Fault(kind, at, child.parent, child.index)

    def text(self, registry):
        """What the actors read."""
        style = "embedded" if self.embedded else "main"
        lines = [f"root {style} {self.transport} {registry} {self.end} {int(self.subreaper)}"]
        for n in self.nodes:
            lines.append(
                f"node {n.index} {n.parent} {n.kind} {n.transport} {n.delay} {n.life} {n.deadline} "
                f"{int(n.ignore)} {int(n.pass_up)}"
            )
        lines += [f"work {node} {what} {number}" for node, what, number in self.works]
        lines += [f"fault {f.node} {f.at} {f.kind} {f.target}" for f in self.faults if f.kind in INSIDE]
        return "\n".join(lines) + "\n"

    def tree(self):
        """For people."""
        lines = []

        def show(node):
            style = "embedded root" + (", subreaper" if self.subreaper else "") if self.embedded else "root"
            more = [node.kind] if node.index else [style, self.transport]
            more += [node.transport] if node.transport != "-" else []
            more += [f"life {node.life} ms"] if node.life >= 0 else []
            more += [f"deadline {node.deadline} ms" + (", passed up" if node.pass_up else "")] if node.deadline else []
            more += ["its death is ignored"] if node.ignore else []
            more += [f"{what} {number}" for index, what, number in self.works if index == node.index]
            lines.append("  " * (node.depth + 1) + f"{node.name}: " + ", ".join(more))
            for child in node.children:
                show(child)

        show(self.nodes[0])
        return "\n".join(lines)
