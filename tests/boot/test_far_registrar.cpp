// A root whose registrar is on another machine: one that this one's dials are led to, under addresses of its own.
extern "C" {
#include "other.h"
}
#undef fail

#include <string>
#include <vector>

#include "base/log.hpp"
#include "runtime/actor.hpp"
#include "runtime/platform.hpp"

using namespace tractor::core;

namespace {

/// This machine, on which 192.0.2.* and 2001:db8::* (the documentation's addresses) lead to `registrar`.
class FarPlatform final : public Platform {
 public:
  explicit FarPlatform(Address registrar) : registrar_(std::move(registrar)) {}
  std::vector<std::string> bound;

  Result<Done> enter(Actor& actor) override { return real_.enter(actor); }
  void leave(Actor& actor) override { real_.leave(actor); }
  int64_t pid() override { return real_.pid(); }
  void set_title(const std::string& title) override { real_.set_title(title); }
  std::unique_ptr<SignalWatch> watch_signals(Loop& loop, SignalWatch::Handler& handler,
                                             std::initializer_list<int> caught,
                                             std::initializer_list<int> ignored) override {
    return real_.watch_signals(loop, handler, caught, ignored);
  }
  Result<std::unique_ptr<Port>> make_port(event_base* base) override { return real_.make_port(base); }
  std::unique_ptr<Dialer> dial(Loop& loop, const Address& to, int64_t timeout, Dialer::Handler& handler) override {
    const bool far = to.host.starts_with("192.0.2.") || to.host.starts_with("2001:db8::");
    return real_.dial(loop, far ? registrar_ : to, timeout, handler);
  }
  Result<std::unique_ptr<Listener>> listen(Loop& loop, const Address& at, Listener::Handler& handler) override {
    auto listener = real_.listen(loop, at, handler);
    if (listener) bound.push_back((*listener)->address().host);
    return listener;
  }
  Result<std::unique_ptr<Process>> launch(Loop& loop, const LaunchSpec& spec, Process::Handler& handler) override {
    return real_.launch(loop, spec, handler);
  }

 private:
  Platform& real_ = Platform::real();
  Address registrar_;
};

Actor* actor;
void close_it(tractor_nursery*, void* up) {
  *static_cast<bool*>(up) = !actor->is_registrar();
  tractor_actor_close(to_c(actor));
}
void expect_no_error(const tractor_error* err, void*) { kit_assert_code(err, TRACTOR_OK); }

/// Joins the registrars at `addrs`: where it listens then.
std::vector<std::string> join(const other& registrar, std::vector<Address> addrs, std::vector<Address> binds = {}) {
  FarPlatform far(*parse_multiaddr(registrar.address));
  RootConfig config;
  config.platform = &far;
  config.registry_addrs = std::move(addrs);
  config.bind_addrs = std::move(binds);
  config.log_level = log::kWarning;
  bool up = false;
  auto opened = Actor::open_root(std::move(config), false, close_it, expect_no_error, &up);
  assert_true(static_cast<bool>(opened));
  actor = *opened;
  assert_int_equal(tractor_actor_run(to_c(actor)), TRACTOR_OK);
  assert_true(up);
  return far.bound;
}

void expect_bound(const std::vector<std::string>& bound, std::vector<std::string> expected) {
  const bool as_expected = bound == expected;
  assert_true(as_expected);
}

const char* const kWarns = "as tpt_bind_addrs does not say where else";
const Address kFar = Address::tcp("192.0.2.7", 1616);

void with_registrar(void (*test)(const other&)) {
  const char* const registries[] = {kit_fresh_address_of("tcp"), nullptr};
  tractor_root_options options = {};
  options.struct_size = sizeof options;
  options.registry_addrs = registries;
  other registrar = other_start(&options);
  assert_true(registrar.registrar);
  test(registrar);
  other_end(&registrar);
}

void it_listens_on_loopback_and_says_so_once(void**) {
  with_registrar([](const other& registrar) {
    kit_expect_log(kWarns);
    expect_bound(join(registrar, {kFar, Address::tcp("192.0.2.8", 1616)}), {"127.0.0.1"});
    assert_int_equal(kit_log_count(kWarns), 1);
    assert_int_equal(kit_log_count("/ip4/192.0.2.7/tcp/1616 is on another machine"), 1);
  });
}

void of_either_family(void**) {
  with_registrar([](const other& registrar) {
    kit_expect_log(kWarns);
    expect_bound(join(registrar, {Address::tcp("2001:db8::7", 1616)}), {"::1"});
  });
}

void who_says_where_is_not_warned(void**) {
  with_registrar([](const other& registrar) {
    expect_bound(join(registrar, {kFar}, {Address::tcp("127.0.0.2", 0)}), {"127.0.0.2"});
  });
}

void a_near_one_says_where(void**) {
  with_registrar([](const other& registrar) {
    expect_bound(join(registrar, {*parse_multiaddr(registrar.address)}), {"127.0.0.1"});
  });
}

}  // namespace

int main(int argc, char** argv) {
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST_ONCE(it_listens_on_loopback_and_says_so_once),
      KIT_TEST_ONCE(of_either_family),
      KIT_TEST_ONCE(who_says_where_is_not_warned),
      KIT_TEST_ONCE(a_near_one_says_where),
  };
  return kit_run_tests(tests);
}
