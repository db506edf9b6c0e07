// Several errors at once: looking for one, taking them apart.
#include <stdexcept>

#include "everywhere.hpp"

using namespace tractor;
using std::chrono::milliseconds;

namespace {

struct out_of_stock : std::runtime_error {
  explicit out_of_stock(const std::string& what, int left = 0) : std::runtime_error(what), left_over(left) {}
  int left_over;
};

template <class E>
auto fails_with(E e) {
  return [e]() -> task<> {
    throw e;
    co_return;
  };
}

/// tea, OSError, and in a nested group: coffee, ValueError
task<> several_things_fail() {
  co_await with_task_group([](task_group& g) {
    g.start_soon(fails_with(out_of_stock("tea", 3)));
    g.start_soon(fails_with(error("OSError", "disk")));
    g.start_soon([]() -> task<> {
      co_await with_task_group([](task_group& inner) {
        inner.start_soon(fails_with(out_of_stock("coffee", 1)));
        inner.start_soon(fails_with(error("ValueError", "price")));
      });
    });
  });
}

std::string told(const std::vector<error>& all) {
  std::string text;
  for (const error& e : all) text += std::string(e.what()) + " ";
  return text;
}

task<> leaves_are_found() {
  bool caught = false;
  try {
    co_await several_things_fail();
  } catch (const error_group& group) {
    caught = true;
    equal(static_cast<std::int64_t>(group.size()), 3);
    same(told(group.leaves()), "tea disk coffee price ");
    if (auto e = group.find<out_of_stock>()) equal(e->left_over, 3);  // the very object that was thrown
    holds(group.find<error>() != nullptr);
    same(group.find<error>()->type(), "OSError");
    holds(!group.find<timed_out>());
    holds(group[0].as<out_of_stock>() && !group[1].as<out_of_stock>());
  }
  holds(caught);
}

task<> groups_are_split() {
  bool caught = false;
  try {
    co_await several_things_fail();
  } catch (const error_group& group) {
    caught = true;
    auto [stock, rest] = group.split<out_of_stock>();
    same(told(stock->as<error_group>()->leaves()), "tea coffee ");
    same(told(rest->as<error_group>()->leaves()), "disk price ");
    auto [disk, others] = group.split([](const error& e) { return std::string(e.type()) == "OSError"; });
    same(disk->type(), "OSError");  // alone: itself
    same(told(others->as<error_group>()->leaves()), "tea coffee price ");
    auto [none, all] = group.split<timed_out>();
    holds(!none);
    same(told(all->as<error_group>()->leaves()), "tea disk coffee price ");
    bool raised = false;
    try {
      auto [coffee, not_coffee] = group.split([](const error& e) { return std::string(e.what()) == "coffee"; });
      coffee->raise();
    } catch (const out_of_stock& e) {
      raised = true;
      equal(e.left_over, 1);
    }
    holds(raised);
  }
  holds(caught);
}

task<> groups_collapse() {
  try {
    co_await several_things_fail();
  } catch (const error_group& group) {
    equal(group.collapse().code(), TRACTOR_EGROUP);
  }
  error_ptr one(tractor_error_newf(TRACTOR_EUSER, "KeyError", "one"));
  const tractor_error* members[] = {one.get(), one.get()};
  error_ptr two(tractor_error_group("twice the same", members, 2));
  error_group group(two.get());
  same(told(group.leaves()), "one one ");
  co_return;
}

// The same exception, by two ways: it is one failure.
task<> an_exception_that_comes_twice_is_one() {
  auto own = std::make_exception_ptr(out_of_stock("tea"));
  auto throw_it = [&]() -> task<> {
    std::rethrow_exception(own);
    co_return;
  };
  auto group = with_task_group([&](task_group& g) {
    g.start_soon(throw_it);
    g.start_soon(throw_it);
  });
  bool same_object = false;
  try {
    co_await std::move(group);
  } catch (const out_of_stock&) {
    same_object = std::current_exception() == own;
  }
  holds(same_object);
}

}  // namespace

int main(int argc, char** argv) {
  const everywhere tests[] = {
      EVERYWHERE(leaves_are_found),
      EVERYWHERE(groups_are_split),
      EVERYWHERE(groups_collapse),
      EVERYWHERE(an_exception_that_comes_twice_is_one),
  };
  return play_everywhere(argc, argv, tests);
}
