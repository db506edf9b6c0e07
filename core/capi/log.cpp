#include <tractor/log.h>

#include <cstdarg>
#include <new>
#include <string_view>

#include "base/log.hpp"

using namespace tractor::core;

namespace {

constexpr const char* kProgram = "app";  // the logger of lines that name none

}  // namespace

int tractor_log_set_level(int level) {
  if (level <= 0) return TRACTOR_EINVAL;
  log::set_level(level);
  return TRACTOR_OK;
}

int tractor_log_get_level(void) { return log::threshold; }

bool tractor_log_enabled(int level) { return log::enabled(level); }

int tractor_log_set_sink(tractor_log_fn fn, void* user, tractor_release_fn release) {
  try {
    log::set_sink(fn, user, release);
    return TRACTOR_OK;
  } catch (const std::bad_alloc&) {
    return TRACTOR_ENOMEM;
  }
}

void tractor_log(int level, const char* format, ...) {
  if (!log::enabled(level) || !format) return;
  va_list args;
  va_start(args, format);
  log::vemit(level, kProgram, nullptr, 0, format, args);
  va_end(args);
}

void tractor_log_text(int level, const char* logger, const char* file, int line, const char* text) {
  if (!log::enabled(level) || !text) return;
  log::emit(level, logger ? logger : kProgram, file, line, "%s", text);
}

int tractor_log_level_by_name(const char* name) { return name ? log::level_by_name(name) : 0; }

int tractor_log_add_level(int level, const char* name, const char* color) {
  std::string_view digits = "0123456789";
  if (level <= 0 || !name || std::string_view(name).find_first_not_of(digits) == std::string_view::npos)
    return TRACTOR_EINVAL;
  if (color && !log::known_color(color)) return TRACTOR_EINVAL;
  try {
    return log::add_level(level, name, color) ? TRACTOR_OK : TRACTOR_EALREADY;
  } catch (const std::bad_alloc&) {
    return TRACTOR_ENOMEM;
  }
}

int tractor_log_remove_level(int level) { return log::remove_level(level) ? TRACTOR_OK : TRACTOR_EINVAL; }
