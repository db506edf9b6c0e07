// Real processes: launched, watched, killed, reaped, and nothing left behind.
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>

#include "runner.hpp"

extern "C" {
#include <cmocka.h>  // last: it defines `fail`
}

using namespace tractor::test;

namespace {

Runner* run;

int fresh(void**) {
  run = new Runner;
  return 0;
}
int drop(void**) {
  delete run;
  return 0;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

void exit_codes_are_reported(void**) {
  for (int code : {0, 1, 2, 127, 255}) {
    assert_true(run->start(Runner::spec({"exit", std::to_string(code)})));
    assert_true(run->process->running());
    assert_true(run->until_exit());
    assert_false(run->process->running());
    assert_false(process_alive(run->process->pid()));
    assert_int_equal(run->status.kind, ExitStatus::exited);
    assert_int_equal(run->status.code, code);
    assert_int_equal(run->status.success(), code == 0);
    assert_string_equal(run->status.to_string().c_str(), ("exit status " + std::to_string(code)).c_str());
    assert_int_equal(run->exits, 1);
  }
}

void programs_are_found_in_path(void**) {
  LaunchSpec spec;
  spec.program = "true";
  assert_true(run->start(spec));
  assert_true(run->until_exit());
  assert_true(run->status.success());
  spec.program = "sh";
  spec.argv = {"sh", "-c", "echo from sh >&2; exit 3"};
  spec.stderr_mode = StderrMode::capture;
  assert_true(run->start(spec));
  assert_true(run->until_exit());
  assert_int_equal(run->status.code, 3);
  assert_string_equal(run->last.c_str(), "from sh");
}

void signals_are_reported(void**) {
  assert_true(run->start(Runner::spec({"raise", std::to_string(SIGTERM)})));
  assert_true(run->until_exit());
  assert_int_equal(run->status.kind, ExitStatus::signaled);
  assert_int_equal(run->status.code, SIGTERM);
  assert_string_equal(run->status.to_string().c_str(), "killed by signal 15 (SIGTERM)");
  assert_true(run->start(Runner::spec({"hang"})));
  assert_true(run->until_said("ready"));
  run->process->signal(SIGKILL);
  assert_true(run->until_exit());
  assert_string_equal(run->status.to_string().c_str(), "killed by signal 9 (SIGKILL)");
  run->process->signal(SIGKILL);  // of a process that is gone: nothing
}

void what_cannot_be_executed_fails_at_once(void**) {
  LaunchSpec spec;
  int fds = open_fds();
  spec.program = "/nonexistent/program";
  assert_false(run->start(spec));
  assert_int_equal(run->failure.code, Status::spawn);
  assert_string_equal(run->failure.type, "FileNotFoundError");
  assert_string_equal(run->failure.message.c_str(), "cannot start '/nonexistent/program': No such file or directory");

  spec.program = "no-such-program-anywhere";
  assert_false(run->start(spec));
  assert_string_equal(run->failure.message.c_str(), "cannot start 'no-such-program-anywhere': no such program in PATH");

  spec.program = "/etc/passwd";
  assert_false(run->start(spec));
  assert_string_equal(run->failure.type, "PermissionError");
  assert_string_equal(run->failure.message.c_str(), "cannot start '/etc/passwd': Permission denied");

  char garbage[] = "/tmp/tractor-garbage-XXXXXX";
  int fd = mkstemp(garbage);
  assert_int_equal(write(fd, "\x01\x02\x03\x04", 4), 4);
  fchmod(fd, 0700);
  close(fd);
  spec.program = garbage;
  bool started = run->start(spec);
  unlink(garbage);
  assert_false(started);
  assert_true(contains(run->failure.message, "Exec format error"));

  spec.program = "";
  assert_false(run->start(spec));
  spec.program = child_program();
  spec.argv = {"a", std::string("b\0c", 3)};
  assert_false(run->start(spec));
  assert_true(contains(run->failure.message, "argv[1]"));
  spec.argv = {};
  spec.cwd = "/nonexistent";
  assert_false(run->start(spec));
  assert_true(contains(run->failure.message, "cannot enter folder '/nonexistent': No such file"));
  assert_int_equal(waitpid(-1, nullptr, WNOHANG), -1);  // and no process is left
  assert_int_equal(errno, ECHILD);
  assert_int_equal(open_fds(), fds);
}

void cwd_and_environment_are_set(void**) {
  LaunchSpec spec = Runner::spec({"state"});
  spec.cwd = "/usr";
  assert_true(contains(run->output(spec), "cwd /usr"));
  setenv("SPAWN_TEST", "ours", 1);
  assert_string_equal(run->output(Runner::spec({"getenv", "SPAWN_TEST"})).c_str(), "SPAWN_TEST=ours");
  spec = Runner::spec({"getenv", "SPAWN_TEST"});
  spec.env = {{"OTHER=1"}};
  assert_string_equal(run->output(spec).c_str(), "SPAWN_TEST=(unset)");
  spec.env = {{"SPAWN_TEST=theirs"}};
  assert_string_equal(run->output(spec).c_str(), "SPAWN_TEST=theirs");
  unsetenv("SPAWN_TEST");
}

void arguments_arrive_as_they_are(void**) {
  assert_string_equal(run->output(Runner::spec({"args", "", "two words", "caf\xc3\xa9", "-x"})).c_str(),
                      "<prog_child><args><><two words><caf\xc3\xa9><-x>");
}

void only_passed_descriptors_are_open(void**) {
  // Not close-on-exec, as a careless host leaves them; with a gap.
  int a = open("/dev/null", O_RDONLY), b = fcntl(a, F_DUPFD, 40), c = fcntl(a, F_DUPFD_CLOEXEC, 90);
  assert_string_equal(run->output(Runner::spec({"fds"})).c_str(), "fd 0\nfd 1\nfd 2");
  LaunchSpec spec = Runner::spec({"fds"});
  spec.pass_fds = {c, a, c};
  std::string expected = "fd 0\nfd 1\nfd 2\nfd " + std::to_string(a) + "\nfd " + std::to_string(c);
  assert_string_equal(run->output(spec).c_str(), expected.c_str());
  assert_true(fcntl(c, F_GETFD) & FD_CLOEXEC);  // here nothing changed
  close(a);
  close(b);
  close(c);
  spec.pass_fds = {0, a};
  assert_false(run->start(spec));
  assert_string_equal(run->failure.message.c_str(),
                      ("pass_fds: " + std::to_string(a) + " is not an open descriptor").c_str());
  spec.pass_fds = {-1};
  assert_false(run->start(spec));
}

void signals_are_as_at_birth(void**) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigaddset(&blocked, SIGRTMIN + 3);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGRTMIN + 4, SIG_IGN);
  signal(SIGUSR2, [](int) {});
  std::string state = run->output(Runner::spec({"state"}));
  sigset_t after;
  sigprocmask(SIG_SETMASK, &before, &after);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGHUP, SIG_DFL);
  signal(SIGRTMIN + 4, SIG_DFL);
  signal(SIGUSR2, SIG_DFL);
  assert_true(sigismember(&after, SIGUSR1) == 1 && sigismember(&after, SIGUSR2) == 0);
  assert_true(contains(state, "SigBlk:\t0000000000000000"));
  assert_true(contains(state, "SigIgn:\t0000000000000202"));  // SIGINT and SIGUSR1
  size_t caught = state.find("SigCgt:\t");
  assert_true(caught != state.npos);
  unsigned long mask = std::strtoul(state.c_str() + caught + 8, nullptr, 16);
  assert_int_equal(mask & (1ul << (SIGUSR2 - 1)), 0);
  assert_true(contains(state, "pdeathsig 9"));
}

