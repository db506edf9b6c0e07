// Log front end: levels, the program-wide sink, and a macro that costs one compare when its level is off.
#pragma once

#include <atomic>
#include <cstdarg>
#include <string>
#include <string_view>

namespace tractor::core::log {

/// The levels of the protocol's family; the numbers are shared with the Python side.
enum Level : int {
  kTransport = 5,
  kDebug = 10,
  kRuntime = 15,
  kDevx = 17,
  kInfo = 20,
  kIo = 21,
  kCancel = 22,
  kWarning = 30,
  kError = 40,
  kCritical = 50,
  kPdb = 500,
};

using SinkFn = void (*)(int level, const char* line, void* user);
using ReleaseFn = void (*)(void* user);

extern std::atomic<int> threshold;  ///< lines below it are dropped before anything is formatted

inline bool enabled(int level) { return level >= threshold.load(std::memory_order_relaxed); }

void set_level(int level);
/// Replaces the sink; null restores the default one (stderr, coloured on a terminal). `release` runs once, when the
/// sink is replaced and no thread is inside it any more.
void set_sink(SinkFn fn, void* user, ReleaseFn release);

/// Level by name ("info", "INFO") or number ("20"); 0 if there is none.
int level_by_name(std::string_view name);
/// What TRACTOR_LOGLEVEL asks for; 0 if it is not set, or (with a warning) if it names no level.
int level_from_env();
/// "WARNING"; a number as text for a level nobody named.
std::string level_name(int level);
/// Names another level; its lines then carry `name`, in `color` on a terminal ("green", "cyan", …, null: none).
/// False if the number or the name is taken.
bool add_level(int level, std::string_view name, const char* color);
bool remove_level(int level);
bool known_color(std::string_view name);

/// What stands in each line as the actor's identity: "name[first 6 of uuid]"; empty: no actor.
void set_actor(std::string_view name, std::string_view uuid);

/// `logger` is a dotted name such as "tractor.ipc"; a name without the leading package gets it, once.
std::string logger_name(std::string_view name);

/// Formats and emits; call through TRACTOR_LOG, which tests the level first.
void emit(int level, const char* logger, const char* file, int line, const char* format, ...)
    __attribute__((format(printf, 5, 6)));
void vemit(int level, const char* logger, const char* file, int line, const char* format, va_list args);

}  // namespace tractor::core::log

/// TRACTOR_LOG(kWarning, "ipc", "closing %s: %s", ...). The arguments are not evaluated when the level is off.
#define TRACTOR_LOG(level, logger, ...)                                                                      \
  do {                                                                                                       \
    if (::tractor::core::log::enabled(::tractor::core::log::level))                                          \
      ::tractor::core::log::emit(::tractor::core::log::level, logger, __FILE_NAME__, __LINE__, __VA_ARGS__); \
  } while (false)
