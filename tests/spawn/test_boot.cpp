// How a child learns who it is: the boot record of our own children, and the flags of everybody's.
#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "runner.hpp"
#include "spawn/boot.hpp"

extern "C" {
#include <cmocka.h>  // last: it defines `fail`
}

using namespace tractor::test;

namespace {

BootInfo sample() {
  BootInfo info;
  info.name = "it's \"odd\" \\ caf\xc3\xa9\n,7:";
  info.uuid = "123e4567-e89b-42d3-a456-426614174000";
  info.parent_addr = Address::uds("/run/user/1000/tractor", "root@1.sock");
  info.log_level = "INFO";
  info.parent_pid = getpid();
  return info;
}

bool same(const BootInfo& a, const BootInfo& b) {
  return a.name == b.name && a.uuid == b.uuid && a.parent_addr == b.parent_addr && a.log_level == b.log_level;
}

/// argv as main gets it.
struct Words {
  explicit Words(std::vector<std::string> words) : texts(std::move(words)) {
    for (std::string& t : texts) argv.push_back(t.data());
    argv.push_back(nullptr);
  }
  int argc() const { return static_cast<int>(texts.size()); }
  std::vector<std::string> texts;
  std::vector<char*> argv;
};

Result<BootInfo> from_flags(std::vector<std::string> flags) {
  flags.insert(flags.begin(), "program");
  Words w(std::move(flags));
  return boot_from_flags(w.argc(), w.argv.data());
}

std::optional<Result<BootInfo>> from_record(const std::string& argument) {
  Words w({"program", argument});
  return boot_from_record(w.argc(), w.argv.data());
}

int memfd_with(const std::string& text) {
  int fd = memfd_create("test", MFD_CLOEXEC);
  if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return -1;
  return fd;
}

std::optional<Result<BootInfo>> from_text(const std::string& text) {
  return from_record(kChildArgument + std::to_string(memfd_with(text)));
}

void record_round_trip(void**) {
  BootInfo info = sample();
  int fds = open_fds();
  auto got = from_text(encode_boot_record(info));
  assert_true(got && got->ok());
  assert_true(same(info, **got));
  assert_int_equal((*got)->parent_pid, getpid());
  assert_true((*got)->native);
  assert_int_equal(open_fds(), fds);  // the descriptor was closed

  info.parent_addr = Address::tcp("127.0.0.1", 65535);
  info.log_level = "";
  info.parent_pid = 0;
  got = from_text(encode_boot_record(info));
  assert_true(got && got->ok() && same(info, **got));
}

void other_command_lines_are_left_alone(void**) {
  Words none({"program"}), second({"program", "x", "--tractor-child=3"});
  assert_false(boot_from_record(none.argc(), none.argv.data()).has_value());
  assert_false(boot_from_record(second.argc(), second.argv.data()).has_value());
  assert_false(from_record("--tractor-children").has_value());
  assert_false(from_record("--uid").has_value());
}

void check_refused(const std::optional<Result<BootInfo>>& got, const char* part) {
  assert_true(got.has_value());
  assert_false(got->ok());
  if (!std::strstr(got->failure().message.c_str(), part))
    fail_msg("'%s' not in: %s", part, got->failure().message.c_str());
}

void bad_records_are_refused(void**) {
  int fds = open_fds();
  check_refused(from_record("--tractor-child="), "no descriptor");
  check_refused(from_record("--tractor-child=x"), "'x' is no descriptor");
  check_refused(from_record("--tractor-child=7x"), "'7x' is no descriptor");
  check_refused(from_record("--tractor-child=999"), "descriptor 999 is not open");
  check_refused(from_record("--tractor-child=-5"), "not open");
  check_refused(from_record("--tractor-child=1"), "not open");
  std::string whole = encode_boot_record(sample());
  check_refused(from_text(""), "no boot record");
  check_refused(from_text("GET / HTTP/1.0\r\n"), "no boot record");
  check_refused(from_text(whole + "x"), "damaged");
  for (size_t n = 22; n < whole.size(); ++n) check_refused(from_text(whole.substr(0, n)), "damaged");
  check_refused(from_text(std::string(100000, 'x')), "too long");
  BootInfo nameless = sample();
  nameless.name = "";
  check_refused(from_text(encode_boot_record(nameless)), "names no actor");
  nameless.name = "\xff";
  check_refused(from_text(encode_boot_record(nameless)), "not UTF-8");
  assert_int_equal(open_fds(), fds);

  // Somebody else's descriptors are neither read nor closed.
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  int file = open("/etc/passwd", O_RDONLY);
  check_refused(from_record(kChildArgument + std::to_string(ends[0])), "no boot record");
  check_refused(from_record(kChildArgument + std::to_string(file)), "no boot record");
  for (int fd : {ends[0], ends[1], file}) assert_int_equal(close(fd), 0);
}

// The real way: this program, started as its own child.
void record_reaches_a_child(void**) {
  Runner run;
  LaunchSpec spec;
  spec.program = "/proc/self/exe";
  spec.argv = {"self", "more"};
  spec.stderr_mode = StderrMode::capture;
  spec.boot_record = encode_boot_record(sample());
  std::string said = run.output(spec);
  std::string expected = "child " + sample().name + " of " + sample().parent_addr.path() + ", bound, then more";
  assert_string_equal(said.c_str(), expected.c_str());
}

void flags_round_trip(void**) {
  BootInfo info = sample();
  auto got = from_flags(child_flags(info));
  assert_true(got.ok());
  assert_true(same(info, *got));
  assert_false(got->native);
  assert_int_equal(got->parent_pid, 0);
  info.name = "worker";
  info.parent_addr = Address::tcp("127.0.0.1", 1616);
  info.log_level = "";
  std::vector<std::string> flags = child_flags(info);
  std::vector<std::string> expected{"--uid", "('worker', '123e4567-e89b-42d3-a456-426614174000')", "--parent_addr",
                                    "('127.0.0.1', 1616)"};
  assert_true(flags == expected);
  got = from_flags(flags);
  assert_true(got.ok() && same(info, *got));
}

void flags_as_python_writes_them(void**) {
  auto got = from_flags({"-m", "tractor._child", "--uid", "('don\\'t', \"u\\x41\\u00e9\")", "--parent_addr",
                         "('/run/x', 'root@9.sock')", "--loglevel", "cancel"});
  assert_true(got.ok());
  assert_string_equal(got->name.c_str(), "don't");
  assert_string_equal(got->uuid.c_str(), "uA\xc3\xa9");
  assert_string_equal(got->parent_addr.path().c_str(), "/run/x/root@9.sock");
  assert_string_equal(got->log_level.c_str(), "cancel");
  got = from_flags({"--uid=[ 'a' , 'b' , ]", "--parent_addr=/ip4/127.0.0.1/tcp/5", "--loglevel="});
  assert_true(got.ok());
  assert_string_equal(got->name.c_str(), "a");
  assert_int_equal(got->parent_addr.port, 5);
}

void check_flags(std::vector<std::string> flags, const char* part) {
  check_refused(from_flags(std::move(flags)), part);
}

void bad_flags_are_named(void**) {
  const std::string uid = "('a', 'b')", addr = "('127.0.0.1', 1)";
  check_flags({}, "--uid is missing");
  check_flags({"--uid", uid}, "--parent_addr is missing");
  check_flags({"--parent_addr", addr}, "--uid is missing");
  check_flags({"--uid"}, "--uid: has no value");
  check_flags({"--uid", uid, "--parent_addr", addr, "--asyncio"}, "--asyncio");
  check_flags({"--uid", uid, "--verbose"}, "unknown flag '--verbose'");
  check_flags({"--uid", uid, "--verbose=3"}, "unknown flag '--verbose'");
  check_flags({"stray"}, "unknown flag 'stray'");
  check_flags({"-m", "other.module"}, "'other.module'");
  for (const char* bad :
       {"", "a", "('a')", "('a',)", "('a', 'b', 'c')", "('a' 'b')", "('a', 'b'", "('a', 'b'] ", "('a', 'b') x",
        "('a', 7)", "('a', 'b\\q')", "('', 'b')", "('a', '')", "('a', 'b", "('\\udcff', 'b')"})
    check_flags({"--uid", bad, "--parent_addr", addr}, "--uid");
  for (const char* bad : {"", "nowhere", "('127.0.0.1',)", "('127.0.0.1', 99999)"})
    check_flags({"--uid", uid, "--parent_addr", bad}, "--parent_addr");
}

void bound_to_the_parent(void**) {
  pid_t pid = fork();
  if (pid == 0) {
    int signo = 0;
    bool right = bind_to_parent(getppid()) && prctl(PR_GET_PDEATHSIG, &signo) == 0 && signo == SIGKILL;
    bool unknown = bind_to_parent(0), wrong = bind_to_parent(getppid() + 1);
    _exit(right && unknown && !wrong ? 0 : 1);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  assert_int_equal(status, 0);
}

/// This program in the role of a child.
int serve(int argc, char** argv, const Result<BootInfo>& info) {
  if (!info) {
    std::fprintf(stderr, "%s", info.failure().message.c_str());
    return 1;
  }
  std::fprintf(stderr, "child %s of %s, %s, then %s", info->name.c_str(), info->parent_addr.path().c_str(),
               bind_to_parent(info->parent_pid) ? "bound" : "orphan", argc > 2 ? argv[2] : "nothing");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (auto info = boot_from_record(argc, argv)) return serve(argc, argv, *info);
  const CMUnitTest tests[] = {
      cmocka_unit_test(record_round_trip),       cmocka_unit_test(other_command_lines_are_left_alone),
      cmocka_unit_test(bad_records_are_refused), cmocka_unit_test(record_reaches_a_child),
      cmocka_unit_test(flags_round_trip),        cmocka_unit_test(flags_as_python_writes_them),
      cmocka_unit_test(bad_flags_are_named),     cmocka_unit_test(bound_to_the_parent),
  };
  return cmocka_run_group_tests_name("boot", tests, nullptr, nullptr);
}
