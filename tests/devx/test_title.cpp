// The process title, set by one process and read by another.
#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "devx/title.hpp"

extern "C" {
#include <cmocka.h>  // last: it defines `fail`
}

using namespace tractor::core;

namespace {

std::string proc(pid_t pid, const char* file) {
  std::string path = "/proc/" + std::to_string(pid) + "/" + file;
  char text[8192];
  int fd = open(path.c_str(), O_RDONLY);
  ssize_t n = read(fd, text, sizeof text);
  close(fd);
  return {text, n > 0 ? static_cast<size_t>(n) : 0};
}

/// This program once more, with these arguments and variables, until it has said that it is ready.
struct Other {
  Other(std::vector<const char*> argv, std::vector<const char*> env) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    argv.push_back(nullptr);
    env.push_back(nullptr);
    pid = fork();
    if (pid == 0) {
      dup2(ends[1], 1);
      execve("/proc/self/exe", const_cast<char**>(argv.data()), const_cast<char**>(env.data()));
      _exit(127);
    }
    close(ends[1]);
    char buffer[256];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
      said.append(buffer, static_cast<size_t>(n));
      if (said.ends_with("\n")) break;
    }
    close(ends[0]);
  }
  ~Other() {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  pid_t pid;
  std::string said;
};

// PRC-01
void title_has_name_and_pid(void**) {
  assert_string_equal(subactor_title("worker", 4711).c_str(), "_subactor[worker@4711]");
}

// PRC-02
void title_is_seen_from_outside(void**) {
  Other other({"program", "titled", "proctitle_boi", "a further argument"}, {"KEPT=value", "B=2"});
  std::string title = "_subactor[proctitle_boi@" + std::to_string(other.pid) + "]";
  std::string command = proc(other.pid, "cmdline");
  assert_string_equal(command.c_str(), title.c_str());
  assert_true(command.find_first_not_of('\0', title.size()) == command.npos);
  assert_string_equal(proc(other.pid, "comm").c_str(), "_subactor[proct\n");
  assert_true(is_subactor(other.pid));
  // What the program itself sees of its arguments and variables is as before.
  assert_string_equal(other.said.c_str(),
                      "program titled proctitle_boi a further argument; KEPT=value B=2 NEW=3; program\n");
}

// A title that needs the room of the environment.
void long_title_takes_the_environment(void**) {
  Other other({"p", "titled", "a_name_of_some_length"}, {"AAAAAAAAAAAAAAAAAAAA=bbbbbbbbbbbbbbbbbbbbbbb"});
  std::string title = "_subactor[a_name_of_some_length@" + std::to_string(other.pid) + "]";
  assert_string_equal(proc(other.pid, "cmdline").c_str(), title.c_str());
}

void short_room_cuts_the_title(void**) {
  Other other({"p", "titled", "abc"}, {});
  std::string command = proc(other.pid, "cmdline");
  assert_string_equal(command.c_str(), "_subactor[ab");  // the room of "p titled abc"
  assert_true(is_subactor(other.pid));
}

void python_children_are_known_by_their_module(void**) {
  Other other({"python3", "-m", "tractor._child", "--uid", "x"}, {});
  assert_true(is_subactor(other.pid));
}

// PRC-03
void others_are_no_subactors(void**) {
  assert_false(is_subactor(getpid()));
  assert_false(is_subactor(getppid()));
  assert_false(is_subactor(0));
  assert_false(is_subactor(-1));
  Other other({"vi", "tractor._child", "_subactor[x@1]"}, {});
  assert_false(is_subactor(other.pid));
}

void without_an_area_only_the_name_changes(void**) {
  char before[17] = {}, now[17] = {};
  prctl(PR_GET_NAME, before);
  char text[] = "not where the kernel put it";
  char* argv[] = {text, nullptr};
  keep_argv_area(1, argv);
  assert_ptr_equal(argv[0], text);
  set_process_title("_subactor[me@1]");
  prctl(PR_GET_NAME, now);
  prctl(PR_SET_NAME, before);
  assert_string_equal(now, "_subactor[me@1]");
  assert_string_equal(text, "not where the kernel put it");
}

int be_other(int argc, char** argv) {
  if (argc > 2 && std::strcmp(argv[1], "titled") == 0) {
    keep_argv_area(argc, argv);
    setenv("NEW", "3", 1);
    set_process_title(subactor_title(argv[2], getpid()));
  }
  for (int i = 0; i < argc; ++i) std::printf("%s%s", i ? " " : "", argv[i]);
  std::printf(";");
  for (char** e = environ; *e; ++e) std::printf(" %s", *e);
  std::printf("; %s\n", program_invocation_short_name);
  std::fflush(stdout);
  for (;;) pause();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return be_other(argc, argv);
  const CMUnitTest tests[] = {
      cmocka_unit_test(title_has_name_and_pid),
      cmocka_unit_test(title_is_seen_from_outside),
      cmocka_unit_test(long_title_takes_the_environment),
      cmocka_unit_test(short_room_cuts_the_title),
      cmocka_unit_test(python_children_are_known_by_their_module),
      cmocka_unit_test(others_are_no_subactors),
      cmocka_unit_test(without_an_area_only_the_name_changes),
  };
  return cmocka_run_group_tests_name("title", tests, nullptr, nullptr);
}
