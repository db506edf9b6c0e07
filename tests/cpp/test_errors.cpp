// Errors: which exception stands for what, here and from other actors.
#include "play.hpp"

#include <csignal>
#include <stdexcept>

using namespace tractor;

namespace shop {

struct out_of_stock : std::runtime_error {
  using std::runtime_error::runtime_error;
};

task<> sell(std::string what) {
  co_await sleep(duration(0));
  throw out_of_stock("no " + what + " left");
}
task<> refuse() {
  throw error("PermissionError", "not today");
  co_return;
}
task<> throw_a_number() {
  throw 7;
  co_return;
}
task<> die() {
  std::raise(SIGKILL);
  co_return;
}
task<int> fails_after_start(context& ctx) {
  ctx.started(1);
  throw out_of_stock("sold");
  co_return 0;
}
task<int> fails_before_start(context&) {
  throw out_of_stock("closed");
  co_return 0;
}
task<> waits(context& ctx) {
  ctx.started();
  co_await sleep_forever();
}

}  // namespace shop

TRACTOR_MODULE(counter, TRACTOR_FN(shop::sell, "what"), TRACTOR_FN(shop::refuse), TRACTOR_FN(shop::throw_a_number),
               TRACTOR_FN(shop::die), TRACTOR_CONTEXT(shop::fails_after_start),
               TRACTOR_CONTEXT(shop::fails_before_start), TRACTOR_CONTEXT(shop::waits));

namespace {

template <class Body>
void with_worker(Body body) {
  play_well([&](nursery& root) -> task<> {
    portal worker = co_await root.start_actor("worker", {.modules = {counter}});
    co_await body(worker);
    co_await worker.cancel_actor();
  });
}

void what_an_endpoint_throws_is_boxed(void**) {
  with_worker([](portal worker) -> task<> {
    try {
      co_await worker.run(shop::sell, "tea");
      holds(false);
    } catch (const remote_error& e) {
      equal(e.code(), TRACTOR_EREMOTE);
      same(e.type(), "out_of_stock");
      same(e.what(), "out_of_stock: no tea left");
    }
    try {
      co_await worker.run(shop::refuse);
      holds(false);
    } catch (const remote_error& e) {
      same(e.what(), "PermissionError: not today");
    }
    try {
      co_await worker.run(shop::throw_a_number);
      holds(false);
    } catch (const remote_error& e) {
      same(e.type(), "int");
    }
  });
}

void errors_can_be_results(void**) {
  with_worker([](portal worker) -> task<> {
    auto sold = co_await as_result(worker.run(shop::sell, "tea"));
    holds(!sold);
    same(sold.error().type(), "out_of_stock");
    auto slept = co_await as_result(sleep(duration(1)));
    holds(slept.ok());
    auto all = co_await as_result(with_nursery([](nursery&) -> task<> { co_return; }));
    holds(all.ok());
  });
}

void a_context_fails_before_or_after_its_start(void**) {
  with_worker([](portal worker) -> task<> {
    bool began = false;
    auto body = [&](auto&) -> task<> {
      began = true;
      co_await sleep_forever();
    };
    auto before = worker.with_context(shop::fails_before_start, body);
    same(co_await thrown_by(before), "out_of_stock: out_of_stock: closed");
    holds(!began);
    auto after = worker.with_context(shop::fails_after_start, body);
    same(co_await thrown_by(after), "out_of_stock: out_of_stock: sold");
  });
}

void what_the_body_throws_comes_out_as_itself(void**) {
  with_worker([](portal worker) -> task<> {
    bool caught = false;
    try {
      co_await worker.with_context(shop::waits, [](auto&) -> task<> {
        throw std::domain_error("ours");
        co_return;
      });
    } catch (const std::domain_error& e) {
      caught = true;
      same(e.what(), "ours");
    }
    holds(caught);
  });
}

void a_local_exception_comes_through_a_nursery(void**) {
  play_well([](nursery&) -> task<> {
    bool unwound = false, caught = false;
    try {
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start_soon([&]() -> task<> {
          try {
            co_await sleep_forever();
          } catch (const cancelled&) {
            unwound = true;
            throw;
          }
        });
        co_await settle();
        throw shop::out_of_stock("here");
      });
    } catch (const shop::out_of_stock& e) {
      caught = true;
      same(e.what(), "here");
    }
    holds(caught && unwound);
  });
}

