// The log: levels, lines, and a sink that any thread may be in.
#include <atomic>
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <tractor/log.h>

#include "base/log.hpp"

extern "C" {
#include <cmocka.h>  // last: it defines `fail`
}

using namespace tractor::core;

namespace {

/// Collects lines of one thread.
struct Lines {
  std::vector<std::string> all;
  std::vector<int> levels;
  std::atomic<int> released{0};

  static void sink(int level, const char* line, void* user) {
    auto* self = static_cast<Lines*>(user);
    self->levels.push_back(level);
    self->all.emplace_back(line);
  }
  static void release(void* user) { ++static_cast<Lines*>(user)->released; }
};
Lines* lines;

int fresh(void**) {
  lines = new Lines;
  log::set_level(log::kError);
  log::set_sink(Lines::sink, lines, Lines::release);
  return 0;
}

int drop(void**) {
  log::set_sink(nullptr, nullptr, nullptr);
  log::set_level(log::kError);
  log::set_actor("", "");
  delete lines;
  return 0;
}

bool ends_with(const std::string& s, const std::string& end) { return s.size() >= end.size() && s.ends_with(end); }

/// What `fn` writes to stderr.
template <class Fn>
std::string on_stderr(Fn fn) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  int saved = dup(2);
  dup2(ends[1], 2);
  close(ends[1]);
  fn();
  dup2(saved, 2);
  close(saved);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  return text;
}

// LOG-01
void package_stands_once_in_logger_names(void**) {
  assert_string_equal(log::logger_name("").c_str(), "tractor");
  assert_string_equal(log::logger_name("tractor").c_str(), "tractor");
  assert_string_equal(log::logger_name("ipc").c_str(), "tractor.ipc");
  assert_string_equal(log::logger_name("tractor.ipc").c_str(), "tractor.ipc");
  assert_string_equal(log::logger_name("tractor.a.b.c").c_str(), "tractor.a.b.c");
  assert_string_equal(log::logger_name("tractors").c_str(), "tractor.tractors");
  assert_true(log::logger_name("tractor.sub") != log::logger_name("tractor"));
}

void levels_have_their_names_and_numbers(void**) {
  const struct {
    const char* name;
    int number;
  } table[] = {{"TRANSPORT", 5}, {"DEBUG", 10},   {"RUNTIME", 15}, {"DEVX", 17},     {"INFO", 20}, {"IO", 21},
               {"CANCEL", 22},   {"WARNING", 30}, {"ERROR", 40},   {"CRITICAL", 50}, {"PDB", 500}};
  for (auto& row : table) {
    assert_int_equal(log::level_by_name(row.name), row.number);
    assert_string_equal(log::level_name(row.number).c_str(), row.name);
  }
  assert_int_equal(log::level_by_name("cancel"), 22);
  assert_int_equal(log::level_by_name("Io"), 21);
  assert_int_equal(log::level_by_name("33"), 33);
  assert_int_equal(log::level_by_name("-33"), 0);
  assert_int_equal(log::level_by_name("0"), 0);
  assert_int_equal(log::level_by_name("12x"), 0);
  assert_int_equal(log::level_by_name(""), 0);
  assert_int_equal(log::level_by_name("nonsense"), 0);
  assert_int_equal(log::level_by_name("99999999999999999999"), 0);
  assert_string_equal(log::level_name(33).c_str(), "33");
}

// LOG-04
void io_is_shown_at_info(void**) {
  log::set_level(log::kInfo);
  assert_true(log::enabled(log::kIo));
  TRACTOR_LOG(kIo, "ipc", "hello");
  assert_int_equal(lines->all.size(), 1);
  assert_int_equal(lines->levels[0], 21);
  assert_true(lines->all[0].find(" [IO] tractor.ipc test_log.cpp:") != std::string::npos);
  assert_true(ends_with(lines->all[0], " hello"));
}

