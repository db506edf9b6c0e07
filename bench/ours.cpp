// Our side of the benchmarks again, through the C++ wrapper: the same works as in ours.c, for what they have in common, and
// tasks of one actor. The contract is that of bench/raw: one JSON object on stdout.
//
//   bench_cpp --work rtt | pipe | oneway | tasks | bare [--size BYTES] [--count N] [--warm S] [--secs S] [--transport uds | tcp]
//
// `tasks` starts and cancels N tasks, again and again; `bare` does the same with coroutines that know of nothing. Times are per
// task. BENCH_PEER_CPU in the environment pins the workers.
#include <tractor.hpp>

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

using namespace tractor;

namespace {

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "bench_cpp: %s\n", what);
  std::exit(1);
}

// --- the worker ------------------------------------------------------------------------------------------------------

using totals = std::pair<std::uint64_t, std::uint64_t>;

task<std::int64_t> add(std::int64_t x) { co_return x + 1; }

task<totals> sink(context& ctx) {
  auto items = co_await ctx.started().open_stream<value_view, std::nullptr_t>();
  totals t{};
  while (auto item = co_await items.receive()) {
    t.first++;
    t.second += item->bytes().len;
  }
  co_return t;
}

TRACTOR_MODULE(bench, TRACTOR_FN(add, "x"), TRACTOR_CONTEXT(sink));

// --- measuring -------------------------------------------------------------------------------------------------------

struct {
  std::string_view work = "rtt";
  const char* transport = "uds";
  double warm = 0.2, secs = 0.5;
  std::size_t size = 8;
  int count = 10'000;
} options;

/// What this thread has used of its processor: what others do on the machine meanwhile counts less.
std::int64_t used() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * std::int64_t{1'000'000'000} + t.tv_nsec;
}

std::int64_t nanoseconds(double secs) { return static_cast<std::int64_t>(secs * 1e9); }

/// The times of what happens in the window that begins when the warming up is over.
class window {
 public:
  explicit window(std::int64_t now)
      : begin_(now + nanoseconds(options.warm)), end_(begin_ + nanoseconds(options.secs)) {
    times_.assign(kMost, 1);  // so that the record does not fault in the window
    times_.clear();
  }
  /// @return is there time for more?
  bool record(std::int64_t from, std::int64_t to, int count = 1) {
    if (from >= begin_) {
      if (times_.size() == kMost) die("too many samples");
      times_.push_back(static_cast<double>(to - from) / 1e3 / count);
      last_ = to;
    }
    return to < end_ || times_.empty();
  }
  void print() {
    std::sort(times_.begin(), times_.end());
    double secs = static_cast<double>(last_ - begin_) / 1e9;
    std::printf("{\"n\":%zu,\"rate\":%.1f,\"p50_us\":%.3f,\"p99_us\":%.3f,\"min_us\":%.3f}\n", times_.size(),
                static_cast<double>(times_.size()) / secs, percentile(50), percentile(99), percentile(0));
  }

 private:
  double percentile(std::size_t q) const { return times_[times_.size() * q / 100]; }
  static constexpr std::size_t kMost = 1 << 22;
  std::int64_t begin_, end_, last_ = 0;
  std::vector<double> times_;
};

task<> call(portal worker, std::int64_t slot, window& w) {
  std::int64_t from;
  do {
    from = tractor_now();
    if (co_await worker.run(add, slot) != slot + 1) die("bad answer");
  } while (w.record(from, tractor_now()));
}

task<> calls(portal worker, int outstanding) {
  window w(tractor_now());
  co_await with_task_group([&](task_group& n) {
    for (int slot = 0; slot < outstanding; slot++) n.start_soon(call, worker, slot, std::ref(w));
  });
  w.print();
}

// --- one way ---------------------------------------------------------------------------------------------------------

