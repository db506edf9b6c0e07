#include "command/output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <unistd.h>

namespace tractor::command {

namespace {

bool wants_colour(int fd) {
  const char* no = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return (!no || !*no) && isatty(fd) && terminal && std::strcmp(terminal, "dumb") != 0;
}

/// The bytes of the character at the beginning of `text`; 0 if there is none that may be shown.
size_t printable(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  unsigned point = first & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3f);
  }
  const unsigned least = size == 2 ? 0xa0 : size == 3 ? 0x800 : 0x10000;  // below 0xa0 there are controls again
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  return first >= 0xc2 && point >= least && point <= 0x10ffff && !surrogate ? size : 0;
}

/// With the control characters escaped that are not among `allowed`.
std::string escaped(std::string_view text, std::string_view allowed) {
  std::string out;
  while (!text.empty()) {
    if (size_t size = allowed.find(text[0]) != allowed.npos ? 1 : printable(text)) {
      out += text.substr(0, size);
      text.remove_prefix(size);
      continue;
    }
    char hex[8];
    std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(text[0]));
    out += hex;
    text.remove_prefix(1);
  }
  return out;
}

std::string shown_lines(std::string_view text) { return escaped(text, "\n\t"); }

}  // namespace

std::string shown(std::string_view text) { return escaped(text, ""); }

std::string painted(Paint paint, std::string_view text, int fd) {
  const char* code = paint == Paint::bold ? "1" : paint == Paint::dim ? "2" : paint == Paint::red ? "31" : nullptr;
  if (!code || !wants_colour(fd)) return std::string(text);
  return std::string("\033[") + code + "m" + std::string(text) + "\033[0m";
}

int write_line(std::string_view text) {
  errno = 0;
  bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::putchar('\n') != EOF &&
                 std::fflush(stdout) == 0;
  if (written) return 0;
  return errno ? errno : EIO;
}

void complain(std::string_view text) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s %s\n", painted(Paint::red, "tractor:", STDERR_FILENO).c_str(), shown_lines(text).c_str());
}

void tell_in_full(const tractor_error* err) {
  std::unique_ptr<char, void (*)(void*)> text(tractor_error_format(err), tractor_free);
  if (text) std::fputs(shown_lines(text.get()).c_str(), stderr);
}

}  // namespace tractor::command