// LOG-05
void levels_can_be_added_and_removed(void**) {
  assert_int_equal(tractor_log_add_level(19, "CHATTER", "green"), TRACTOR_OK);
  assert_int_equal(tractor_log_add_level(19, "OTHER", nullptr), TRACTOR_EALREADY);
  assert_int_equal(tractor_log_add_level(18, "chatter", nullptr), TRACTOR_EALREADY);
  assert_int_equal(tractor_log_add_level(18, "X", "ultraviolet"), TRACTOR_EINVAL);
  assert_int_equal(tractor_log_add_level(18, "18", nullptr), TRACTOR_EINVAL);
  assert_int_equal(tractor_log_add_level(18, "", nullptr), TRACTOR_EINVAL);
  assert_int_equal(tractor_log_add_level(0, "ZERO", nullptr), TRACTOR_EINVAL);
  assert_int_equal(tractor_log_level_by_name("Chatter"), 19);

  tractor_log_set_level(20);
  tractor_log(19, "too low");
  tractor_log_set_level(19);
  tractor_log(19, "%s", "right");
  assert_int_equal(lines->all.size(), 1);
  assert_true(ends_with(lines->all[0], " [CHATTER] tractor.app right"));

  assert_int_equal(tractor_log_remove_level(19), TRACTOR_OK);
  assert_int_equal(tractor_log_remove_level(19), TRACTOR_EINVAL);
  assert_int_equal(tractor_log_remove_level(20), TRACTOR_EINVAL);
  assert_int_equal(tractor_log_level_by_name("chatter"), 0);
  tractor_log(19, "again");
  assert_true(ends_with(lines->all[1], " [19] tractor.app again"));
}

int poisoned_calls = 0;
const char* poisoned() {
  ++poisoned_calls;
  return "poison";
}

// LOG-06
void nothing_is_formatted_below_the_level(void**) {
  TRACTOR_LOG(kInfo, "ipc", "%s", poisoned());
  assert_int_equal(poisoned_calls, 0);
  assert_int_equal(lines->all.size(), 0);
  assert_false(tractor_log_enabled(TRACTOR_LOG_INFO));
  TRACTOR_LOG(kError, "ipc", "%s", poisoned());
  assert_int_equal(poisoned_calls, 1);
  assert_int_equal(lines->all.size(), 1);
}

void lines_have_the_protocols_layout(void**) {
  log::set_actor("worker", "1f3c9a5e-0000-4000-8000-000000000000");
  tractor_log_text(40, "tractor.my.mod", "main.rs", 7, "it broke\n");
  std::string id = std::to_string(getpid());
  std::string expected = " (worker[1f3c9a], " + id + ", " + id + ") [ERROR] tractor.my.mod main.rs:7 it broke";
  assert_true(ends_with(lines->all[0], expected));
  assert_int_equal(lines->all[0].size(), expected.size() + std::strlen("Jan 01 00:00:00"));
  log::set_actor("", "");
  tractor_log_text(40, nullptr, nullptr, 0, "no place");
  assert_true(lines->all[1].find(" (no actor_name context, ") != std::string::npos);
  assert_true(ends_with(lines->all[1], ") [ERROR] tractor.app no place"));
}

void text_cannot_pass_for_another_line(void**) {
  tractor_log_text(40, nullptr, nullptr, 0, "one\nJan 01 00:00:00 (forged)\x1b[2J\a\ttab\n\n");
  assert_true(ends_with(lines->all[0], " one\n    Jan 01 00:00:00 (forged)\\x1b[2J\\x07\ttab"));
  log::set_actor("evil\nname", "abcdefgh");
  tractor_log(40, "x");
  assert_true(lines->all[1].find(" (evil\n    name[abcdef], ") != std::string::npos);
}

void long_lines_come_out_whole(void**) {
  std::string text(10000, 'x');
  tractor_log(40, "<%s>", text.c_str());
  assert_true(ends_with(lines->all[0], " <" + text + ">"));
}

void errno_survives(void**) {
  errno = EXDEV;
  tractor_log(40, "%m");
  assert_int_equal(errno, EXDEV);
  assert_true(ends_with(lines->all[0], std::strerror(EXDEV)));
}

void replaced_sink_is_released_once(void**) {
  assert_int_equal(lines->released, 0);
  Lines other;
  log::set_sink(Lines::sink, &other, Lines::release);
  assert_int_equal(lines->released, 1);
  tractor_log(40, "to the other");
  assert_int_equal(lines->all.size(), 0);
  assert_int_equal(other.all.size(), 1);
  log::set_sink(nullptr, nullptr, nullptr);
  assert_int_equal(other.released, 1);
  assert_int_equal(lines->released, 1);
}

void stderr_gets_one_line_without_colour(void**) {
  log::set_sink(nullptr, nullptr, nullptr);
  std::string text = on_stderr([] { tractor_log(40, "to stderr"); });
  assert_true(ends_with(text, " [ERROR] tractor.app to stderr\n"));
  assert_true(text.find('\x1b') == std::string::npos);
}

void closed_stderr_is_no_harm(void**) {
  log::set_sink(nullptr, nullptr, nullptr);
  int saved = dup(2);
  close(2);
  tractor_log(40, "nowhere");
  dup2(saved, 2);
  close(saved);
}

