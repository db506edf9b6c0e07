// every allocation that can fail does, once each. What is called then either succeeds or says ENOMEM and has changed
// nothing; what was accepted completes exactly once; the actor, its children and its descriptors go in order.
// ctest: timeout=240
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <new>

#include <dirent.h>
#include <execinfo.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tractor.h>

extern "C" {
#include "kit/kit.h"
#include "robust/script.h"
}

// --- allocations that fail -----------------------------------------------------------------------------------------

namespace {

/// The allocations `first` to `first + length - 1` of the thread that called arm() fail, counted from there.
struct Shortage {
  bool armed = false;
  long first = 0, length = 0, count = 0;
};
constinit thread_local Shortage shortage;
bool show = false;  // where the allocations were that failed

constexpr long kForGood = 1000000000;

void arm(long first, long length) { shortage = {true, first, length, 0}; }

/// Whether any allocation failed.
bool disarm() {
  shortage.armed = false;
  return shortage.count >= shortage.first;
}

/// What the tests themselves and the libraries need meanwhile.
struct Plenty {
  bool before = shortage.armed;
  Plenty() { shortage.armed = false; }
  ~Plenty() { shortage.armed = before; }
};

bool fails() {
  if (!shortage.armed) return false;
  long n = ++shortage.count;
  if (n < shortage.first || n - shortage.first >= shortage.length) return false;
  if (show) {
    Plenty plenty;
    void* frames[48];
    int depth = backtrace(frames, 48);
    fprintf(stderr, "-- allocation %ld fails:\n", n);
    backtrace_symbols_fd(frames, depth, STDERR_FILENO);
  }
  return true;
}

void* allocate(size_t size);

}  // namespace