task<> pump(portal worker, tractor_bytes payload, double secs, bool tell) {
  std::uint64_t sent = 0;
  std::int64_t from = tractor_now(), end = from + nanoseconds(secs);
  co_await worker.with_context(sink, [&](linked_context<totals>& ctx) -> task<> {
    auto items = co_await ctx.open_stream<std::nullptr_t, tractor_bytes>();
    while (sent % 256 != 0 || tractor_now() < end) {  // the clock costs as much as a message
      co_await items.send(payload);
      sent++;
    }
    items.send_eof();
    totals got = co_await ctx.wait_for_result();
    if (got != totals(sent, sent * payload.len)) die("totals differ");
  });
  double took = static_cast<double>(tractor_now() - from) / 1e9, n = static_cast<double>(sent);
  if (tell)
    std::printf("{\"n\":%.0f,\"rate\":%.1f,\"mb_s\":%.1f}\n", n, n / took,
                n * static_cast<double>(options.size) / took / 1e6);
}

task<> one_way(portal worker) {
  value payload = value::of(std::vector<std::byte>(options.size));
  co_await pump(worker, payload.bytes(), options.warm, false);
  co_await pump(worker, payload.bytes(), options.secs, true);
}

// --- tasks -----------------------------------------------------------------------------------------------------------

task<> tasks() {
  window w(used());
  std::int64_t from;
  do {
    from = used();
    co_await with_task_group([](task_group& n) -> task<> {
      for (int i = 0; i < options.count; i++) n.start_soon([]() -> task<> { co_await sleep_forever(); });
      co_await sleep(duration(0));
      n.cancel();
    });
  } while (w.record(from, used(), options.count));
  w.print();
}

/// The least that a cancelled coroutine can cost: a frame, and a throw.
struct bare {
  struct promise_type {
    bare get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept {}
  };
  struct wait {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    [[gnu::always_inline]] void await_resume() const { throw cancelled{}; }
  };
  std::coroutine_handle<promise_type> frame;
};
bare bare_task() { co_await bare::wait{}; }

void bare_tasks() {
  window w(used());
  std::vector<bare> all(static_cast<std::size_t>(options.count));
  std::int64_t from;
  do {
    from = used();
    for (bare& b : all) (b = bare_task()).frame.resume();
    for (bare& b : all) b.frame.resume();
    for (bare& b : all) b.frame.destroy();
  } while (w.record(from, used(), options.count));
  w.print();
}

// ---------------------------------------------------------------------------------------------------------------------

task<> measure_with_worker() {
  co_await with_nursery({.cancel_daemons = true}, [](nursery& n) -> task<> {
    portal worker = co_await n.start_actor("worker", {.modules = {bench}});
    if (options.work == "oneway")
      co_await one_way(worker);
    else
      co_await calls(worker, options.work == "pipe" ? 64 : 1);
  });
}

void pin_worker(int argc, char** argv) {
  const char* cpu = std::getenv("BENCH_PEER_CPU");
  if (!cpu || argc < 2 || std::strncmp(argv[1], "--tractor-child", 15) != 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(std::atoi(cpu)), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) die("can't pin the worker");
}

}  // namespace

int main(int argc, char** argv) {
  pin_worker(argc, argv);
  module::register_all();
  child_main(argc, argv);
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string_view option = argv[i];
    const char* given = argv[i + 1];
    if (option == "--work")
      options.work = given;
    else if (option == "--transport")
      options.transport = given;
    else if (option == "--warm")
      options.warm = std::atof(given);
    else if (option == "--secs")
      options.secs = std::atof(given);
    else if (option == "--size")
      options.size = static_cast<std::size_t>(std::atol(given));
    else if (option == "--count")
      options.count = std::atoi(given);
    else
      die(argv[i]);
  }
  if (options.work == "bare") {
    bare_tasks();
    return 0;
  }
  if (options.work == "tasks") {
    run_local(tasks);
    return 0;
  }
  return run(argc, argv, measure_with_worker, {.name = "bench", .enable_transports = options.transport});
}
