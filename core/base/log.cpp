#include "base/log.hpp"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <new>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace tractor::core::log {

std::atomic<int> threshold{kError};

namespace {

constexpr std::string_view kPackage = "tractor";

struct NamedLevel {
  int number;
  std::string name;
  const char* escape;  // what switches the terminal to its colour; null: none
  bool ours;
};

struct Color {
  std::string_view name;
  const char* escape;
};
constexpr Color kColors[] = {
    {"black", "\x1b[30m"},   {"red", "\x1b[31m"},  {"green", "\x1b[32m"}, {"yellow", "\x1b[33m"}, {"blue", "\x1b[34m"},
    {"magenta", "\x1b[35m"}, {"cyan", "\x1b[36m"}, {"white", "\x1b[37m"}, {"gray", "\x1b[90m"},   {"bold", "\x1b[1m"},
};

const char* escape_of(std::string_view color) {
  for (const Color& c : kColors)
    if (c.name == color) return c.escape;
  return nullptr;
}

/// One sink; `users` counts the threads inside it and the slot that holds it.
struct Sink {
  SinkFn fn;
  void* user;
  ReleaseFn release;
  std::atomic<int> users{1};

  void leave() {
    if (users.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (release) release(user);
    delete this;
  }
};

/// Never destroyed: a line may be logged while the program's own statics go down.
struct State {
  std::mutex mutex;
  Sink* sink = nullptr;
  std::string actor;  // "name[uuid..]"
  std::vector<NamedLevel> levels{
      {kTransport, "TRANSPORT", "\x1b[36m", true}, {kDebug, "DEBUG", "\x1b[34m", true},
      {kRuntime, "RUNTIME", "\x1b[37m", true},     {kDevx, "DEVX", "\x1b[35m", true},
      {kInfo, "INFO", "\x1b[32m", true},           {kIo, "IO", "\x1b[36m", true},
      {kCancel, "CANCEL", "\x1b[33m", true},       {kWarning, "WARNING", "\x1b[33m", true},
      {kError, "ERROR", "\x1b[31m", true},         {kCritical, "CRITICAL", "\x1b[1;31m", true},
      {kPdb, "PDB", "\x1b[1;34m", true},
  };

  const NamedLevel* find(int number) const {
    for (const NamedLevel& l : levels)
      if (l.number == number) return &l;
    return nullptr;
  }
  const NamedLevel* find(std::string_view name) const {
    for (const NamedLevel& l : levels)
      if (l.name.size() == name.size() && strncasecmp(l.name.data(), name.data(), name.size()) == 0) return &l;
    return nullptr;
  }
};

State& state() {
  static State* s = [] {
    auto* fresh = new State;
    // A thread may be inside while another one forks; the child must not inherit a lock nobody will open.
    pthread_atfork([] { state().mutex.lock(); }, [] { state().mutex.unlock(); }, [] { state().mutex.unlock(); });
    return fresh;
  }();
  return *s;
}

/// A sink that logs would call itself for ever; what it logs goes to stderr instead.
thread_local bool inside_sink = false;

void write_stderr(const char* p, size_t n) {
  for (int patience = 5; n > 0;) {
    ssize_t done = ::write(STDERR_FILENO, p, n);
    if (done > 0) {
      p += done;
      n -= static_cast<size_t>(done);
    } else if (done < 0 && errno == EAGAIN && patience-- > 0) {
      pollfd full{STDERR_FILENO, POLLOUT, 0};
      poll(&full, 1, 10);
    } else if (done == 0 || errno != EINTR) {
      return;
    }
  }
}

void to_stderr(std::string& line, const char* escape) {
  if (escape && isatty(STDERR_FILENO) && !getenv("NO_COLOR")) {
    line.insert(0, escape);
    line += "\x1b[0m";
  }
  line += '\n';
  write_stderr(line.data(), line.size());
}

/// Text from a peer must neither move the cursor nor pass for a line of its own: control characters are spelled
/// out and what follows a line break is indented.
void append_message(std::string& line, std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\n    ";
    } else if ((u < 0x20 && c != '\t') || u == 0x7f) {
      char spelled[8];
      std::snprintf(spelled, sizeof spelled, "\\x%02x", u);
      line += spelled;
    } else {
      line += c;
    }
  }
}

std::string format_message(const char* format, va_list args) {
  char small[512];
  va_list again;
  va_copy(again, args);
  int n = std::vsnprintf(small, sizeof small, format, args);
  std::string text;
  if (n < 0) {
    text = format;
  } else if (static_cast<size_t>(n) < sizeof small) {
    text.assign(small, static_cast<size_t>(n));
  } else {
    text.resize(static_cast<size_t>(n));
    std::vsnprintf(text.data(), text.size() + 1, format, again);
  }
  va_end(again);
  return text;
}