void* operator new(size_t size) {
  void* p = fails() ? nullptr : allocate(size);
  if (!p) throw std::bad_alloc();
  return p;
}
void* operator new(size_t size, const std::nothrow_t&) noexcept { return fails() ? nullptr : allocate(size); }
void* operator new[](size_t size) { return operator new(size); }
void operator delete(void* p) noexcept { free(p); }
void operator delete(void* p, size_t) noexcept { free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { free(p); }
void operator delete[](void* p) noexcept { free(p); }
void operator delete[](void* p, size_t) noexcept { free(p); }

#if SANITIZED
namespace {
void* allocate(size_t size) { return malloc(size ? size : 1); }
}  // namespace
#else
// The library's own malloc() too, but not those of libraries below it: it lies in this executable's text.
extern "C" {
extern char __executable_start, etext;
void* __libc_malloc(size_t size);

void* malloc(size_t size) {
  auto* caller = static_cast<char*>(__builtin_return_address(0));
  bool ours = caller >= &__executable_start && caller < &etext;
  return ours && fails() ? nullptr : __libc_malloc(size);
}
}
namespace {
void* allocate(size_t size) { return __libc_malloc(size ? size : 1); }
}  // namespace
#endif

namespace {

// --- what is watched -----------------------------------------------------------------------------------------------

/// One start: refused, or accepted and completed once.
struct Probe {
  const char* what;
  tractor_op token;
  int calls, code;
};
Probe probes[4096];
size_t probe_count;
int open_work;  // the probes that are open, and the root's body
bool wrong;

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

Probe* probe(const char* what) {
  Probe* p = &probes[probe_count++];
  *p = {what, 0, 0, 0};
  return p;
}

void completed(void* user, const tractor_error* err) {
  auto* p = static_cast<Probe*>(user);
  p->calls++;
  p->code = tractor_error_code(err);
  EXPECT(p->calls == 1, "%s completed again", p->what);
  EXPECT(p->token >= 0, "%s was refused with %s and then completed", p->what,
         tractor_strerror(static_cast<int>(p->token)));
}
/// Whatever a life waits for is over: so is the life.
void work_over();

void on_done(const tractor_error* err, void* p) {
  completed(p, err);
  work_over();
}

int open_calls;
void (*when_answered)();

void on_value(const tractor_error* err, const tractor_value*, void* p) {
  completed(p, err);
  if (--open_calls == 0 && when_answered) when_answered();
  work_over();
}
void on_portal(const tractor_error* err, tractor_portal*, void* p) {
  completed(p, err);
  work_over();
}

bool started(Probe* p, tractor_op token) {
  p->token = token;
  EXPECT(token > 0 || token == TRACTOR_ENOMEM || token == TRACTOR_ECLOSED, "%s: %s", p->what,
         tractor_strerror(static_cast<int>(token)));
  if (token > 0) ++open_work;
  return token > 0;
}

bool called(Probe* p, tractor_op token) {
  bool accepted = started(p, token);
  if (accepted) ++open_calls;
  return accepted;
}

void check_probes() {
  for (size_t i = 0; i < probe_count; ++i)
    EXPECT(probes[i].calls == (probes[i].token > 0 ? 1 : 0), "%s completed %d times", probes[i].what, probes[i].calls);
}

int count_descriptors() {
  int count = 0;
  DIR* dir = opendir("/proc/self/fd");
  while (readdir(dir)) ++count;
  closedir(dir);
  return count;
}

// --- one whole life, or its pieces ---------------------------------------------------------------------------------

tractor_actor* actor;
tractor_nursery* root;
tractor_portal* child;
int ends;
const char* const modules[] = {"kit", "memory", nullptr};
char large[100 * 1024];
tractor_op hold;

void complete_hold() {
  if (hold > 0) {
    tractor_op op = hold;
    int status;
    while ((status = tractor_op_complete(actor, op, nullptr)) == TRACTOR_ENOMEM) {
    }
    EXPECT(status == TRACTOR_OK, "%s", tractor_strerror(status));
  }
  hold = 0;
}
void hold_cancelled(void*) { complete_hold(); }
void on_nap(const tractor_error* err, void* p) {
  completed(p, err);
  complete_hold();
  work_over();
}

void work_over() {
  if (--open_work > 0) return;
  int status = tractor_nursery_cancel(root, "all is done that was to be done here");
  EXPECT(status == TRACTOR_OK || status == TRACTOR_EALREADY, "%s", tractor_strerror(status));
}

tractor_bytes small_arguments() { return tractor_pack("{s:i}", "a", 1); }
tractor_bytes large_arguments() { return tractor_pack("{s:y}", "data", large, sizeof large); }

void call(const char* module, const char* func, tractor_bytes args) {
  Probe* p = probe(func);
  called(p, tractor_portal_run(child, nullptr, module, func, args, nullptr, on_value, p));
}

void work(void*) {}

void calls() {
  for (int i = 0; i < 3; ++i) call("kit", "echo", small_arguments());
  for (int i = 0; i < 2; ++i) call("kit", "echo", large_arguments());
  call("kit", "fail", tractor_pack("{s:s, s:s}", "type", "KeyError", "message", "as asked, in more than a few bytes"));
  call("kit", "nothing", small_arguments());
  Probe* p = probe("timed call");
  tractor_call_options in_time = {};
  in_time.struct_size = sizeof in_time;
  in_time.timeout_ns = 10 * TRACTOR_MS;
  called(p, tractor_portal_run(child, nullptr, "memory", "forever", tractor_pack("{}"), &in_time, on_value, p));
  p = probe("cancelled call");
  if (called(p, tractor_portal_run(child, nullptr, "memory", "forever", tractor_pack("{}"), nullptr, on_value, p)))
    tractor_op_cancel(actor, p->token);
  p = probe("own call");
  called(p, tractor_portal_run(tractor_actor_self(actor), nullptr, "kit", "echo", small_arguments(), nullptr, on_value,
                               p));
}

void local_work() {
  hold = tractor_nursery_hold(root, "a hold whose name needs memory", hold_cancelled, nullptr);
  Probe* p = probe("sleep");
  if (!started(p, tractor_nursery_sleep(root, 5 * TRACTOR_MS, on_nap, p))) complete_hold();
  p = probe("thread");
  started(p, tractor_nursery_run_in_thread(root, work, on_done, p));
  p = probe("post");
  int posted = tractor_actor_post(actor, on_done, p);
  started(p, posted == TRACTOR_OK ? 1 : posted);
  p = probe("nested nursery");
  tractor_nursery_options options = {};
  options.struct_size = sizeof options;
  options.name = "a nursery whose name needs memory";
  options.timeout_ns = 20 * TRACTOR_MS;
  tractor_nursery* nested = tractor_nursery_open(root, &options, on_done, p);
  if (tractor_nursery_set_timeout(nested, 10 * TRACTOR_MS) == TRACTOR_ECLOSED) {
    p->token = TRACTOR_ENOMEM;
  } else {
    started(p, 1);
    Probe* nap = probe("nested sleep");
    started(nap, tractor_nursery_sleep(nested, TRACTOR_FOREVER, on_done, nap));
    tractor_op op = tractor_nursery_op(nested);
    EXPECT(op > 0 || op == TRACTOR_ENOMEM, "%s", tractor_strerror(static_cast<int>(op)));
    Probe* end = probe("on_end");
    started(end, tractor_nursery_on_end(nested, on_done, end) == TRACTOR_OK ? 1 : TRACTOR_ENOMEM);
    if (void* memory = tractor_nursery_alloc(nested, 100)) memset(memory, 1, 100);
    EXPECT(tractor_nursery_cancel(nested, "enough, and that takes a few bytes to say") == TRACTOR_OK, "a cancel fails");
    tractor_nursery_close(nested);
  }
}

void searches() {
  for (const char* name : {"child", "nobody of that name is here"}) {
    Probe* p = probe("find_actor");
    started(p, tractor_find_actor(root, name, nullptr, on_portal, p));
  }
  Probe* p = probe("wait_for_actor");
  started(p, tractor_wait_for_actor(root, "child", nullptr, on_portal, p));
  p = probe("get_registry");
  started(p, tractor_get_registry(root, nullptr, nullptr, on_portal, p));
  p = probe("registry at an address");
  started(p, tractor_get_registry(root, kit_registry(), nullptr, on_portal, p));
}

tractor_spawn_options spawning() {
  tractor_spawn_options options = {};
  options.struct_size = sizeof options;
  options.modules = modules;
  options.log_level = "critical";
  return options;
}

void (*with_child)();

void on_child(const tractor_error* err, tractor_portal* portal, void* p) {
  completed(p, err);
  child = portal;
  if (portal) with_child();
  work_over();
}

bool start_child(void (*then)()) {
  with_child = then;
  Probe* p = probe("start_actor");
  tractor_spawn_options options = spawning();
  return started(p, tractor_nursery_start_actor(root, "child", &options, on_child, p));
}

void on_victim(const tractor_error* err, tractor_portal* portal, void* p) {
  completed(p, err);
  if (portal) {
    Probe* cancel = probe("cancel_actor");
    started(cancel, tractor_portal_cancel_actor(portal, nullptr, nullptr, on_done, cancel));
  }
  work_over();
}

void whole_life(tractor_nursery* nursery, void*) {
  root = nursery;
  open_work = 1;
  local_work();
  start_child([] {
    calls();
    searches();
  });
  Probe* p = probe("wait_for_actor that comes later");
  tractor_call_options in_time = {};
  in_time.struct_size = sizeof in_time;
  in_time.timeout_ns = 200 * TRACTOR_MS;
  started(p, tractor_wait_for_actor(root, "victim", &in_time, on_portal, p));
  p = probe("start_actor to cancel it");
  tractor_spawn_options options = spawning();
  started(p, tractor_nursery_start_actor(root, "victim", &options, on_victim, p));
  p = probe("run_in_actor");
  called(p, tractor_nursery_run_in_actor(root, "kit", "echo", small_arguments(), &options, on_value, p));
  tractor_bytes stats = tractor_actor_stats(actor);
  EXPECT(stats.len > 0, "no stats");
  work_over();
}

int outcome;

void on_end(const tractor_error* err, void*) {
  Plenty plenty;
  ++ends;
  outcome = tractor_error_code(err);
  char* text = tractor_error_format(err);
  if (show) fputs(text, stderr);
  // A process that can't go on may leave; it does not die.
  EXPECT(!strstr(text, "SIG") && !strstr(text, "in time"), "%s", text);
  tractor_free(text);
}

int open_root(tractor_root_fn body) {
  static const char* registries[] = {kit_registry(), nullptr};
  tractor_root_options options = {};
  options.struct_size = sizeof options;
  options.name = "a root whose name needs memory";
  options.enable_modules = modules;
  options.registry_addrs = registries;
  options.transport = kit_transport();
  options.log_level = "transport";
  options.flags = TRACTOR_ROOT_SUBREAPER | TRACTOR_ROOT_SIGNALS;
  ends = 0;
  return tractor_actor_open(&options, body, on_end, nullptr, &actor);
}

void nothing(tractor_nursery*, void*) { tractor_actor_close(actor); }

void run_root(tractor_root_fn body, int may_fail) {
  int opened = open_root(body);
  EXPECT(opened == TRACTOR_OK || opened == may_fail, "%s", tractor_strerror(opened));
  if (opened == TRACTOR_OK) {
    int ran = tractor_actor_run(actor);
    EXPECT(ran == TRACTOR_OK, "%s", tractor_strerror(ran));
  }
  EXPECT(ends == (opened == TRACTOR_OK), "ended %d times", ends);
}

void drop_line(int, const char* line, void*) {
  Plenty plenty;
  if (show) fprintf(stderr, "%s\n", line);
}

/// A root whose allocations `first` to `first + length - 1` fail. Its process then holds nothing of it, and can open another.
/// True if any failed.
bool starve_root(tractor_root_fn body, long first, long length) {
  run_root(nothing, 0);  // what is made once is made now
  int before = count_descriptors();
  arm(first, length);
  run_root(body, TRACTOR_ENOMEM);
  bool reached = disarm();
  check_probes();
  if (!reached) EXPECT(outcome == TRACTOR_OK, "%s", tractor_strerror(outcome));
  EXPECT(count_descriptors() == before, "%d descriptors, not %d", count_descriptors(), before);
  EXPECT(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, "there are children left");
  run_root(nothing, 0);
  return reached;
}

// --- a child that runs out of memory -------------------------------------------------------------------------------

void starve(tractor_ctx* ctx, const tractor_value* args, void*) {
  int64_t first = 0, length = 0;
  tractor_ctx_unpack(ctx, args, "{s:I, s:I}", "first", &first, "length", &length);
  tractor_ctx_return(ctx, "n");
  arm(static_cast<long>(first), static_cast<long>(length));
}

void forever(tractor_ctx* ctx, const tractor_value*, void*) {
  tractor_op token = tractor_nursery_sleep(
      tractor_ctx_nursery(ctx), TRACTOR_FOREVER, [](const tractor_error* err, void*) { tractor_error_code(err); },
      nullptr);
  if (token < 0) tractor_ctx_raisef(ctx, "MemoryError", "no sleep for lack of memory");
}

void was_starved(tractor_ctx* ctx, const tractor_value*, void*) { tractor_ctx_return(ctx, "b", disarm()); }

const tractor_endpoint memory_endpoints[] = {
    TRACTOR_FUNC("starve", starve),
    TRACTOR_FUNC("was_starved", was_starved),
    TRACTOR_FUNC("forever", forever),
    TRACTOR_ENDPOINTS_END,
};

long child_first, child_length;
bool child_starved;

void on_was_starved(const tractor_error* err, const tractor_value* value, void* p) {
  completed(p, err);
  bool answer = true;
  if (value) tractor_unpack(value, "b", &answer);
  child_starved = answer;
  work_over();
}

void life_with_starving_child(tractor_nursery* nursery, void*) {
  root = nursery;
  open_work = 1;
  start_child([] {
    call("memory", "starve",
         tractor_pack("{s:I, s:I}", "first", int64_t{child_first}, "length", int64_t{child_length}));
    calls();
    when_answered = [] {
      Probe* p = probe("was_starved");
      started(p, tractor_portal_run(child, nullptr, "memory", "was_starved", tractor_pack("{}"), nullptr,
                                    on_was_starved, p));
    };
  });
  work_over();
}

bool starve_child(long first, long length) {
  child_first = first;
  child_length = length;
  child_starved = true;
  run_root(life_with_starving_child, 0);
  check_probes();
  EXPECT(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, "there are children left");
  if (!child_starved) EXPECT(outcome == TRACTOR_OK, "%s", tractor_strerror(outcome));
  return child_starved;
}

#if defined(__SANITIZE_ADDRESS__)
extern "C" int __lsan_do_recoverable_leak_check(void);
bool leaks() { return __lsan_do_recoverable_leak_check() != 0; }
// A child that is killed while it looks for leaks would leave the process that looks for it.
bool in_child = true;
extern "C" int __lsan_is_turned_off(void) { return in_child; }
void not_in_child() { in_child = false; }
#else
bool leaks() { return false; }
void not_in_child() {}
#endif

/// Runs `f` in a process of its own: what it returned, and in `died` how it went wrong, or "".
bool in_process(bool (*f)(long), long n, char* died, size_t room) {
  fflush(nullptr);
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGALRM, SIG_DFL);
    alarm(static_cast<unsigned>(5 * kit_headroom()));
    tractor_log_set_sink(drop_line, nullptr, nullptr);
    probe_count = 0;
    open_calls = 0;
    bool reached = f(n);
    if (leaks()) wrong = true;
    fflush(nullptr);
    if (!reached) _exit(wrong ? 3 : 2);
    _exit(wrong ? 1 : 0);
  }
  int status;
  waitpid(pid, &status, 0);
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  died[0] = 0;
  if (WIFSIGNALED(status))
    snprintf(died, room, WTERMSIG(status) == SIGALRM ? "hangs" : "dies of signal %d", WTERMSIG(status));
  else if (WEXITSTATUS(status) & 1)
    snprintf(died, room, "goes wrong");
  return !WIFEXITED(status) || WEXITSTATUS(status) < 2;
}