void last_lines_of_stderr_are_kept(void**) {
  assert_string_equal(run->output(Runner::spec({"say", "one\ntwo"})).c_str(), "one\ntwo");
  assert_string_equal(run->output(Runner::spec({"say", "bad \xff byte\n"})).c_str(), "bad \xef\xbf\xbd byte");
  std::string text = run->output(Runner::spec({"lines", "5000"}));
  assert_in_range(text.size(), 4000, 4096);
  assert_true(text.starts_with("line "));
  assert_true(text.ends_with("line 4999 of the child"));
  text = run->output(Runner::spec({"say", std::string(20000, 'x')}));
  assert_int_equal(text.size(), 4096);
}

void closed_stderr_is_not_the_end(void**) {
  assert_true(run->start(Runner::spec({"mute", "7"})));
  assert_true(run->until_exit());
  assert_int_equal(run->status.code, 7);
}

/// What comes out of our own stderr while `fn` runs.
std::string relayed(const std::function<void()>& fn) {
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  int saved = fcntl(2, F_DUPFD_CLOEXEC, 3);
  dup2(ends[1], 2);
  close(ends[1]);
  std::string text;
  std::thread reader([&] {
    char buffer[4096];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  });
  fn();
  dup2(saved, 2);
  close(saved);
  reader.join();
  close(ends[0]);
  return text;
}

