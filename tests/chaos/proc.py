"""What the kernel says of processes. Nothing here knows the library."""

import ctypes
import os
import re

libc = ctypes.CDLL(None, use_errno=True)
TITLE = re.compile(rb"^_subactor\[(.*)@(\d+)\]")


class Sigval(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("pointer", ctypes.c_void_p)]


def become_subreaper():
    if libc.prctl(36, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def queue_signal(pid, signo, number):
    libc.sigqueue.argtypes = [ctypes.c_int, ctypes.c_int, Sigval]
    return libc.sigqueue(pid, signo, Sigval(number=number)) == 0


def read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as f:
            return f.read()
    except OSError:
        return b""


def state(pid):
    """The letter, and the parent; ("", 0): it is gone."""
    fields = read(pid, "stat").rpartition(b")")[2].split()
    return (fields[0].decode(), int(fields[1])) if len(fields) > 1 else ("", 0)


def children(pid):
    found = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for tid in threads:
        found += [int(p) for p in read(pid, f"task/{tid}/children").split()]
    return found


def descendants(pid):
    found, todo = [], [pid]
    while todo:
        below = children(todo.pop())
        found += below
        todo += below
    return found


def starved(pid):
    """For how many ms its threads have been ready and had no processor."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0
    stats = [read(pid, f"task/{tid}/schedstat").split() for tid in threads]
    return sum(int(fields[1]) for fields in stats if len(fields) == 3) // 1000000


def title(pid):
    """The name of an actor that has said who it is, else None."""
    match = TITLE.match(read(pid, "cmdline"))
    return match and match.group(1).decode()


def describe(pid):
    letter, parent = state(pid)
    command = read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
    if not command:
        command = "(" + read(pid, "comm").decode(errors="replace").strip() + ")"
    waits = read(pid, "wchan").decode(errors="replace")
    return f"pid {pid} of {parent}, state {letter or 'gone'}, in {waits}: {command[:120]}"


def belongings(pid):
    """Descriptors with what they are, and the number of threads."""
    fds = []
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            fds.append(f"{fd} {os.readlink(f'/proc/{pid}/fd/{fd}')}")
        threads = len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return set(), 0
    return set(fds), threads


def wait(pid, flags=0):
    """The exit status as subprocess has it; None: not yet, or no child of ours."""
    try:
        got, status = os.waitpid(pid, flags)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if got else None
