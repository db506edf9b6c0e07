// The loop over both ports. Each test's owners live in a fixture, because a failed assertion leaves by longjmp.
#include <atomic>
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <event2/event.h>
#include <functional>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "loop/loop.hpp"
#include "loop/port_libevent.hpp"
#include "loop/port_manual.hpp"

extern "C" {
#include <cmocka.h>  // last: it defines `fail`
}

using namespace tractor::core;

namespace {

struct Call final : Ready {
  std::function<void()> fn;
  void fire() override { fn(); }
};

struct Alarm final : Timer {
  std::function<void()> fn;
  void on_timer() override { fn(); }
};

struct Fd final : FdHandler {
  std::function<void(unsigned)> fn;
  void on_fd(unsigned ready) override { fn(ready); }
};

struct Last final : LastWork {
  int abandoned = 0;
  void abandon() override { ++abandoned; }
};

struct Env {
  std::string trace;
  event_base* host = nullptr;
  ManualPort* manual = nullptr;
  std::unique_ptr<Loop> loop;
  Call call[8];
  std::unique_ptr<Alarm> alarm[8];
  std::vector<std::unique_ptr<Alarm>> many;
  std::vector<std::unique_ptr<Call>> items;
  Last last[2];
  Fd fd[2];
  int pair[2] = {-1, -1};
  std::unique_ptr<Watch> watch[2];
  std::thread thread;
  int count = 0;
  uint64_t random = 88172645463325252u;