void environment_names_the_level(void**) {
  unsetenv("TRACTOR_LOGLEVEL");
  assert_int_equal(log::level_from_env(), 0);
  setenv("TRACTOR_LOGLEVEL", "cancel", 1);
  assert_int_equal(log::level_from_env(), 22);
  setenv("TRACTOR_LOGLEVEL", "loud", 1);
  log::set_level(log::kWarning);
  assert_int_equal(log::level_from_env(), 0);
  assert_true(ends_with(lines->all.at(0), "TRACTOR_LOGLEVEL=loud names no level"));
  unsetenv("TRACTOR_LOGLEVEL");
}

// a sink that logs itself.
void sink_may_log(void**) {
  static int calls;
  calls = 0;
  std::string text = on_stderr([] {
    log::set_sink(
        [](int, const char*, void*) {
          ++calls;
          tractor_log(40, "from the sink");
        },
        nullptr, nullptr);
    tractor_log(40, "outer");
    log::set_sink(nullptr, nullptr, nullptr);
  });
  assert_int_equal(calls, 1);
  assert_true(ends_with(text, " from the sink\n"));
}

// a sink that puts another one in its own place.
void sink_may_replace_itself(void**) {
  static Lines* next;
  next = lines;
  log::set_sink([](int, const char*, void*) { log::set_sink(Lines::sink, next, nullptr); }, nullptr, nullptr);
  tractor_log(40, "first");
  tractor_log(40, "second");
  assert_int_equal(lines->all.size(), 1);
  assert_true(ends_with(lines->all[0], " second"));
}

struct Shared {
  std::atomic<int> inside{0}, lines{0}, late{0};
  std::atomic<bool> released{false};
};

// lines from four threads, while the sink, the level names and the actor change.
void sink_is_called_from_any_thread(void**) {
  constexpr int kThreads = 4, kLines = 500, kSwaps = 50;
  std::vector<Shared> sinks(kSwaps);
  std::atomic<bool> stop{false};
  auto sink = [](int, const char* line, void* user) {
    auto* s = static_cast<Shared*>(user);
    ++s->inside;
    if (s->released) ++s->late;
    if (std::strstr(line, " [ERROR] tractor.app line ")) ++s->lines;
    --s->inside;
  };
  auto release = [](void* user) {
    auto* s = static_cast<Shared*>(user);
    if (s->inside != 0) ++s->late;
    s->released = true;
  };
  log::set_sink(sink, &sinks[0], release);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < kLines; ++i) tractor_log(40, "line %d", i);
    });
  }
  std::thread other([&] {
    while (!stop) {
      log::set_actor("a-rather-long-actor-name", "123456789");
      log::add_level(19, "CHATTER", "green");
      log::remove_level(19);
    }
  });
  for (int i = 1; i < kSwaps; ++i) {
    log::set_sink(sink, &sinks[static_cast<size_t>(i)], release);
    std::this_thread::yield();
  }
  for (std::thread& t : threads) t.join();
  stop = true;
  other.join();
  log::set_sink(nullptr, nullptr, nullptr);
  int total = 0;
  for (Shared& s : sinks) {
    total += s.lines;
    assert_true(s.released);
    assert_int_equal(s.late, 0);
  }
  assert_int_equal(total, kThreads * kLines);
}

// A process forked while another thread logs can log itself.
void log_survives_fork(void**) {
  log::set_sink([](int, const char*, void*) {}, nullptr, nullptr);
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) tractor_log(40, "busy");
  });
  bool all_well = true;
  for (int i = 0; i < 50 && all_well; ++i) {
    pid_t pid = fork();
    if (pid == 0) {
      alarm(20);
      tractor_log(40, "in the child");
      _exit(0);
    }
    int status = -1;
    all_well = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
  }
  stop = true;
  busy.join();
  assert_true(all_well);
}

}  // namespace

int main() {
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, drop)
  const CMUnitTest tests[] = {
      CASE(package_stands_once_in_logger_names),
      CASE(levels_have_their_names_and_numbers),
      CASE(io_is_shown_at_info),
      CASE(levels_can_be_added_and_removed),
      CASE(nothing_is_formatted_below_the_level),
      CASE(lines_have_the_protocols_layout),
      CASE(text_cannot_pass_for_another_line),
      CASE(long_lines_come_out_whole),
      CASE(errno_survives),
      CASE(replaced_sink_is_released_once),
      CASE(stderr_gets_one_line_without_colour),
      CASE(closed_stderr_is_no_harm),
      CASE(environment_names_the_level),
      CASE(sink_may_log),
      CASE(sink_may_replace_itself),
      CASE(sink_is_called_from_any_thread),
      CASE(log_survives_fork),
  };
  return cmocka_run_group_tests_name("log", tests, nullptr, nullptr);
}
