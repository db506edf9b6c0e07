// The program's log, which it shares with the library.
#pragma once

#include <tractor/log.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "error.hpp"

/// Any function of this namespace may be called from any thread at any time.
namespace tractor::log {

/// Logs a line as it is, if lines of that level come out. @param level  a ::tractor_log_level, or another number
/// @param logger  a dotted name, such as "shop.stock"; NULL: "tractor.app"
inline void line(int level, const std::string& text, const char* logger = nullptr, const char* file = __builtin_FILE(),
                 int at = __builtin_LINE()) {
  if (!tractor_log_enabled(level)) return;
  const char* name = file + std::string_view(file).rfind('/') + 1;  // without its folder, if it has one
  tractor_log_text(level, logger, name, at, text.c_str());
}
inline void debug(const std::string& text, const char* file = __builtin_FILE(), int at = __builtin_LINE()) {
  line(TRACTOR_LOG_DEBUG, text, nullptr, file, at);
}
inline void info(const std::string& text, const char* file = __builtin_FILE(), int at = __builtin_LINE()) {
  line(TRACTOR_LOG_INFO, text, nullptr, file, at);
}
inline void warning(const std::string& text, const char* file = __builtin_FILE(), int at = __builtin_LINE()) {
  line(TRACTOR_LOG_WARNING, text, nullptr, file, at);
}
inline void error(const std::string& text, const char* file = __builtin_FILE(), int at = __builtin_LINE()) {
  line(TRACTOR_LOG_ERROR, text, nullptr, file, at);
}
inline void critical(const std::string& text, const char* file = __builtin_FILE(), int at = __builtin_LINE()) {
  line(TRACTOR_LOG_CRITICAL, text, nullptr, file, at);
}

/// Would a line of this level come out? Ask before you gather what is expensive to log.
inline bool enabled(int level) noexcept { return tractor_log_enabled(level); }
/// The level below which lines are dropped.
inline int level() noexcept { return tractor_log_get_level(); }
/// @throws misuse_error for 0 or less
inline void set_level(int level) { detail::check(tractor_log_set_level(level)); }
/// The level of a name or number, in any case: "info" is 20. 0 if there is none
inline int level_by_name(const std::string& name) noexcept { return tractor_log_level_by_name(name.c_str()); }
/// Names a level of your own. @param color  as in tractor_log_add_level(). @throws misuse_error
inline void add_level(int level, const char* name, const char* color = nullptr) {
  detail::check(tractor_log_add_level(level, name, color));
}
/// Takes that back. @throws misuse_error if it was not added
inline void remove_level(int level) { detail::check(tractor_log_remove_level(level)); }

/// Sends all lines to `sink(level, line)`, which is called on the thread that logs, on several at once if several do. What it
/// throws ends the program.
inline void set_sink(std::function<void(int level, std::string_view line)> sink) {
  using held = decltype(sink);
  auto kept = std::make_unique<held>(std::move(sink));
  detail::check(tractor_log_set_sink(
      [](int level, const char* line, void* user) noexcept { (*static_cast<held*>(user))(level, line); }, kept.get(),
      [](void* user) { delete static_cast<held*>(user); }));
  kept.release();
}
/// Lines go to stderr again.
inline void reset_sink() { detail::check(tractor_log_set_sink(nullptr, nullptr, nullptr)); }

}  // namespace tractor::log