  Env() {
    for (auto& a : alarm) a = std::make_unique<Alarm>();
  }
  ~Env() {
    if (thread.joinable()) thread.join();
    for (auto& w : watch) w.reset();
    for (int s : pair) {
      if (s >= 0) close(s);
    }
    loop.reset();
    if (host) event_base_free(host);
  }
  void use_manual() {
    auto port = std::make_unique<ManualPort>();
    manual = port.get();
    loop = std::make_unique<Loop>(std::move(port));
  }
  bool use_libevent() {
    auto port = make_libevent_port(host);
    if (port) loop = std::make_unique<Loop>(std::move(*port));
    return port.ok();
  }
  bool open_pair() { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0; }
  bool turn() { return loop->port().run_once(); }
  void note_on_call(int i, char c) {
    call[i].fn = [this, c] { trace += c; };
  }
  void note_on_alarm(int i, char c) {
    alarm[i]->fn = [this, c] { trace += c; };
  }
  uint64_t draw() {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
  }
};

Env& env(void** state) { return *static_cast<Env*>(*state); }

int set_up_manual(void** state) {
  auto* e = new Env;
  e->use_manual();
  *state = e;
  return 0;
}

int set_up_own(void** state) {
  auto* e = new Env;
  *state = e;
  return e->use_libevent() ? 0 : -1;
}

int set_up_foreign(void** state) {
  auto* e = new Env;
  *state = e;
  e->host = event_base_new();
  return e->host && e->use_libevent() ? 0 : -1;
}

int tear_down(void** state) {
  delete static_cast<Env*>(*state);
  return 0;
}

// --- the ready queue -------------------------------------------------------------------------------------------

void test_ready_runs_in_order_and_never_inside_post(void** state) {
  Env& e = env(state);
  e.note_on_call(1, 'b');
  e.note_on_call(2, 'c');
  e.call[0].fn = [&e] {
    e.trace += 'a';
    e.loop->post(e.call[2]);
    assert_true(e.loop->dispatching());
  };
  e.loop->post(e.call[0]);
  e.loop->post(e.call[1]);
  e.loop->post(e.call[0]);  // keeps its place
  assert_string_equal(e.trace.c_str(), "");
  assert_false(e.loop->dispatching());
  assert_true(e.turn());
  assert_string_equal(e.trace.c_str(), "abc");
  assert_true(e.manual->idle());
  assert_false(e.turn());
}

void test_unlinked_ready_does_not_run(void** state) {
  Env& e = env(state);
  auto gone = std::make_unique<Call>();
  gone->fn = [&e] { e.trace += '!'; };
  e.note_on_call(1, '!');
  e.note_on_call(2, 'c');
  e.call[0].fn = [&e, &gone] {
    gone.reset();
    e.call[1].unlink();
  };
  e.loop->post(e.call[0]);
  e.loop->post(*gone);
  e.loop->post(e.call[1]);
  e.loop->post(e.call[2]);
  e.turn();
  assert_string_equal(e.trace.c_str(), "c");
}

void test_flush_runs_after_ready_and_may_cause_more(void** state) {
  Env& e = env(state);
  e.note_on_call(0, 'r');
  e.note_on_call(2, 's');
  e.call[1].fn = [&e] {
    e.trace += 'f';
    if (e.trace.size() < 4) {
      e.loop->post(e.call[2]);
      e.loop->flush_later(e.call[1]);
    }
  };
  e.loop->flush_later(e.call[1]);
  e.loop->post(e.call[0]);
  e.turn();
  assert_string_equal(e.trace.c_str(), "rfsf");
}

void test_a_chain_of_ready_items_is_bounded(void** state) {
  Env& e = env(state);
  e.call[0].fn = [&e] {
    ++e.count;
    e.loop->post(e.call[0]);
  };
  e.note_on_call(1, 'f');
  e.loop->post(e.call[0]);
  e.loop->flush_later(e.call[1]);
  e.turn();
  assert_int_equal(e.count, 256);
  assert_string_equal(e.trace.c_str(), "f");  // output leaves although the queue isn't empty
  assert_true(e.turn());
  assert_int_equal(e.count, 512);
}

// A socket may bring more items than the bound; if they waited, the queue would grow with each read.
void test_what_was_posted_before_a_turn_runs_in_it(void** state) {
  Env& e = env(state);
  for (int i = 0; i < 1000; ++i) {
    e.items.push_back(std::make_unique<Call>());
    e.items.back()->fn = [&e] {
      ++e.count;
      e.loop->post(e.call[0]);
    };
    e.loop->post(*e.items.back());
  }
  e.note_on_call(0, 'c');
  e.turn();
  assert_int_equal(e.count, 1000);
  assert_string_equal(e.trace.c_str(), "");
  e.turn();
  assert_string_equal(e.trace.c_str(), "c");
}

void test_last_work_ends_with_the_loop(void** state) {
  Env& e = env(state);
  assert_false(e.loop->has_last_work());
  for (Last& last : e.last) e.loop->adopt(last);
  e.last[0].unlink();
  assert_true(e.loop->has_last_work());
  e.loop.reset();
  assert_int_equal(e.last[0].abandoned, 0);
  assert_int_equal(e.last[1].abandoned, 1);
}

void test_an_endless_chain_does_not_starve_sockets(void** state) {
  Env& e = env(state);
  assert_true(e.open_pair());
  e.call[0].fn = [&e] {
    ++e.count;
    if (e.trace.empty()) e.loop->post(e.call[0]);
  };
  e.fd[0].fn = [&e](unsigned) {
    char c;
    assert_int_equal(read(e.pair[0], &c, 1), 1);
    e.trace += c;
  };
  e.watch[0] = e.loop->watch(e.pair[0], kRead, e.fd[0]);
  e.alarm[0]->fn = [&e] { assert_int_equal(write(e.pair[1], "x", 1), 1); };
  e.loop->arm_after(*e.alarm[0], 2 * kMillisecond);
  e.loop->post(e.call[0]);
  for (int i = 0; i < 10'000'000 && e.trace.empty(); ++i) assert_true(e.turn());
  assert_string_equal(e.trace.c_str(), "x");
  assert_true(e.count > 256);
}

// --- timers ----------------------------------------------------------------------------------------------------

void test_timers_fire_by_deadline_then_by_age(void** state) {
  Env& e = env(state);
  int64_t now = e.loop->now();
  for (int i = 0; i < 5; ++i) e.note_on_alarm(i, static_cast<char>('a' + i));
  e.loop->arm(*e.alarm[0], now + 30);
  e.loop->arm(*e.alarm[1], now + 10);
  e.loop->arm(*e.alarm[2], now + 20);
  e.loop->arm(*e.alarm[3], now + 10);
  e.loop->arm(*e.alarm[4], kForever);
  e.manual->advance(9);
  assert_string_equal(e.trace.c_str(), "");
  e.manual->advance(1);
  assert_string_equal(e.trace.c_str(), "bd");
  assert_false(e.alarm[1]->armed());
  assert_true(e.alarm[2]->armed());
  assert_true(e.turn());  // the clock jumps
  assert_int_equal(e.loop->now(), now + 20);
  e.manual->advance(kSecond);
  assert_string_equal(e.trace.c_str(), "bdca");
  assert_int_equal(e.loop->now(), now + 10 + 10 + kSecond);
  assert_true(e.alarm[4]->armed());
  assert_false(e.turn());
}

void test_timers_rearm_and_disarm_inside_callbacks(void** state) {
  Env& e = env(state);
  int64_t now = e.loop->now();
  e.alarm[0]->fn = [&e] {
    e.trace += 'a';
    e.alarm[1]->disarm();
    e.alarm[2].reset();
    if (e.count++ < 2) e.loop->arm_after(*e.alarm[0], 0);  // due at once: not in this round
  };
  e.note_on_alarm(1, '!');
  e.note_on_alarm(2, '!');
  e.note_on_alarm(3, 'd');
  e.alarm[4]->fn = [&e] {
    e.trace += 'e';
    e.alarm[4].reset();  // itself
  };
  e.loop->arm(*e.alarm[0], now + 1);
  e.loop->arm(*e.alarm[1], now + 1);
  e.loop->arm(*e.alarm[2], now + 1);
  e.loop->arm(*e.alarm[3], now + 1);
  e.loop->arm(*e.alarm[4], now + 1);
  assert_true(e.turn());
  assert_string_equal(e.trace.c_str(), "ade");
  assert_true(e.turn());
  assert_true(e.turn());
  assert_string_equal(e.trace.c_str(), "adeaa");
  assert_false(e.turn());
}

void test_rearming_moves_a_timer_both_ways(void** state) {
  Env& e = env(state);
  int64_t now = e.loop->now();
  e.note_on_alarm(0, 'a');
  e.note_on_alarm(1, 'b');
  e.loop->arm(*e.alarm[0], now + 10);
  e.loop->arm(*e.alarm[1], now + 20);
  e.loop->arm(*e.alarm[0], now + 30);
  e.manual->advance(25);
  assert_string_equal(e.trace.c_str(), "b");
  e.loop->arm(*e.alarm[1], now + 100);
  e.loop->arm(*e.alarm[1], now + 27);
  e.manual->advance(10);
  assert_string_equal(e.trace.c_str(), "bba");
  e.loop->arm(*e.alarm[0], now + 40);
  e.alarm[0]->disarm();
  assert_false(e.turn());
  assert_int_equal(e.loop->now(), now + 35);
}

void test_a_thousand_timers_keep_their_order(void** state) {
  Env& e = env(state);
  int64_t now = e.loop->now(), last = 0;
  int fired = 0, disarmed = 0;
  for (int i = 0; i < 1000; ++i) {
    e.many.push_back(std::make_unique<Alarm>());
    Alarm* a = e.many.back().get();
    a->fn = [&, a] {
      assert_true(a->deadline() >= last);
      last = a->deadline();
      ++fired;
    };
    e.loop->arm(*a, now + static_cast<int64_t>(e.draw() % 5000));
  }
  for (int i = 0; i < 1000; ++i) {
    Alarm* a = e.many[e.draw() % 1000].get();
    if (i % 2) {
      e.loop->arm(*a, now + static_cast<int64_t>(e.draw() % 5000));
    } else {
      a->disarm();
    }
  }
  for (auto& a : e.many) disarmed += !a->armed();
  e.manual->advance(5000);
  assert_int_equal(fired + disarmed, 1000);
  assert_false(e.turn());
}

void test_real_timers_are_never_early(void** state) {
  Env& e = env(state);
  int64_t start = e.loop->now();
  int64_t due[3] = {start + 12 * kMillisecond, start + 3 * kMillisecond + 1, start + 7 * kMillisecond};
  for (int i = 0; i < 3; ++i) {
    e.alarm[i]->fn = [&e, &due, i] {
      assert_true(e.loop->now() >= due[i]);
      e.trace += static_cast<char>('a' + i);
    };
    e.loop->arm(*e.alarm[i], due[i]);
  }
  e.note_on_alarm(3, '!');
  e.loop->arm_after(*e.alarm[3], kMillisecond);
  e.loop->arm_after(*e.alarm[3], kForever);
  e.note_on_alarm(4, '!');
  e.loop->arm_after(*e.alarm[4], kMillisecond / 2);
  e.alarm[4]->disarm();
  while (e.trace.size() < 3 && e.loop->now() < start + 10 * kSecond) assert_true(e.turn());
  assert_string_equal(e.trace.c_str(), "bca");
}

// --- descriptors -----------------------------------------------------------------------------------------------

void test_interest_and_the_turn_after_a_handler(void** state) {
  Env& e = env(state);
  assert_true(e.open_pair());
  e.note_on_call(0, 'r');
  e.note_on_call(1, 'f');
  e.fd[0].fn = [&e](unsigned ready) {
    if (ready & kWrite) e.trace += 'w';
    if (ready & kRead) e.trace += 'i';
    e.loop->flush_later(e.call[1]);
    e.loop->post(e.call[0]);
    e.trace += '.';
  };
  e.watch[0] = e.loop->watch(e.pair[0], kRead | kWrite, e.fd[0]);
  assert_true(e.turn());
  assert_string_equal(e.trace.c_str(), "w.rf");  // the completion took no further poll
  e.trace.clear();
  e.watch[0]->want(kRead);
  assert_int_equal(write(e.pair[1], "x", 1), 1);
  assert_true(e.turn());
  assert_string_equal(e.trace.c_str(), "i.rf");
  assert_true(e.turn());  // level-triggered
  assert_string_equal(e.trace.c_str(), "i.rfi.rf");
  e.trace.clear();
  e.watch[0]->want(0);
  close(e.pair[1]);  // not even a hang-up is reported
  e.pair[1] = -1;
  e.alarm[0]->fn = [] {};
  e.loop->arm_after(*e.alarm[0], 2 * kMillisecond);
  while (e.alarm[0]->armed()) assert_true(e.turn());
  assert_string_equal(e.trace.c_str(), "");
  e.watch[0]->want(kWrite);
  assert_true(e.turn());
  assert_string_equal(e.trace.c_str(), "w.rf");
}

void test_a_handler_may_destroy_watches(void** state) {
  Env& e = env(state);
  assert_true(e.open_pair());
  assert_int_equal(write(e.pair[0], "x", 1), 1);
  assert_int_equal(write(e.pair[1], "x", 1), 1);
  for (Fd& fd : e.fd) {
    fd.fn = [&e](unsigned) {
      e.trace += 'x';
      e.watch[0].reset();
      e.watch[1].reset();
    };
  }
  e.watch[0] = e.loop->watch(e.pair[0], kRead | kWrite, e.fd[0]);
  e.watch[1] = e.loop->watch(e.pair[1], kRead | kWrite, e.fd[1]);
  assert_true(e.turn());
  assert_string_equal(e.trace.c_str(), "x");  // four events were active
}

// --- other threads, foreign bases ------------------------------------------------------------------------------

void test_wake_from_another_thread(void** state) {
  Env& e = env(state);
  constexpr int kWakes = 10000;
  std::atomic<int> produced = 0;
  int seen = 0;
  e.call[0].fn = [&] { seen = produced.load(); };
  e.loop->set_wake_handler(&e.call[0]);
  e.thread = std::thread([&] {
    for (int i = 0; i < kWakes; ++i) {
      produced.fetch_add(1);
      e.loop->wake();
    }
  });
  while (seen < kWakes) assert_true(e.turn());
  e.thread.join();
}

void test_foreign_base(void** state) {
  Env& e = env(state);
  assert_false(e.turn());  // not ours to run
  e.note_on_call(0, 'a');
  e.loop->post(e.call[0]);
  assert_int_equal(event_base_loop(e.host, EVLOOP_ONCE), 0);
  assert_string_equal(e.trace.c_str(), "a");
  e.alarm[0]->fn = [&e] {
    e.trace += 't';
    e.loop->post(e.call[0]);
  };
  e.loop->arm_after(*e.alarm[0], kMillisecond);
  while (e.trace.size() < 3) assert_int_equal(event_base_loop(e.host, EVLOOP_ONCE), 0);
  assert_string_equal(e.trace.c_str(), "ata");
  e.loop->set_wake_handler(&e.call[0]);
  e.thread = std::thread([&] { e.loop->wake(); });
  while (e.trace.size() < 4) assert_int_equal(event_base_loop(e.host, EVLOOP_ONCE), 0);
  e.thread.join();
  e.loop.reset();
  assert_int_equal(event_base_loop(e.host, EVLOOP_ONCE), 1);  // nothing of ours is left on it
}

void test_manual_wake(void** state) {
  Env& e = env(state);
  e.note_on_call(0, 'w');
  e.loop->set_wake_handler(&e.call[0]);
  e.loop->wake();
  assert_false(e.manual->idle());
  assert_true(e.turn());
  assert_string_equal(e.trace.c_str(), "w");
  e.loop->set_wake_handler(nullptr);
  e.loop->wake();
  assert_true(e.turn());
  assert_true(e.manual->idle());
}

}  // namespace

