// Tests of what needs no other actor: each runs without a runtime, in a root, and in an endpoint of a child.
#pragma once

#include <list>
#include <vector>

#include "play.hpp"

/// A nursery that ends its children, and lets a sanitizer look for leaks before they are gone.
inline const tractor::nursery_options around_children{.cancel_daemons = true,
                                                      .kill_timeout = std::chrono::seconds(KIT_LIMIT_S)};

struct everywhere {
  const char* name;
  tractor::task<> (*body)();
};
#define EVERYWHERE(f) \
  { #f, f }

/// The program's, set by main() in the root and in children.
inline const everywhere* everywhere_tests = nullptr;

inline tractor::task<> play_number(int n) { co_await everywhere_tests[n].body(); }
TRACTOR_MODULE(playground, TRACTOR_FN(play_number, "n"));

inline void without_a_runtime(void** state) {
  auto test = static_cast<const everywhere*>(*state);
  tractor::run_local([&]() -> tractor::task<> { co_await test->body(); });
}

inline void in_a_root(void** state) {
  auto test = static_cast<const everywhere*>(*state);
  play_well([&](tractor::nursery&) -> tractor::task<> { co_await test->body(); });
}

inline void in_an_endpoint(void** state) {
  auto test = static_cast<const everywhere*>(*state);
  play_well([&](tractor::nursery&) -> tractor::task<> {
    co_await with_nursery(around_children, [&](tractor::nursery& n) -> tractor::task<> {
      tractor::portal child = co_await n.start_actor("child", {.modules = {playground}});
      co_await child.run(play_number, test - everywhere_tests);
    });
  });
}

/// What main() does: these, everywhere, and `more`.
template <std::size_t N>
int play_everywhere(int argc, char** argv, const everywhere (&tests)[N], std::vector<kit_test> more = {}) {
  everywhere_tests = tests;
  tractor::module::register_all();
  kit_begin(argc, argv);
  std::list<std::string> names;
  std::vector<kit_test> all;
  for (const everywhere& test : tests) {
    void* user = const_cast<everywhere*>(&test);
    auto add = [&](const char* where, void (*fn)(void**)) {
      all.push_back({names.emplace_back(std::string(test.name) + ": " + where).c_str(), fn, true, user});
    };
    add("without a runtime", without_a_runtime);
    add("in a root", in_a_root);
    add("in an endpoint", in_an_endpoint);
  }
  all.insert(all.end(), more.begin(), more.end());
  return kit_run_tests_(all.data(), all.size());
}
