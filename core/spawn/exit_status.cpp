// What is known of a process that has ended, and whether one has.
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string.h>

#include "spawn/process.hpp"

namespace tractor::core {

std::string ExitStatus::to_string() const {
  if (kind == unknown) return "unknown status";
  if (kind == exited) return "exit status " + std::to_string(code);
  std::string text = "killed by signal " + std::to_string(code);
  if (const char* name = sigabbrev_np(code)) text += std::string(" (SIG") + name + ")";
  if (core_dumped) text += ", core dumped";
  return text;
}

bool process_alive(int64_t pid) {
  if (pid <= 0) return false;
  std::string path = "/proc/" + std::to_string(pid) + "/stat";
  std::FILE* f = std::fopen(path.c_str(), "re");
  if (!f) return false;
  char text[512];
  size_t n = std::fread(text, 1, sizeof text - 1, f);
  std::fclose(f);
  text[n] = '\0';
  // The name in parentheses may hold anything; the state follows the last one.
  const char* end = std::strrchr(text, ')');
  return end && end[1] == ' ' && end[2] != 'Z' && end[2] != 'X' && end[2] != 'x';
}

}  // namespace tractor::core