#define MANUAL(f) cmocka_unit_test_setup_teardown(f, set_up_manual, tear_down)
#define OWN(f) cmocka_unit_test_setup_teardown(f, set_up_own, tear_down)

int main() {
  const CMUnitTest tests[] = {
      MANUAL(test_ready_runs_in_order_and_never_inside_post),
      MANUAL(test_unlinked_ready_does_not_run),
      MANUAL(test_flush_runs_after_ready_and_may_cause_more),
      MANUAL(test_a_chain_of_ready_items_is_bounded),
      MANUAL(test_what_was_posted_before_a_turn_runs_in_it),
      MANUAL(test_last_work_ends_with_the_loop),
      OWN(test_an_endless_chain_does_not_starve_sockets),
      MANUAL(test_timers_fire_by_deadline_then_by_age),
      MANUAL(test_timers_rearm_and_disarm_inside_callbacks),
      MANUAL(test_rearming_moves_a_timer_both_ways),
      MANUAL(test_a_thousand_timers_keep_their_order),
      OWN(test_real_timers_are_never_early),
      OWN(test_interest_and_the_turn_after_a_handler),
      OWN(test_a_handler_may_destroy_watches),
      OWN(test_wake_from_another_thread),
      cmocka_unit_test_setup_teardown(test_foreign_base, set_up_foreign, tear_down),
      MANUAL(test_manual_wake),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
