// The lives of actors that run out of memory on the way: what is watched in each, and how all of them are lived.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tractor.h>

#include "robust/shortage.hpp"

namespace {

// --- what is watched -----------------------------------------------------------------------------------------------

/// One start: refused, or accepted and completed once.
struct Probe {
  const char* what;
  tractor_op token;
  int calls, code;
};
inline Probe probes[4096];
inline size_t probe_count;
inline int open_work;  // the probes that are open, and the root's body
inline bool wrong;

#define EXPECT(condition, ...)                                        \
  do {                                                                \
    if (!(condition)) {                                               \
      Plenty for_telling;                                             \
      fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      fprintf(stderr, "" __VA_ARGS__);                                \
      fprintf(stderr, "\n");                                          \
      wrong = true;                                                   \
    }                                                                 \
  } while (0)

inline Probe* probe(const char* what) {
  Probe* p = &probes[probe_count++];
  *p = {what, 0, 0, 0};
  return p;
}

inline void completed(void* user, const tractor_error* err) {
  auto* p = static_cast<Probe*>(user);
  p->calls++;
  p->code = tractor_error_code(err);
  EXPECT(p->calls == 1, "%s completed again", p->what);
  EXPECT(p->token >= 0, "%s was refused with %s and then completed", p->what,
         tractor_strerror(static_cast<int>(p->token)));
}

inline bool started(Probe* p, tractor_op token) {
  p->token = token;
  EXPECT(token > 0 || token == TRACTOR_ENOMEM || token == TRACTOR_ECLOSED, "%s: %s", p->what,
         tractor_strerror(static_cast<int>(token)));
  if (token > 0) ++open_work;
  return token > 0;
}

inline void check_probes() {
  for (size_t i = 0; i < probe_count; ++i)
    EXPECT(probes[i].calls == (probes[i].token > 0 ? 1 : 0), "%s completed %d times", probes[i].what, probes[i].calls);
}

inline int count_descriptors() {
  int count = 0;
  DIR* dir = opendir("/proc/self/fd");
  while (readdir(dir)) ++count;
  closedir(dir);
  return count;
}

// --- a root and its child ------------------------------------------------------------------------------------------

inline tractor_actor* actor;
inline tractor_nursery* root;
inline tractor_portal* child;
inline int ends, outcome;
inline uint64_t window = 0;  // of streams
const char* const modules[] = {"kit", "memory", nullptr};

/// Whatever a life waits for is over: so is the life.
inline void work_over() {
  if (--open_work > 0) return;
  int status = tractor_nursery_cancel(root, "all is done that was to be done here");
  EXPECT(status == TRACTOR_OK || status == TRACTOR_EALREADY, "%s", tractor_strerror(status));
}

inline void on_done(const tractor_error* err, void* p) {
  completed(p, err);
  work_over();
}

inline tractor_spawn_options spawning() {
  tractor_spawn_options options = {};
  options.struct_size = sizeof options;
  options.modules = modules;
  options.log_level = "critical";
  return options;
}

inline void (*with_child)();

inline void on_child(const tractor_error* err, tractor_portal* portal, void* p) {
  completed(p, err);
  child = portal;
  if (portal) with_child();
  work_over();
}

inline bool start_child(void (*then)()) {
  with_child = then;
  Probe* p = probe("start_actor");
  tractor_spawn_options options = spawning();
  return started(p, tractor_nursery_start_actor(root, "child", &options, on_child, p));
}

inline void on_end(const tractor_error* err, void*) {
  Plenty plenty;
  ++ends;
  outcome = tractor_error_code(err);
  char* text = tractor_error_format(err);
  if (show) fputs(text, stderr);
  // A process that can't go on may leave; it does not die.
  EXPECT(!strstr(text, "SIG") && !strstr(text, "in time"), "%s", text);
  tractor_free(text);
}

inline int open_root(tractor_root_fn body) {
  static const char* registries[] = {kit_registry(), nullptr};
  tractor_root_options options = {};
  options.struct_size = sizeof options;
  options.name = "a root whose name needs memory";
  options.enable_modules = modules;
  options.registry_addrs = registries;
  options.enable_transports = kit_transport();
  options.log_level = "transport";
  options.flags = TRACTOR_ROOT_SUBREAPER | TRACTOR_ROOT_SIGNALS;
  options.stream_window = window;
  ends = 0;
  return tractor_actor_open(&options, body, on_end, nullptr, &actor);
}

inline void nothing(tractor_nursery*, void*) { tractor_actor_close(actor); }

inline void run_root(tractor_root_fn body, int may_fail) {
  int opened = open_root(body);
  EXPECT(opened == TRACTOR_OK || opened == may_fail, "%s", tractor_strerror(opened));
  if (opened == TRACTOR_OK) {
    int ran = tractor_actor_run(actor);
    EXPECT(ran == TRACTOR_OK, "%s", tractor_strerror(ran));
  }
  EXPECT(ends == (opened == TRACTOR_OK), "ended %d times", ends);
}

// --- one life ------------------------------------------------------------------------------------------------------

inline Places* places;
inline size_t lane;
inline Want want;

/// Something has failed in this life, here or in the child.
inline bool was_starved() { return places->lanes[lane].place != 0; }

inline void check_life() {
  check_probes();
  if (!was_starved()) EXPECT(outcome == TRACTOR_OK, "%s", tractor_strerror(outcome));
  EXPECT(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, "there are children left");
}

/// A root that runs out of memory. Its process then holds nothing of it, and can open another.
inline void starve_root(tractor_root_fn body) {
  run_root(nothing, 0);  // what is made once is made now
  int before = count_descriptors();
  arm_at_new_place(places, lane, want);
  run_root(body, TRACTOR_ENOMEM);
  disarm();
  check_life();
  EXPECT(count_descriptors() == before, "%d descriptors, not %d", count_descriptors(), before);
  run_root(nothing, 0);
}

/// A root whose child does, between what starve_child() and feed_child() ask of it.
inline void root_of_starving(tractor_root_fn body) {
  run_root(body, 0);
  check_life();
}

inline void on_fed(const tractor_error* err, const tractor_value*, void* p) { on_done(err, p); }

inline void ask_child(const char* func, tractor_bytes args) {
  Probe* p = probe(func);
  started(p, tractor_portal_run(child, nullptr, "memory", func, args, nullptr, on_fed, p));
}

inline void starve_child() {
  ask_child("starve", tractor_pack("{s:s, s:i, s:y}", "places", path_of_places, "lane", static_cast<int>(lane), "want",
                                   &want, sizeof want));
}
inline void feed_child() { ask_child("feed", tractor_pack("{}")); }

inline void starve(tractor_ctx* ctx, const tractor_value* args, void*) {
  const char* path = nullptr;
  int of = 0;
  const void* how = nullptr;
  size_t size = 0;
  if (tractor_ctx_unpack(ctx, args, "{s:s, s:i, s:y}", "places", &path, "lane", &of, "want", &how, &size) != TRACTOR_OK)
    return;
  Places* known = Places::open(path);
  if (!known) return void(tractor_ctx_raisef(ctx, "RuntimeError", "there is no %s", path));
  tractor_ctx_return(ctx, "n");
  Want mine;
  memcpy(&mine, how, sizeof mine);
  arm_at_new_place(known, static_cast<size_t>(of), mine);
}

inline void feed(tractor_ctx* ctx, const tractor_value*, void*) {
  disarm();
  tractor_ctx_return(ctx, "n");
}

#define STARVING_ENDPOINTS TRACTOR_FUNC("starve", starve), TRACTOR_FUNC("feed", feed)

// --- all lives -----------------------------------------------------------------------------------------------------

#if defined(__SANITIZE_ADDRESS__)
extern "C" int __lsan_do_recoverable_leak_check(void);
inline bool leaks() { return __lsan_do_recoverable_leak_check() != 0; }
// A child that is killed while it looks for leaks would leave the process that looks for it.
inline bool in_child = true;
extern "C" int __lsan_is_turned_off(void) { return in_child; }
inline void not_in_child() { in_child = false; }
#else
inline bool leaks() { return false; }
inline void not_in_child() {}
#endif

inline void drop_line(int, const char* line, void*) {
  Plenty plenty;
  if (show) fprintf(stderr, "%s\n", line);
}

/// Before all tests.
inline void prepare_lives() {
  show = getenv("TRACTOR_TEST_SHOW") != nullptr;
  not_in_child();
  places = Places::open(nullptr);
}

/// Lives `f` in a process of its own.
inline pid_t begin_life(void (*f)(), size_t in_lane) {
  places->lanes[in_lane].place = 0;
  fflush(nullptr);
  pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGALRM, SIG_DFL);
  alarm(static_cast<unsigned>(20 * kit_headroom()));  // so long that a busy machine is no reason
  tractor_log_set_sink(drop_line, nullptr, nullptr);
  lane = in_lane;
  f();
  if (leaks()) wrong = true;
  fflush(nullptr);
  _exit(wrong);
}

