#include "command/output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace tractor::command {

namespace {

bool wants_colour(int fd) {
  const char* no = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return (!no || !*no) && isatty(fd) && terminal && std::strcmp(terminal, "dumb") != 0;
}

}  // namespace

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
  std::fprintf(stderr, "%s %.*s\n", painted(Paint::red, "tractor:", STDERR_FILENO).c_str(),
               static_cast<int>(text.size()), text.data());
}

}  // namespace tractor::command