struct sold_out : error {
  sold_out() : error("SoldOut", "no tea") {}
  int asked_for = 3;
};

void an_error_class_of_the_programs_own_stays_what_it_is(void**) {
  play_well([](nursery&) -> task<> {
    bool own = false, of_the_wrapper = false;
    try {
      co_await with_nursery([](nursery&) -> task<> {
        throw sold_out();
        co_return;
      });
    } catch (const sold_out& e) {
      own = e.asked_for == 3;
      same(e.type(), "SoldOut");
    }
    try {
      co_await with_nursery([](nursery&) -> task<> {
        throw timed_out("TooSlow", "late");
        co_return;
      });
    } catch (const timed_out& e) {
      of_the_wrapper = true;
      same(e.type(), "TooSlow");
    }
    holds(own && of_the_wrapper);
  });
}

void several_failures_are_a_group(void**) {
  play_well([](nursery&) -> task<> {
    try {
      co_await with_nursery([](nursery& n) -> task<> {
        for (const char* what : {"one", "two"})
          n.start_soon([what]() -> task<> {
            throw shop::out_of_stock(what);
            co_return;
          });
        co_await sleep_forever();
      });
      holds(false);
    } catch (const error_group& group) {
      equal(static_cast<std::int64_t>(group.size()), 2);
      same(group[0].what(), "one");
      same(group[1].type(), "out_of_stock");
    }
  });
}

void the_death_of_a_child_is_an_error(void**) {
  play_well([](nursery&) -> task<> {
    bool told = false;
    auto tree = with_nursery([&](nursery& an) -> task<> {
      portal worker = co_await an.start_actor("worker", {.modules = {counter}});
      try {
        co_await worker.run(shop::die);
      } catch (const child_died& e) {
        told = true;
        equal(e.exit_status(), -SIGKILL);
      }
    });
    std::string what = co_await thrown_by(tree);
    kit_assert_contains(what.c_str(), "killed by signal 9");
    holds(told);
  });
}

void what_can_not_be_started_is_told(void**) {
  play_well([](nursery& root) -> task<> {
    try {
      co_await root.start_actor("nobody", {.program = "/does/not/exist"});
      holds(false);
    } catch (const spawn_failed& e) {
      kit_assert_contains(e.what(), "/does/not/exist");
    }
    auto bad = with_nursery({.shield = true}, [](nursery&) -> task<> { co_return; });
    std::string what = co_await thrown_by(bad);
    kit_assert_contains(what.c_str(), "timeout");
  });
}

void an_uncaught_exception_is_the_roots_error(void**) {
  kit_run run = play([](nursery&) -> task<> {
    throw shop::out_of_stock("nobody catches this");
    co_return;
  });
  kit_assert_code(run.err, TRACTOR_EUSER);
  assert_string_equal(tractor_error_boxed_type(run.err), "out_of_stock");
  assert_string_equal(tractor_error_message(run.err), "nobody catches this");
}

void a_module_that_is_not_enabled_is_not_exposed(void**) {
  play_well([](nursery& root) -> task<> {
    portal worker = co_await root.start_actor("worker");
    bool caught = false;
    try {
      co_await worker.run(shop::refuse);
    } catch (const not_exposed&) {
      caught = true;
    }
    holds(caught);
    co_await worker.cancel_actor();
  });
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST(what_an_endpoint_throws_is_boxed),
      KIT_TEST_ONCE(errors_can_be_results),
      KIT_TEST(a_context_fails_before_or_after_its_start),
      KIT_TEST_ONCE(what_the_body_throws_comes_out_as_itself),
      KIT_TEST_ONCE(a_local_exception_comes_through_a_nursery),
      KIT_TEST_ONCE(an_error_class_of_the_programs_own_stays_what_it_is),
      KIT_TEST_ONCE(several_failures_are_a_group),
      KIT_TEST(the_death_of_a_child_is_an_error),
      KIT_TEST_ONCE(what_can_not_be_started_is_told),
      KIT_TEST_ONCE(an_uncaught_exception_is_the_roots_error),
      KIT_TEST_ONCE(a_module_that_is_not_enabled_is_not_exposed),
  };
  return kit_run_tests(tests);
}
