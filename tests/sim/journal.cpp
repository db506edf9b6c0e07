#include "journal.hpp"

#include <cstdio>

#include "heap.hpp"

namespace sim {

namespace {

std::string formatted(int64_t now, const char* format, va_list args) {
  char text[768];
  int n = std::snprintf(text, sizeof text, "%12.6f  ", static_cast<double>(now) / 1e9);
  std::vsnprintf(text + n, sizeof text - static_cast<size_t>(n), format, args);
  return text;
}

}  // namespace

void Journal::vline(int64_t now, const char* format, va_list args) {
  if (!keeps_) return;
  Kernel kernel;
  lines_.push_back(formatted(now, format, args));
}

void Journal::line(int64_t now, const char* format, ...) {
  if (!keeps_) return;
  va_list args;
  va_start(args, format);
  vline(now, format, args);
  va_end(args);
}

void Journal::broken(int64_t now, const char* format, ...) {
  Kernel kernel;
  va_list args;
  va_start(args, format);
  std::string text = formatted(now, format, args);
  va_end(args);
  if (keeps_) lines_.push_back("*** " + text);
  if (why_.empty()) why_ = text.substr(14);
}

}  // namespace sim
