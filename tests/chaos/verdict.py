"""Whether what a round came to is explained by what was done to it."""

import re

from play import HEADROOM

STATEMENT = re.compile(
    r"child '(n\d\d)' \(pid (\d+)\) "
    r"(was killed by signal \d+|ended with exit status \d+|closed its connection|lost its connection and left|failed|is gone|did not become ready)"
    r"([^;\n]*)"
)
DEADLINE = re.compile(r"pool of n(\d\d)")
# The time that an error may take to the root on a busy machine.
TRAVEL_MS = 400


class Diary:
    """What the actors wrote down."""

    def __init__(self, round_):
        self.lines = []
        for line in round_.diary.splitlines():
            at, node, pid, text = (line.split(" ", 3) + [""] * 4)[:4]
            self.lines.append((int(at) // 1000000 - (round_.begin or 0), int(node[1:]), int(pid), text))

    def faults(self, struck):
        """(ms, kind, node, target) of the faults from inside."""
        for at, node, pid, text in self.lines:
            words = text.split()
            if words[:1] == ["fault"]:
                target = int(words[2][1:]) if len(words) == 3 else 0
                yield at, words[1], struck.get(pid, node), target


class Verdict:
    def __init__(self, round_):
        self.round, self.plan = round_, round_.plan
        self.diary = Diary(round_)
        self.inside = list(self.diary.faults(round_.struck))
        self.complaints = []
        self.outcome = "none"
        self.kinds = [kind for _, kind, _, _ in round_.injected if kind] + [kind for _, kind, _, _ in self.inside]
        self.killed = {pid: at for at, kind, _, pid in round_.injected if kind == "kill"}
        self.cut = {node for _, kind, node, _ in self.inside if kind in ("cut", "half-close")}
        self.asked_to_end = {target for _, kind, _, target in self.inside if kind == "cancel-actor"}
        self.timed_out = {node for _, kind, node, _ in self.inside if kind == "deadline"}
        self.checked = False  # that nothing was lost
        self._judge()

    def _complain(self, text):
        self.complaints.append(text)

    def _judge(self):
        if self.round.late:
            self._complain(self.round.late)
        for left in self.round.left:
            self._complain("left: " + left)
        for _, _, _, text in self.diary.lines:
            if self.plan.peaceful and text == "end":
                self._complain("it did not end by itself")
            if text.startswith("wrong:") or (text.startswith("cancelled:") and text.endswith("by nobody")):
                self._complain(text)
        for line in self.round.stderr.splitlines():
            if re.search("Sanitizer|runtime error:|terminate called|Assertion|out of memory|unhandled|can't read", line):
                self._complain("on stderr: " + line)
        if not self.round.late and self.round.begin is not None:
            self._judge_outcome()

    # --- the reason that the root knows ---

    def _members(self):
        """[(name, text)] of the errors that reached the root; None: it did not say."""
        text = self.round.outcome
        if not text.endswith("end\n"):
            return None
        return re.findall(r"^member (\S+)\n(.*?)\n\.\n", text, re.S | re.M)

    def _judge_outcome(self):
        members = self._members()
        signals = self.kinds.count("signal")
        if members is None:
            if not self.round.root_killed and signals < 2:
                self._complain(f"the root did not say how it ended (exit status {self.round.status})")
            return
        self.outcome = "+".join(sorted(name for name, _ in members)) or "OK"
        reasons = []
        for name, text in members:
            reason = self._explain(name, text)
            if reason is None:
                self._complain("nothing explains the root's error:\n    " + text.replace("\n", "\n    "))
            elif reason in reasons:
                self._complain(f"one failure, twice in the root's error: {reason}")
            reasons.append(reason)
        self._judge_status(members, signals)
        self._judge_loss(members)

    def _judge_status(self, members, signals):
        status = self.round.status
        failed = [name for name, _ in members if name not in ("EINTERRUPTED", "ECANCELED")]
        expected = {1 if failed or (members and self.plan.embedded) else 0}
        if signals and not self.plan.embedded:
            # It may come when all is over.
            expected |= {-2, -15}
            if any(name == "EINTERRUPTED" for name, _ in members):
                expected = {-2, -15}
        if self.round.root_killed:
            expected.add(-9)
        if signals > 1:
            expected |= {-2, -15}
        if status not in expected:
            self._complain(f"the root's exit status is {status}, not {sorted(expected)}")

    def _explain(self, name, text):
        """The fault behind an error, in a form that is the same for the same fault; None: there is none."""
        if name == "EINTERRUPTED":
            return "signal" if "signal" in self.kinds else None
        reason = None
        statements = STATEMENT.findall(text)
        for child, pid, what, rest in statements:
            node = self.plan.nodes[int(child[1:])]
            found = self._explain_death(node, int(pid), what, rest)
            if found is not None:
                reason = reason or found
            elif not (node.kind == "home" and what in ("failed", "ended with exit status 1")):
                return None
        if reason is None:
            for pool in DEADLINE.findall(text):
                node = self.plan.nodes[int(pool)]
                if node.index in self.timed_out and node.pass_up:
                    return f"deadline {node.name}"
        return reason

    def _explain_death(self, node, pid, what, rest):
        if what == "was killed by signal 9" and pid in self.killed:
            return f"kill {pid}"
        if what == "was killed by signal 9" and "during its boot" not in rest:
            return None
        near = {node.index, node.parent} & self.cut
        if near and not what.startswith("did not"):
            return f"cut {node.name}"
        if 0 in self.cut and "its boot" in rest:
            return f"cut {node.name}"
        if what == "ended with exit status 0" and node.index in self.asked_to_end:
            return f"cancel-actor {node.name}"
        return None

    def _judge_loss(self, members):
        """A kill that nothing else can have hidden is an error at the root, and soon."""
        if self.kinds != ["kill"] or self.round.root_killed:
            return
        when, _, text, pid = next(f for f in self.round.injected if f[1] == "kill")
        if not re.fullmatch(r"n\d\d", text) or when + TRAVEL_MS * HEADROOM + self.round.starved() > self.plan.end:
            return
        node = self.plan.nodes[int(text[1:])]
        while node.parent >= 0:
            if node.ignore or node.life >= 0 or node.deadline:
                return
            node = self.plan.nodes[node.parent]
        if node.life >= 0 or node.deadline:
            return
        self.checked = True
        if not members:
            self._complain(f"the death of {text} (pid {pid}), killed at {when} ms, is lost")
        limit = when + self.round.bound()[0]
        if self.round.took > limit:
            self._complain(f"{text} was killed at {when} ms, and the root was not over at {limit} but at {self.round.took}")

    def story(self):
        r = self.round
        lines = [f"round {r.seed} is {'broken' if self.complaints else 'fine'} (again: ./dev chaos --round {r.seed})"]
        lines += ["  " + c for c in self.complaints]
        lines += ["tree:", self.plan.tree(), "faults planned:"]
        lines += [f"  {fault}" for fault in self.plan.faults]
        lines.append("what happened, in ms since the root was up:")
        events = [(at, f"{kind or ''} {text} (pid {pid})".strip()) for at, kind, text, pid in r.injected]
        events += [(at, f"{pid} n{node:02}: {text}") for at, node, pid, text in self.diary.lines]
        events.append((r.took, f"over; the end was planned at {self.plan.end}"))
        lines += [f"  {at:5} {text}" for at, text in sorted(events, key=lambda e: e[0])]
        lines += [f"exit status of the root: {r.status}", "how the root ended:", indent(r.outcome), "its stderr:"]
        lines += [indent(r.stderr)]
        return "\n".join(lines)


def indent(text):
    return "\n".join("  " + line for line in text.splitlines()[:200])
