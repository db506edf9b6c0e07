// Posts that come too late: each that was accepted is called once, and told so (RUN: tractor_actor_post()).
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#include "loop/port_manual.hpp"
#include "runtime/posts.hpp"

extern "C" {
#include <cmocka.h>
}

using namespace tractor::core;

namespace {

struct World {
  ManualPort* port = new ManualPort;
  Loop loop{std::unique_ptr<Port>(port)};
  PostQueue posts;
  int in_time = 0, late = 0;

  World() { posts.attach(loop); }
  Status post() {
    return posts.add(
        [](const tractor_error* err, void* user) {
          auto& w = *static_cast<World*>(user);
          if (!err) {
            ++w.in_time;
            return;
          }
          assert_int_equal(static_cast<int>(from_c(err)->code()), TRACTOR_ECLOSED);
          ++w.late;
        },
        this);
  }
  void drain() {
    while (!port->idle()) port->run_once();
  }
};

void in_time(void**) {
  World w;
  assert_true(w.post() == Status::ok);
  assert_int_equal(w.in_time, 0);
  w.drain();
  assert_int_equal(w.in_time, 1);
  w.posts.close();
  assert_int_equal(w.late, 0);
}

void accepted_but_too_late(void**) {
  World w;
  std::thread([&] {
    for (int i = 0; i < 3; ++i) assert_true(w.post() == Status::ok);
  }).join();
  w.posts.close();
  assert_int_equal(w.late, 3);
  assert_true(w.post() == Status::closed);
  w.drain();
  assert_int_equal(w.in_time, 0);
  assert_int_equal(w.late, 3);
}

// One whose completion posts again: it is refused, not queued for nobody.
void posts_from_the_last_completion(void**) {
  struct Again {
    World* w;
    Status status = Status::ok;
  };
  World w;
  Again again{&w};
  assert_true(w.posts.add(
                  [](const tractor_error* err, void* user) {
                    auto& a = *static_cast<Again*>(user);
                    assert_non_null(err);
                    a.status = a.w->post();
                  },
                  &again) == Status::ok);
  w.posts.close();
  assert_true(again.status == Status::closed);
  assert_int_equal(w.in_time + w.late, 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(in_time),
      cmocka_unit_test(accepted_but_too_late),
      cmocka_unit_test(posts_from_the_last_completion),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