void stderr_is_relayed_in_lines(void**) {
  std::string last, text = relayed([&] { last = run->output(Runner::spec({"lines", "3000"}, StderrMode::relay)); });
  std::string expected;
  for (int i = 0; i < 3000; ++i) expected += "line " + std::to_string(i) + " of the child\n";
  assert_true(text == expected);
  assert_true(last.ends_with("line 2999 of the child"));
  // An open last line is closed, for the next writer's sake.
  text = relayed([&] { run->output(Runner::spec({"say", "no newline"}, StderrMode::relay)); });
  assert_string_equal(text.c_str(), "no newline\n");
  text = relayed([&] { run->output(Runner::spec({"say", std::string(9000, 'y')}, StderrMode::relay)); });
  assert_true(text == std::string(9000, 'y') + "\n");
  text = relayed([&] { run->output(Runner::spec({"say", "captured"}, StderrMode::capture)); });
  assert_string_equal(text.c_str(), "");
  text = relayed([&] { last = run->output(Runner::spec({"say", "direct"}, StderrMode::inherit)); });
  assert_string_equal(text.c_str(), "direct");
  assert_string_equal(last.c_str(), "");
}

// Whoever reads our stderr has stopped; nothing may stop with it.
void stuck_stderr_stops_nothing(void**) {
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  char block[4096] = {};
  while (write(ends[1], block, sizeof block) > 0) {
  }
  fcntl(ends[1], F_SETFL, 0);
  int saved = fcntl(2, F_DUPFD_CLOEXEC, 3);
  dup2(ends[1], 2);
  std::string last = run->output(Runner::spec({"lines", "2000"}, StderrMode::relay));
  dup2(saved, 2);
  close(saved);
  close(ends[0]);
  close(ends[1]);
  assert_true(last.ends_with("line 1999 of the child"));
}

void heir_of_stderr_delays_the_end_a_moment_only(void**) {
  int64_t before = run->loop.now();
  std::string last = run->output(Runner::spec({"heir"}));
  int64_t took = run->loop.now() - before;
  pid_t heir = 0;
  assert_int_equal(sscanf(last.c_str(), "heir %d", &heir), 1);
  kill(heir, SIGKILL);
  assert_true(took < 5 * kSecond);
}

void destroying_kills_and_reaps(void**) {
  int fds = open_fds();
  assert_true(run->start(Runner::spec({"hang"})));
  assert_true(run->until_said("ready"));
  int64_t pid = run->process->pid();
  run->process.reset();
  assert_false(process_alive(pid));
  assert_int_equal(kill(static_cast<pid_t>(pid), 0), -1);
  assert_int_equal(open_fds(), fds);
  assert_int_equal(run->exits, 0);
}

void destroyed_between_end_and_report(void**) {
  assert_true(run->start(Runner::spec({"exit", "0"})));
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(run->process->pid()), &info, WEXITED | WNOWAIT);
  run->process.reset();
  assert_int_equal(run->exits, 0);
  run->destroy_in_handler = true;
  assert_true(run->start(Runner::spec({"exit", "0"})));
  assert_true(run->until_exit());
  assert_null(run->process.get());
}

void stolen_status_is_unknown(void**) {
  assert_true(run->start(Runner::spec({"exit", "5"})));
  assert_int_equal(waitpid(-1, nullptr, 0), run->process->pid());
  assert_true(run->until_exit());
  assert_int_equal(run->status.kind, ExitStatus::unknown);
  assert_string_equal(run->status.to_string().c_str(), "unknown status");
  assert_false(run->status.success());

  signal(SIGCHLD, SIG_IGN);
  assert_true(run->start(Runner::spec({"exit", "5"})));
  bool ended = run->until_exit();
  LaunchSpec missing;
  missing.program = "/nonexistent";
  bool started = run->start(missing);
  signal(SIGCHLD, SIG_DFL);
  assert_true(ended);
  assert_false(started);
  assert_int_equal(run->status.kind, ExitStatus::unknown);
}

