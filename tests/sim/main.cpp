// ./dev sim: seeded schedules of the real core over a simulated machine.
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "journal.hpp"
#include "schedule.hpp"

namespace {

constexpr const char* kHelp =
    "usage: tractor_sim [SCHEDULES] [SEED]\n"
    "\n"
    "Runs SCHEDULES (10000) schedules; the n-th has the number SEED + n (SEED: 1), and everything in it follows from\n"
    "that number. A broken one is told with its number, what is wrong and its trace; to run it alone again:\n"
    "    tractor_sim 1 NUMBER\n"
    "With --trace before them the trace of every schedule is printed; with --first it ends with the first broken one.\n"
    "The exit status is 1 if one is broken. The last line is\n"
    "    N schedules, M broken, seed S, K steps, digest HEX\n"
    "and the digest of all that happened is the same whenever the numbers are.\n";

struct Progress {
  uint64_t seed, done, broken, steps;
} progress;

/// Memory that was misused ends the run, but not without its number.
[[maybe_unused]] void crashed(int signo) {
  std::printf("schedule %" PRIu64 " is broken: it crashes with signal %d\n", progress.seed + progress.done, signo);
  std::printf("%" PRIu64 " schedules, %" PRIu64 " broken, seed %" PRIu64 ", %" PRIu64 " steps, digest %016d\n",
              progress.done + 1, progress.broken + 1, progress.seed, progress.steps, 0);
  std::fflush(stdout);
  std::_Exit(1);
}

void print(const sim::Outcome& outcome) {
  for (const std::string& line : outcome.lines) std::printf("  %s\n", line.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  bool trace = false, first = false;
  uint64_t numbers[2] = {10000, 1}, count = 0;
  for (int i = 1; i < argc; ++i) {
    char* end = nullptr;
    if (std::strcmp(argv[i], "--help") == 0) {
      std::fputs(kHelp, stdout);
      return 0;
    }
    if (std::strcmp(argv[i], "--trace") == 0) {
      trace = true;
      continue;
    }
    if (std::strcmp(argv[i], "--first") == 0) {
      first = true;
      continue;
    }
    uint64_t number = std::strtoull(argv[i], &end, 10);
    if (count == 2 || end == argv[i] || *end) {
      std::fprintf(stderr, "tractor_sim: '%s' is no number\n%s", argv[i], kHelp);
      return 2;
    }
    numbers[count++] = number;
  }
  sim::warm_up();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  for (int signo : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE}) std::signal(signo, crashed);
#endif
  uint64_t schedules = numbers[0];
  const uint64_t seed = numbers[1];
  uint64_t broken = 0, steps = 0;
  sim::Journal all(false);
  for (uint64_t n = 0; n < schedules; ++n) {
    progress = {seed, n, broken, steps};
    sim::Outcome outcome = sim::run_schedule(seed + n, trace);
    steps += outcome.steps;
    all.hash(outcome.digest);
    if (trace) print(outcome);
    if (outcome.why.empty()) continue;
    ++broken;
    if (broken > 10) continue;
    std::printf("schedule %" PRIu64 " is broken: %s\n", seed + n, outcome.why.c_str());
    // The first is told in full.
    if (broken == 1 && !trace) print(sim::run_schedule(seed + n, true));
    std::fflush(stdout);
    if (first) schedules = n + 1;
  }
  std::printf("%" PRIu64 " schedules, %" PRIu64 " broken, seed %" PRIu64 ", %" PRIu64 " steps, digest %016" PRIx64 "\n",
              schedules, broken, seed, steps, all.digest());
  return broken > 0 ? 1 : 0;
}