/// `f(1)`, `f(2)` and so on, until nothing fails any more; of many only one in `stride`, and on the two transports others
/// of them, unless TRACTOR_TEST_ALL is set. TRACTOR_TEST_ALLOCATION=n is that one alone, TRACTOR_TEST_SHOW tells where it is.
void sweep(bool (*f)(long), long stride = 1) {
  if (SANITIZED) stride *= 2;
  if (getenv("TRACTOR_TEST_ALL")) stride = 1;
  const char* one = getenv("TRACTOR_TEST_ALLOCATION");
  int bad = 0;
  bool reached = true;
  long n = one ? atol(one) : strcmp(kit_transport(), "uds") == 0 ? stride : (stride + 1) / 2, tried = 0;
  for (; reached && n < 100000; n += stride, ++tried) {
    alarm(static_cast<unsigned>(20 * kit_headroom()));
    char died[64];
    reached = in_process(f, n, died, sizeof died);
    if (died[0]) {
      fprintf(stderr, "allocation %ld fails: it %s\n", n, died);
      ++bad;
    }
    if (one) break;
  }
  printf("%ld allocations failed, the last one was %ld\n", tried - 1, n - stride);
  if (bad > 0) fail_msg("%d of %ld allocations must not fail", bad, tried);
}

void test_life(void**) {
  sweep([](long n) { return starve_root(whole_life, n, 1); }, 4);
}