/// How it went wrong, or "".
inline const char* verdict(int status) {
  static char text[64];
  if (WIFSIGNALED(status)) {
    if (WTERMSIG(status) == SIGALRM) return "hangs";
    snprintf(text, sizeof text, "dies of signal %d", WTERMSIG(status));
    return text;
  }
  return WEXITSTATUS(status) == 0 ? "" : "goes wrong";
}

/// Lives `f` until nothing new fails in it any more, in several processes at a time, since each of them waits more than
/// it works. What one transport has tried, the next one does not, unless TRACTOR_TEST_ALL is set; each gets its share. A
/// sanitizer's build looks at half of the places.
/// TRACTOR_TEST_PLACE=... is one place alone, TRACTOR_TEST_SHOW tells where it is.
inline void sweep(void (*f)(), long length, int depth) {
  constexpr size_t kAtOnce = SANITIZED ? 2 : 4;
  constexpr long kMost = 5000;
  bool all = getenv("TRACTOR_TEST_ALL") != nullptr, tcp = strcmp(kit_transport(), "tcp") == 0;
  want = {length, depth, (reinterpret_cast<uintptr_t>(f) + static_cast<uint64_t>(length)) * 2 + (all && tcp),
          all ? 1 : (tcp ? 2 : 1) * (SANITIZED ? 2 : 1)};
  pid_t lives[kAtOnce] = {};
  long tried = 0, bad = 0;
  // The first one that finds nothing may have been overtaken by one that is still at something.
  int found_nothing = 0;
  for (size_t running = 0;;) {
    alarm(static_cast<unsigned>(40 * kit_headroom()));
    for (size_t i = 0; i < kAtOnce && found_nothing < 2 && tried < kMost; ++i)
      if (lives[i] == 0) lives[i] = begin_life(f, i), ++running, ++tried;
    if (running == 0) break;
    int status = 0;
    pid_t pid = waitpid(-1, &status, 0);
    for (size_t i = 0; i < kAtOnce; ++i) {
      if (lives[i] != pid) continue;
      lives[i] = 0;
      --running;
      const Places::Lane& of = places->lanes[i];
      if (of.place == 0) ++found_nothing;
      if (const char* how_bad = verdict(status); *how_bad) {
        fprintf(stderr, "TRACTOR_TEST_PLACE=%016llx (allocation %ld): it %s\n",
                static_cast<unsigned long long>(of.place.load()), of.count.load(), how_bad);
        ++bad;
      }
    }
  }
  printf("%ld lives\n", tried);
  if (tried >= kMost) fail_msg("there is no end of new places");
  if (bad > 0) fail_msg("%ld of %ld lives go wrong", bad, tried);
}

}  // namespace