void many_launches_leave_nothing(void**) {
  assert_true(run->start(Runner::spec({"exit", "0"})));
  assert_true(run->until_exit());
  run->process.reset();
  int fds = open_fds();
  for (int i = 0; i < 200; ++i) {
    assert_true(run->start(Runner::spec({"exit", std::to_string(i % 7)})));
    assert_true(run->until_exit());
    assert_int_equal(run->status.code, i % 7);
    run->process.reset();
  }
  assert_int_equal(open_fds(), fds);
  assert_int_equal(waitpid(-1, nullptr, WNOHANG), -1);
}

void want_of_descriptors_is_a_clean_failure(void**) {
  rlimit before{}, none{};
  getrlimit(RLIMIT_NOFILE, &before);
  int fds = open_fds();
  int free_fd = dup(0);
  close(free_fd);
  for (int room = 0; room < 4; ++room) {  // the record, two ends of a pipe, the pidfd
    none = before;
    none.rlim_cur = static_cast<rlim_t>(free_fd + room);
    setrlimit(RLIMIT_NOFILE, &none);
    LaunchSpec spec = Runner::spec({"exit", "0"});
    spec.boot_record = "x";
    bool started = run->start(spec);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_false(started);
    assert_int_equal(run->failure.code, Status::spawn);
    assert_true(contains(run->failure.message, "Too many open files"));
  }
  assert_int_equal(open_fds(), fds);
}

void standard_streams_may_be_closed(void**) {
  int saved[3];
  for (int fd = 0; fd < 3; ++fd) saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  for (int fd = 0; fd < 3; ++fd) close(fd);
  LaunchSpec spec = Runner::spec({"say", "still here"});
  spec.boot_record = "record";
  spec.argv = {"prog_child", "say", "x"};
  bool started = run->start(spec);  // prog_child answers the boot argument with 99
  bool ended = started && run->until_exit();
  std::string said = run->output(Runner::spec({"say", "still here"}));
  for (int fd = 0; fd < 3; ++fd) {
    dup2(saved[fd], fd);
    close(saved[fd]);
  }
  assert_true(ended);
  assert_int_equal(run->exits, 1);
  assert_string_equal(said.c_str(), "still here");
}

// The process that launched it is killed; the child goes too.
void child_dies_with_its_parent(void**) {
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  pid_t parent = fork();
  if (parent == 0) {
    Runner own;
    if (!own.start(Runner::spec({"hang"})) || !own.until_said("ready")) _exit(1);
    int64_t pid = own.process->pid();
    if (write(ends[1], &pid, sizeof pid) != sizeof pid) _exit(1);
    for (;;) pause();
  }
  int64_t child = 0;
  assert_int_equal(read(ends[0], &child, sizeof child), sizeof child);
  int pidfd = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(child), 0));
  assert_true(pidfd >= 0);
  assert_true(process_alive(child));
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  pollfd gone{pidfd, POLLIN, 0};
  assert_int_equal(poll(&gone, 1, 5000), 1);
  assert_false(process_alive(child));
  close(pidfd);
  close(ends[0]);
  close(ends[1]);
}

void liveness_of_processes(void**) {
  assert_true(process_alive(getpid()));
  assert_false(process_alive(0));
  assert_false(process_alive(-1));
  assert_false(process_alive(INT64_MAX));
  pid_t pid = fork();
  if (pid == 0) _exit(0);
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  assert_false(process_alive(pid));  // a zombie
  waitpid(pid, nullptr, 0);
}

}  // namespace

int main() {
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, drop)
  const CMUnitTest tests[] = {
      CASE(exit_codes_are_reported),
      CASE(programs_are_found_in_path),
      CASE(signals_are_reported),
      CASE(what_cannot_be_executed_fails_at_once),
      CASE(cwd_and_environment_are_set),
      CASE(arguments_arrive_as_they_are),
      CASE(only_passed_descriptors_are_open),
      CASE(signals_are_as_at_birth),
      CASE(last_lines_of_stderr_are_kept),
      CASE(closed_stderr_is_not_the_end),
      CASE(stderr_is_relayed_in_lines),
      CASE(stuck_stderr_stops_nothing),
      CASE(heir_of_stderr_delays_the_end_a_moment_only),
      CASE(destroying_kills_and_reaps),
      CASE(destroyed_between_end_and_report),
      CASE(stolen_status_is_unknown),
      CASE(many_launches_leave_nothing),
      CASE(want_of_descriptors_is_a_clean_failure),
      CASE(standard_streams_may_be_closed),
      CASE(child_dies_with_its_parent),
      CASE(liveness_of_processes),
  };
  return cmocka_run_group_tests_name("process", tests, nullptr, nullptr);
}