void test_life_in_a_long_shortage(void**) {
  sweep([](long n) { return starve_root(whole_life, n * 7, 40); });
}

void test_life_out_of_memory(void**) {
  sweep([](long n) { return starve_root(whole_life, n * 3, kForGood); }, 2);
}

void test_child(void**) {
  sweep([](long n) { return starve_child(n, 1); });
}

void test_child_in_a_long_shortage(void**) {
  sweep([](long n) { return starve_child(n * 5, 30); });
}

void test_child_out_of_memory(void**) {
  sweep([](long n) { return starve_child(n * 2, kForGood); });
}

// --- what needs no actor -------------------------------------------------------------------------------------------

/// Calls `f` with each of its allocations failing, alone and with all that follow. It says whether what it called
/// succeeded, and has asserted that it failed as it should if not.
void starve_each(const char* what, bool (*f)()) {
  for (long length : {1L, kForGood}) {
    for (long n = 1;; ++n) {
      arm(n, length);
      bool done = f();
      bool reached = disarm();
      if (!reached && !done) fail_msg("%s fails without a shortage", what);
      if (!reached) break;
      if (n == 1000) fail_msg("%s needs memory without end", what);
    }
  }
}

int released;
void release(void*) { ++released; }

void test_values(void**) {
  static tractor_value* value = tractor_value_new(tractor_pack("{s:y, s:s}", "data", large, sizeof large, "text",
                                                               "a text that is not short enough to lie anywhere else"));
  assert_non_null(value);
  starve_each("pack", [] {
    tractor_bytes bytes = large_arguments();
    return tractor_bytes_error(bytes) == nullptr;
  });
  starve_each("value", [] {
    tractor_value* copy = tractor_value_new(tractor_value_bytes(value));
    tractor_value* kept = tractor_value_keep(copy ? copy : value);
    bool done = copy && kept;
    tractor_value_unref(copy);
    tractor_value_unref(kept);
    return done;
  });
  starve_each("external value", [] {
    static char nil[] = "\xc0";
    released = 0;
    tractor_value* external = tractor_value_new_external(nil, 1, release, nullptr);
    bool done = external != nullptr;
    tractor_value_unref(external);
    assert_int_equal(released, done ? 1 : 0);
    return done;
  });
  starve_each("json", [] {
    char* text = tractor_value_json(value);
    tractor_free(text);
    return text != nullptr;
  });
  starve_each("unpack", [] {
    const char* text = nullptr;
    int status = tractor_unpack(value, "{s:s, *}", "text", &text);
    assert_true(status == TRACTOR_OK ? text != nullptr : status == TRACTOR_ENOMEM && !text);
    return status == TRACTOR_OK;
  });
  starve_each("reader", [] {
    tractor_reader* reader = tractor_reader_new(value);
    if (!reader) return false;
    uint32_t count = 0;
    const char* key = nullptr;
    size_t length = 0;
    int status = tractor_reader_map(reader, &count);
    if (status == TRACTOR_OK) status = tractor_reader_str(reader, &key, &length);
    assert_true(status == TRACTOR_OK || (status == TRACTOR_ENOMEM && tractor_reader_error(reader)));
    tractor_reader_free(reader);
    return status == TRACTOR_OK;
  });
  starve_each("writer", [] {
    tractor_writer* writer = tractor_writer_new();
    if (!writer) return false;
    int status = tractor_writer_array(writer, 20);
    for (int i = 0; i < 20; ++i) {
      int before = status, now = tractor_writer_bin(writer, large, 1000);
      assert_true(before == TRACTOR_OK || now == before);  // it sticks
      status = now;
    }
    bool poisoned = tractor_bytes_error(tractor_writer_bytes(writer)) != nullptr;
    assert_true(status == TRACTOR_OK || (status == TRACTOR_ENOMEM && poisoned));
    tractor_writer_free(writer);
    return !poisoned;
  });
  tractor_value_unref(value);
}

