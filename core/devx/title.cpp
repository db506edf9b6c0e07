#include "devx/title.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace tractor::core {
namespace {

constexpr std::string_view kPrefix = "_subactor[";

/// What the kernel shows as the command line: the argument texts and, behind them, those of the environment.
char* area_begin = nullptr;
char* area_end = nullptr;

ProgramArguments given_to_main;

/// glibc calls constructors with what main will get, those of a library that is loaded later too.
[[gnu::constructor]] void remember_arguments(int argc, char** argv) { given_to_main = {argc, argv}; }

std::string read_proc(int64_t pid, const char* file) {
  std::string path = "/proc/" + std::to_string(pid) + "/" + file;
  std::FILE* f = std::fopen(path.c_str(), "re");
  if (!f) return {};
  char text[4096];
  size_t n = std::fread(text, 1, sizeof text, f);
  std::fclose(f);
  return {text, n};
}

/// The kernel puts the texts between these two; an argv that a program made up lies elsewhere, perhaps read-only.
bool in_initial_stack(const char* text) {
  auto at = reinterpret_cast<unsigned long>(text);
  return at > getauxval(AT_RANDOM) && at < getauxval(AT_EXECFN);
}

/// One past the end of the texts that lie in one piece from `end` on.
char* run_of(char** texts, char* end) {
  for (; *texts && *texts == end; ++texts) end += std::strlen(*texts) + 1;
  return end;
}

/// Copies of all texts, which nobody will ever free: libc and the program keep pointers to them.
bool copy_texts(char** from, char** to) {
  for (; *from; ++from, ++to)
    if (!(*to = strdup(*from))) return false;
  *to = nullptr;
  return true;
}

}  // namespace

ProgramArguments program_arguments() { return given_to_main; }

void keep_argv_area(int argc, char** argv) {
  if (area_begin || argc < 1 || !argv || !in_initial_stack(argv[0])) return;
  char* end = run_of(argv, argv[0]);
  if (environ) end = run_of(environ, end);

  size_t variables = 0;
  while (environ && environ[variables]) ++variables;
  // In one block with the pointers, all that is allocated stays reachable and so is no leak.
  static char** kept;
  kept = static_cast<char**>(std::calloc(static_cast<size_t>(argc) + variables + 2, sizeof(char*)));
  if (!kept || !copy_texts(argv, kept)) return;
  char** new_environ = kept + argc + 1;
  if (environ && !copy_texts(environ, new_environ)) return;

  area_begin = argv[0];
  area_end = end;
  std::copy(kept, kept + argc, argv);
  if (environ) environ = new_environ;
  // libc's own pointers into the area, used in messages of assert() and error().
  program_invocation_name = argv[0];
  char* slash = std::strrchr(argv[0], '/');
  program_invocation_short_name = slash ? slash + 1 : argv[0];
}

std::string subactor_title(std::string_view name, int64_t pid) {
  return std::string(kPrefix).append(name).append("@").append(std::to_string(pid)).append("]");
}

void set_process_title(const std::string& title) {
  prctl(PR_SET_NAME, title.substr(0, 15).c_str());
  if (!area_begin) return;
  auto room = static_cast<size_t>(area_end - area_begin);
  size_t n = std::min(title.size(), room - 1);
  std::memcpy(area_begin, title.data(), n);
  std::memset(area_begin + n, 0, room - n);
}

bool is_subactor(int64_t pid) {
  if (read_proc(pid, "comm").starts_with(kPrefix)) return true;
  std::string command = read_proc(pid, "cmdline");
  if (command.starts_with(kPrefix)) return true;
  // Python's children only have a title where a package for that is installed.
  constexpr std::string_view kEntry("\0-m\0tractor._child\0", 19);
  return command.find(kEntry) != command.npos;
}

}  // namespace tractor::core