void append_place(std::string& line) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm local{};
  char stamp[32];
  {
    std::lock_guard lock(state().mutex);
    // Under our lock because of libc's own: a fork waits for ours, so that no child inherits libc's closed by us.
    localtime_r(&now.tv_sec, &local);
    line.append(stamp, std::strftime(stamp, sizeof stamp, "%b %d %H:%M:%S", &local));
    line += " (";
    line += state().actor.empty() ? "no actor_name context" : state().actor;
  }
  line += ", " + std::to_string(getpid()) + ", " + std::to_string(syscall(SYS_gettid)) + ") ";
}

void deliver(int level, std::string& line) {
  const char* escape = nullptr;
  Sink* sink = nullptr;
  {
    std::lock_guard lock(state().mutex);
    const NamedLevel* known = state().find(level);
    escape = known ? known->escape : nullptr;
    sink = inside_sink ? nullptr : state().sink;
    if (sink) sink->users.fetch_add(1, std::memory_order_relaxed);
  }
  if (!sink) {
    to_stderr(line, escape);
    return;
  }
  inside_sink = true;
  sink->fn(level, line.c_str(), sink->user);
  inside_sink = false;
  sink->leave();
}

}  // namespace

void set_level(int level) { threshold.store(level, std::memory_order_relaxed); }

void set_sink(SinkFn fn, void* user, ReleaseFn release) {
  Sink* fresh = fn ? new Sink{fn, user, release} : nullptr;
  Sink* old;
  {
    std::lock_guard lock(state().mutex);
    old = std::exchange(state().sink, fresh);
  }
  if (old) old->leave();
  if (!fn && release) release(user);
}

int level_by_name(std::string_view name) {
  int number = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size()) return number > 0 ? number : 0;
  std::lock_guard lock(state().mutex);
  const NamedLevel* level = state().find(name);
  return level ? level->number : 0;
}

int level_from_env() {
  const char* wanted = getenv("TRACTOR_LOGLEVEL");
  if (!wanted || !*wanted) return 0;
  int level = level_by_name(wanted);
  if (level == 0) TRACTOR_LOG(kWarning, "log", "TRACTOR_LOGLEVEL=%s names no level", wanted);
  return level;
}

std::string level_name(int level) {
  std::lock_guard lock(state().mutex);
  const NamedLevel* known = state().find(level);
  return known ? known->name : std::to_string(level);
}

bool add_level(int level, std::string_view name, const char* color) {
  if (level <= 0 || name.empty()) return false;
  std::lock_guard lock(state().mutex);
  if (state().find(level) || state().find(name)) return false;
  state().levels.push_back({level, std::string(name), color ? escape_of(color) : nullptr, false});
  return true;
}

bool known_color(std::string_view name) { return escape_of(name) != nullptr; }

bool remove_level(int level) {
  std::lock_guard lock(state().mutex);
  return std::erase_if(state().levels, [&](const NamedLevel& l) { return l.number == level && !l.ours; }) > 0;
}

void set_actor(std::string_view name, std::string_view uuid) {
  std::string text;
  append_message(text, name);
  if (!text.empty()) text.append("[").append(uuid.substr(0, 6)).append("]");
  std::lock_guard lock(state().mutex);
  state().actor = std::move(text);
}

std::string logger_name(std::string_view name) {
  bool has_package = name.starts_with(kPackage) && (name.size() == kPackage.size() || name[kPackage.size()] == '.');
  if (has_package) return std::string(name);
  std::string full(kPackage);
  if (!name.empty()) full.append(".").append(name);
  return full;
}

void emit(int level, const char* logger, const char* file, int line, const char* format, ...) {
  va_list args;
  va_start(args, format);
  vemit(level, logger, file, line, format, args);
  va_end(args);
}

void vemit(int level, const char* logger, const char* file, int line, const char* format, va_list args) {
  int saved_errno = errno;
  try {
    std::string text = format_message(format, args);
    std::string out;
    out.reserve(160 + text.size());
    append_place(out);
    out += '[' + level_name(level) + "] " + logger_name(logger ? logger : "");
    if (file) out.append(" ").append(file).append(":").append(std::to_string(line));
    out += ' ';
    append_message(out, text);
    deliver(level, out);
  } catch (const std::bad_alloc&) {
    // Whoever logs is often about to deal with the very shortage; a lost line must not stop that.
  }
  errno = saved_errno;
}

}  // namespace tractor::core::log
