// Options of roots and children, the log, other threads, extensions.
#include "play.hpp"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unistd.h>

using namespace tractor;
using namespace std::chrono_literals;

namespace {

task<std::string> whoami() { co_return current_actor().name(); }
task<std::string> reads_from(int fd) {
  char text[64];
  auto size = ::read(fd, text, sizeof text);
  co_return std::string(text, static_cast<std::size_t>(size > 0 ? size : 0));
}
task<std::string> here() {
  char path[256];
  co_return ::getcwd(path, sizeof path) ? path : "";
}
task<extension> echo(extension e) { co_return e; }
task<> relays(std::string name);

}  // namespace

TRACTOR_MODULE(shop, TRACTOR_FN(whoami), TRACTOR_FN(reads_from, "fd"), TRACTOR_FN(here), TRACTOR_FN(echo, "e"),
               TRACTOR_FN(relays, "name"));

namespace {

void names_may_be_strings(void**) {
  play_well([](nursery&) -> task<> {
    std::string what = "child", folder = "/";
    co_await with_nursery({.name = what}, [&](nursery& an) -> task<> {
      portal worker = co_await an.start_actor("the " + what, {.modules = {shop}, .cwd = folder});
      same(co_await worker.run(whoami), "the child");
      same(co_await worker.run(here), folder);
      spawn_options named{.modules = {shop}, .name = what};
      same(co_await an.run_in_actor(named, whoami), what);
      an.start_soon("task of " + what, []() -> task<> { co_await sleep_forever(); });
      std::string tree = format_tree(current_actor().snapshot());
      kit_assert_contains(tree.c_str(), "task of child");
      process_result echoed = co_await run_process({"echo", what}, {.label = what, .cwd = folder});
      same(echoed.out, "child\n");
      an.cancel(what);
    });
  });
}

void options_of_roots_arrive(void**) {
  const char* const addrs[] = {"/ip4/127.0.0.1/tcp/1617", nullptr};
  root_options options{.name = "boss",
                       .enable_modules = {shop, "kit"},
                       .registry_addrs = addrs,
                       .start_method = "exec",
                       .ensure_registry = true,
                       .client = true,
                       .subreaper = true,
                       .signals = true,
                       .handshake_timeout = 3s,
                       .stream_window = no_window,
                       .max_frame = 1000000};
  detail::c_root_options c(options);
  same(c.name, "boss");
  same(c.enable_modules[0], "shop");
  same(c.enable_modules[1], "kit");
  holds(!c.enable_modules[2]);
  same(c.registry_addrs[0], addrs[0]);
  same(c.start_method, "exec");
  equal(c.flags, 1 + 2 + 4 + 8);
  equal(c.handshake_timeout_ns, 3 * TRACTOR_SECOND);
  holds(c.stream_window == TRACTOR_NO_WINDOW && c.max_frame == 1000000);
  equal(static_cast<std::int64_t>(c.struct_size), sizeof(tractor_root_options));
}

void options_of_children_work(void**) {
  play_well([](nursery& root) -> task<> {
    int ends[2];
    holds(::pipe2(ends, O_CLOEXEC) == 0);
    holds(::write(ends[1], "through a pipe", 14) == 14);
    const std::int32_t fds[] = {ends[0]};
    portal child = co_await root.start_actor("child", {.modules = {shop}, .cwd = "/", .pass_fds = fds});
    same(co_await child.run(reads_from, ends[0]), "through a pipe");
    same(co_await child.run(here), "/");
    same(co_await root.run_in_actor({.name = "ann"}, whoami), "ann");
    ::close(ends[0]);
    ::close(ends[1]);
    co_await child.cancel_actor();
  });
}

void a_start_is_cut_where_it_is_awaited(void**) {
  play_well([](nursery& root) -> task<> {
    const char* const sleeps[] = {"sh", "-c", "exec sleep 30", nullptr};
    spawn_options never_up{.program = "sh", .argv = sleeps};
    auto before = tractor_now();
    bool in_time = co_await move_on_after(20ms, [&]() -> task<> { co_await root.start_actor("sleeper", never_up); });
    holds(!in_time);
    kit_assert_within_ms(tractor_now() - before, 2000);
  });
}

void a_hard_cancel_asks_nobody(void**) {
  play_well([](nursery&) -> task<> {
    auto before = tractor_now();
    co_await with_nursery([](nursery& an) -> task<> {
      co_await an.start_actor("idle");
      an.cancel_hard("now");
    });
    kit_assert_within_ms(tractor_now() - before, 1500);
  });
}

void a_signal_is_an_exception(void**) {
  bool cut = false;
  tractor_root_options options{};
  options.struct_size = sizeof options;
  options.flags = TRACTOR_ROOT_SIGNALS;
  kit_run run = play(
      [&](nursery&) -> task<> {
        std::raise(SIGINT);
        try {
          co_await sleep_forever();
        } catch (const cancelled&) {
          cut = true;
          throw;
        }
      },
      &options);
  holds(cut);
  bool caught = false;
  try {
    throw_error(run.err);
  } catch (const interrupted& e) {
    caught = true;
    same(e.code_name(), "EINTERRUPTED");
  }
  holds(caught);
}

task<> relays(std::string name) {
  co_await with_nursery([&](nursery& an) -> task<> {
    if (name.empty()) throw error("OutOfStock", "no tea");
    co_await an.run_in_actor({.modules = {"shop"}, .name = name.c_str()}, "shop.relays", named("name", ""));
  });
}

void errors_tell_their_way(void**) {
  register_error_type("OutOfStock");  // known already; main() made it so
  play_well([](nursery& root) -> task<> {
    try {
      co_await root.run_in_actor(relays, "grandchild");
      holds(false);
    } catch (const remote_error& e) {
      same(e.source_type(), "OutOfStock");
      equal(static_cast<std::int64_t>(e.relays().size()), 2);
      same(e.relays()[0]->name, "grandchild");
      same(e.relays()[1]->name, "relays");
      same(e.source()->name, "grandchild");
      holds(!e.cause());
    }
  });
}

struct lines {
  std::mutex mutex;
  std::vector<std::string> all;
};

void the_log_has_a_sink(void**) {
  lines got;
  int before = log::level();
  log::set_level(log::level_by_name("info"));
  log::set_sink([&](int level, std::string_view line) {
    std::lock_guard lock(got.mutex);
    got.all.push_back(std::to_string(level) + " " + std::string(line));
  });
  log::debug("nobody hears this");
  log::info("opened");
  log::add_level(25, "NOTICE", "blue");
  log::line(25, "closed", "shop.stock");
  log::remove_level(25);
  holds(log::enabled(TRACTOR_LOG_WARNING) && !log::enabled(TRACTOR_LOG_DEBUG));
  log::reset_sink();
  log::set_level(before);
  equal(static_cast<std::int64_t>(got.all.size()), 2);
  kit_assert_contains(got.all[0].c_str(), "20 ");
  kit_assert_contains(got.all[0].c_str(), "tractor.app test_options.cpp:");
  kit_assert_contains(got.all[0].c_str(), " opened");
  kit_assert_contains(got.all[1].c_str(), "[NOTICE] tractor.shop.stock");
  bool caught = false;
  try {
    log::set_level(0);
  } catch (const misuse_error&) {
    caught = true;
  }
  holds(caught);
}

void other_threads_reach_the_loop(void**) {
  play_well([](nursery&) -> task<> {
    auto loop = std::this_thread::get_id();
    actor_token token = current_actor().token();
    event soon;
    int answer = co_await run_in_thread([&] {
      holds(std::this_thread::get_id() != loop);
      token.run_sync_soon([&] { soon.set(); });
      auto there = from_thread::run_sync(token, [] { return std::this_thread::get_id(); });
      holds(there == loop);
      return from_thread::run(token, [&]() -> task<int> {
        co_await soon.wait();
        co_await sleep(1ms);
        co_return 42;
      });
    });
    equal(answer, 42);
    std::string what = co_await run_in_thread([&]() -> std::string {
      try {
        from_thread::run(token, []() -> task<> {
          co_await sleep(1ms);
          throw std::domain_error("ours");
        });
      } catch (const std::domain_error& e) {
        return e.what();
      }
      return "nothing";
    });
    same(what, "ours");
    bool caught = false;
    try {
      from_thread::run_sync(token, [] {});
    } catch (const misuse_error& e) {
      caught = true;
      equal(e.code(), TRACTOR_EDEADLK);
    }
    holds(caught);
  });
}

void a_token_outlives_its_actor(void**) {
  std::optional<actor_token> token;
  play_well([&](nursery&) -> task<> {
    token.emplace(current_actor().token());
    co_return;
  });
  bool caught = false;
  try {
    from_thread::run_sync(*token, [] {});
  } catch (const error& e) {
    caught = true;
    equal(e.code(), TRACTOR_ECLOSED);
  }
  holds(caught);
  token.reset();
}

void what_is_run_soon_may_fail_the_actor(void**) {
  kit_run run = play([](nursery&) -> task<> {
    current_actor().token().run_sync_soon([] { throw std::domain_error("soon"); });
    co_await sleep_forever();
  });
  kit_assert_code(run.err, TRACTOR_EUSER);
  assert_string_equal(tractor_error_message(run.err), "soon");
}

void extensions_travel(void**) {
  play_well([](nursery& root) -> task<> {
    extension e{5, std::vector<std::byte>(16, std::byte{7})};
    extension back = co_await root.run_in_actor(echo, e);
    holds(back.type == 5 && back.data == e.data);
    register_extension("Uuid", 5, [](std::span<const std::byte> data) { return data.size() == 16; });
    schema_check("list[Uuid]", value::of(std::vector<extension>{e}));
    e.data.pop_back();
    bool caught = false;
    try {
      schema_check("Uuid", value::of(e));
    } catch (const msg_type_error& why) {
      caught = true;
      kit_assert_contains(why.what(), "Uuid");
    }
    holds(caught);
    caught = false;
    try {
      register_extension("Uuid", 6);
    } catch (const misuse_error&) {
      caught = true;
    }
    holds(caught);
    same(schema_of<std::vector<extension>>(), "list[ext]");
  });
}

void values_lie_where_they_are(void**) {
  int released = 0;
  std::vector<int> numbers{1, 2, 3};
  tractor_bytes bytes = encode(numbers);
  std::vector<std::byte> memory(static_cast<const std::byte*>(bytes.data),
                                static_cast<const std::byte*>(bytes.data) + bytes.len);
  {
    value v = value::external(memory, [&] { released++; });
    value copy = v;
    holds(copy.as<std::vector<int>>() == numbers);
    equal(released, 0);
  }
  equal(released, 1);
  memory.pop_back();
  bool caught = false;
  try {
    value::external(memory, [&] { released++; });
  } catch (const msg_type_error&) {
    caught = true;
  }
  holds(caught);
  equal(released, 1);
}

}  // namespace

int main(int argc, char** argv) {
  register_error_type("OutOfStock");
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST_ONCE(options_of_roots_arrive),
      KIT_TEST_ONCE(options_of_children_work),
      KIT_TEST_ONCE(a_start_is_cut_where_it_is_awaited),
      KIT_TEST_ONCE(a_hard_cancel_asks_nobody),
      KIT_TEST_ONCE(a_signal_is_an_exception),
      KIT_TEST_ONCE(errors_tell_their_way),
      KIT_TEST_ONCE(the_log_has_a_sink),
      KIT_TEST_ONCE(other_threads_reach_the_loop),
      KIT_TEST_ONCE(names_may_be_strings),
      KIT_TEST_ONCE(a_token_outlives_its_actor),
      KIT_TEST_ONCE(what_is_run_soon_may_fail_the_actor),
      KIT_TEST(extensions_travel),
      KIT_TEST_ONCE(values_lie_where_they_are),
  };
  return kit_run_tests(tests);
}