void test_errors(void**) {
  starve_each("error", [] {
    tractor_error_options options = {};
    options.struct_size = sizeof options;
    options.type = "AnErrorThatHasALongName";
    options.message = "a message that is not short enough to lie in the object";
    options.traceback = "a traceback that is not short enough to lie in the object";
    options.payload = &released;
    options.payload_release = release;
    released = 0;
    tractor_error* err = tractor_error_new(&options);
    assert_non_null(err);
    bool done = tractor_error_code(err) == TRACTOR_EUSER;
    assert_true(done || tractor_error_code(err) == TRACTOR_ENOMEM);
    char* text = tractor_error_format(err);
    bool told = text != nullptr;
    tractor_free(text);
    tractor_error_unref(err);
    assert_int_equal(released, 1);
    return done && told;
  });
  starve_each("formatted error", [] {
    tractor_error* err = tractor_error_newf(TRACTOR_EUSER, "AnErrorThatHasALongName", "%s", "a message of some length");
    bool done = tractor_error_code(err) == TRACTOR_EUSER;
    assert_true(done || tractor_error_code(err) == TRACTOR_ENOMEM);
    tractor_error_unref(err);
    return done;
  });
  // What was refused is not known: it can be tried again.
  starve_each("error type", [] {
    static int count = 0;
    static char name[64];
    if (tractor_error_type_known(name) || count == 0) snprintf(name, sizeof name, "AnErrorOfThisProgram%d", ++count);
    int status = tractor_error_type_register(name);
    assert_true(status == TRACTOR_OK || status == TRACTOR_ENOMEM);
    return status == TRACTOR_OK;
  });
}

void test_registration(void**) {
  starve_each("module", [] {
    static int count = 0;
    static char name[64];
    static int status = TRACTOR_OK;
    if (status == TRACTOR_OK) snprintf(name, sizeof name, "a_module_with_a_long_name_%d", ++count);
    status = tractor_register(name, memory_endpoints, nullptr);
    assert_true(status == TRACTOR_OK || status == TRACTOR_ENOMEM);
    return status == TRACTOR_OK;
  });
  starve_each("endpoint", [] {
    static int count = 0;
    static char name[64];
    static int status = TRACTOR_OK;
    if (status == TRACTOR_OK) snprintf(name, sizeof name, "an_endpoint_with_a_long_name_%d", ++count);
    released = 0;
    status = tractor_register_endpoint("a_module_of_its_own", name, TRACTOR_FUNCTION, forever, nullptr, release);
    assert_true(status == TRACTOR_OK || status == TRACTOR_ENOMEM);
    assert_int_equal(released, 0);
    return status == TRACTOR_OK;
  });
  starve_each("log level", [] {
    int status = tractor_log_add_level(33, "A_LEVEL_WITH_A_LONG_NAME", "red");
    assert_true(status == TRACTOR_OK || status == TRACTOR_ENOMEM);
    if (status == TRACTOR_OK) assert_int_equal(tractor_log_remove_level(33), TRACTOR_OK);
    return status == TRACTOR_OK;
  });
  starve_each("log sink", [] {
    released = 0;
    int status = tractor_log_set_sink(drop_line, nullptr, release);
    assert_true(status == TRACTOR_OK || status == TRACTOR_ENOMEM);
    if (status == TRACTOR_OK) {
      tractor_log(TRACTOR_LOG_CRITICAL, "%s", "a line that is lost or not");
      assert_int_equal(tractor_log_set_sink(nullptr, nullptr, nullptr), TRACTOR_OK);
    }
    assert_int_equal(released, status == TRACTOR_OK ? 1 : 0);
    return status == TRACTOR_OK;
  });
}

}  // namespace

int main(int argc, char** argv) {
  show = getenv("TRACTOR_TEST_SHOW") != nullptr;
  tractor_register("memory", memory_endpoints, nullptr);
  kit_begin(argc, argv);
  not_in_child();
  const kit_test tests[] = {
      KIT_TEST_ONCE(test_values),
      KIT_TEST_ONCE(test_errors),
      KIT_TEST_ONCE(test_registration),
      KIT_TEST(test_life),
      KIT_TEST(test_life_in_a_long_shortage),
      KIT_TEST(test_life_out_of_memory),
      KIT_TEST(test_child),
      KIT_TEST(test_child_in_a_long_shortage),
      KIT_TEST(test_child_out_of_memory),
  };
  return kit_run_tests(tests);
}
