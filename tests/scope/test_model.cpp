// ctest: timeout=120
// The scope against a plain model of its rules (model.hpp): random sequences of everything that can happen to it, and
// every order of a small set of events. A failure names its sequence; TRACTOR_MODEL_SEED=<number> runs that one alone
// and prints its steps, TRACTOR_MODEL_COUNT=<number> runs so many, TRACTOR_MODEL_FIRST=<number> from there.
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/log.hpp"
#include "world.hpp"

extern "C" {
#include <cmocka.h>  // last: it defines `fail`
}
#undef fail

using namespace scope_test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

uint64_t from_env(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 0x1234567) {}
  size_t below(size_t n) {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<size_t>((z ^ (z >> 31)) % n);
  }
  bool one_in(size_t n) { return below(n) == 0; }

 private:
  uint64_t state_;
};

// --- random sequences ----------------------------------------------------------------------------------------------

class Sequence {
 public:
  Sequence(uint64_t seed, bool trace)
      : random_(seed),
        world_("sequence " + std::to_string(seed) + " (TRACTOR_MODEL_SEED=" + std::to_string(seed) + ")", trace,
               random_.one_in(3), random_.one_in(3)) {
    for (unsigned& w : weights_) w = static_cast<unsigned>(random_.below(4));
    world_.on_callback = [this] { from_callback(); };
  }

  void run() {
    size_t length = 5 + random_.below(35);
    for (size_t i = 0; i < length && !world_.model().nurseries[0].gone; ++i) {
      switch (random_.below(8)) {
        case 0: world_.drain(); break;
        case 1: world_.advance(1 + static_cast<int64_t>(random_.below(40))); break;
        case 2: world_.probe(); break;
        default: act(); break;
      }
    }
    world_.wind_down();
  }

 private:
  enum What {
    open,
    sleep,
    call,
    hold,
    answer,
    complete,
    cancel_op,
    abandon_op,
    close,
    cancel,
    fail,
    set_timeout,
    end_op,
    child,
    connection,
    child_gone,
    one_shot,
    body,
    kWhats
  };

  void from_callback() {
    if (callbacks_++ > 60) return;
    for (size_t n = random_.below(3); n > 0; --n) act();
  }

  void act() {
    size_t total = 0;
    for (unsigned w : weights_) total += w + 1;
    size_t pick = random_.below(total);
    int what = 0;
    while (pick > weights_[what]) pick -= weights_[what++] + 1;
    do_it(static_cast<What>(what));
  }

  template <class Items, class Good>
  int any(const Items& items, Good good) {
    std::vector<int> found;
    for (size_t i = 0; i < items.size(); ++i)
      if (good(items[i])) found.push_back(static_cast<int>(i));
    return found.empty() ? -1 : found[random_.below(found.size())];
  }
  int any_nursery() {
    return any(world_.model().nurseries, [](const model::Nursery& n) { return !n.ended; });
  }
  int any_op(bool holds) {
    return any(world_.model().ops, [=](const model::Op& op) {
      return holds ? op.kind == model::Kind::hold && !op.gone
                   : (op.kind == model::Kind::call || op.kind == model::Kind::slow_call) && !op.gone;
    });
  }
  int any_child() {
    return any(world_.model().children, [](const model::Child& c) { return !c.gone; });
  }
  int depth(int n) const {
    int d = 0;
    while ((n = world_.model().nurseries[static_cast<size_t>(n)].parent) >= 0) ++d;
    return d;
  }

  ErrorRef single() {
    if (random_.one_in(8)) return world_.canceled();
    ErrorRef err =
        world_.failures() > 0 && random_.one_in(3) ? world_.old_failure(random_.below(1000)) : world_.new_failure();
    return random_.one_in(2) ? world_.seen_from_elsewhere(err, Status::child) : err;
  }
  ErrorRef error() {
    if (!random_.one_in(6)) return single();
    ErrorRef a = single(), b = single();
    return a->root() == b->root() ? a : Error::group("by hand", {a, b});
  }

  void do_it(What what) {
    switch (what) {
      case open: {
        int n = any_nursery();
        if (n < 0 || depth(n) >= 3) return;
        World::Nested o;
        o.fn = random_.one_in(2);
        o.shield = random_.one_in(5);
        o.cancel_daemons = random_.one_in(2);
        o.keep_ref = random_.one_in(2);
        o.timeout = o.shield || random_.one_in(4) ? 1 + static_cast<int64_t>(random_.below(60)) : 0;
        world_.open(n, o);
        return;
      }
      case sleep: {
        int n = any_nursery();
        int64_t ns = random_.one_in(6) ? kForever : static_cast<int64_t>(random_.below(60));
        if (n >= 0) world_.sleep(n, ns, !random_.one_in(4));
        return;
      }
      case call: {
        int n = any_nursery();
        if (n >= 0) world_.call(n, !random_.one_in(3), random_.one_in(3), random_.one_in(2) ? any_child() : -1);
        return;
      }
      case hold: {
        int n = any_nursery();
        if (n >= 0) world_.hold(n, !random_.one_in(4));
        return;
      }
      case answer: {
        int op = any_op(false);
        if (op >= 0) world_.answer(op, random_.one_in(2) ? single() : ErrorRef());
        return;
      }
      case complete: {
        int op = any_op(true);
        if (op >= 0) world_.complete(op, random_.one_in(3) ? error() : ErrorRef());
        return;
      }
      case cancel_op:
      case abandon_op: {
        int op = any(world_.model().ops, [](const model::Op&) { return true; });  // also those that are over
        if (op >= 0) what == cancel_op ? world_.cancel_op(op) : world_.abandon_op(op);
        return;
      }
      case close: {
        int n = any_nursery();
        if (n > 0 || (n == 0 && random_.one_in(4))) world_.close(n);
        return;
      }
      case cancel: {
        int n = any_nursery();
        if (n > 0 || (n == 0 && random_.one_in(6))) world_.cancel(n);
        return;
      }
      case fail: {
        int n = any_nursery();
        if (n > 0 || (n == 0 && random_.one_in(6))) world_.fail(n, error());
        return;
      }
      case set_timeout: {
        int n = any_nursery();
        if (n < 0 || (n == 0 && !random_.one_in(6))) return;
        bool must = world_.model().nurseries[static_cast<size_t>(n)].shield;
        world_.set_timeout(n, must || !random_.one_in(3) ? 1 + static_cast<int64_t>(random_.below(40)) : 0);
        return;
      }
      case end_op: {
        int n = any(world_.model().nurseries, [](const model::Nursery&) { return true; });
        if (n <= 0) return;
        if (random_.one_in(2)) world_.take_end_token(n);
        if (random_.one_in(3)) random_.one_in(2) ? world_.cancel_end(n) : world_.abandon_end(n);
        return;
      }
      case child: {
        int n = any_nursery();
        bool short_lived = random_.one_in(3);
        if (n >= 0) world_.child(n, !short_lived, short_lived);
        return;
      }
      case connection: {
        int c = any_child();
        if (c >= 0) world_.lose_connection(c);
        return;
      }
      case child_gone: {
        int c = any_child();
        if (c < 0) return;
        const model::Child& it = world_.model().children[static_cast<size_t>(c)];
        world_.child_gone(c, !it.asked && !(it.one_shot && random_.one_in(2)));
        return;
      }
      case one_shot: {
        int c = any(world_.model().children, [](const model::Child& it) { return !it.gone && it.one_shot; });
        if (c >= 0) world_.collect(c, single());
        return;
      }
      case body:
        if (random_.one_in(3)) world_.body_over();
        return;
      case kWhats: return;
    }
  }

  Random random_;
  World world_;
  unsigned weights_[kWhats];
  int callbacks_ = 0;
};

void random_sequences(void**) {
  if (std::getenv("TRACTOR_MODEL_SEED")) return Sequence(from_env("TRACTOR_MODEL_SEED", 0), true).run();
  uint64_t first = from_env("TRACTOR_MODEL_FIRST", 1);
  uint64_t count = from_env("TRACTOR_MODEL_COUNT", kSanitized ? 5000 : 20000);
  for (uint64_t seed = first; seed < first + count; ++seed) Sequence(seed, false).run();
}

// --- every order of a few events -----------------------------------------------------------------------------------

constexpr int kDepth = 3;

/// Three nurseries in a chain, each with a child, a call to it and a hold that obeys a cancel; then events, each at one
/// depth. Variants: the calls need a while to stop; nothing has a callback; the children are dismissable, and each is
/// called from the nursery around its own.
class Chain {
 public:
  enum Event { finish, raise, cancel, close, child_dies, connection_lost, deadline, kEvents };
  static constexpr const char* kNames[kEvents] = {"finish",     "raise",           "cancel",  "close",
                                                  "child dies", "connection lost", "deadline"};

  Chain(const std::string& label, bool trace, bool slow, bool silent, bool lent) : world_(label, trace, false) {
    world_.on_callback = [this] { obey(); };
    for (int d = 0; d < kDepth; ++d) {
      World::Nested o;
      o.fn = !silent;
      o.cancel_daemons = lent;
      int around = d == 0 ? 0 : nursery_[d - 1];
      nursery_[d] = world_.open(around, o);
      child_[d] = world_.child(nursery_[d], true, false);
      call_[d] = world_.call(lent ? around : nursery_[d], !silent, slow, child_[d]);
      hold_[d] = world_.hold(nursery_[d], true);
    }
    world_.drain();
  }

  void happen(int event, int d) {
    switch (static_cast<Event>(event)) {
      case finish:
        if (!gone(call_[d])) world_.answer(call_[d], {});
        if (!gone(hold_[d])) world_.complete(hold_[d], {});
        break;
      case raise: world_.fail(nursery_[d], world_.new_failure()); break;
      case cancel: world_.cancel(nursery_[d]); break;
      case close: world_.close(nursery_[d]); break;
      case child_dies: world_.child_gone(child_[d], true); break;
      case connection_lost: world_.lose_connection(child_[d]); break;
      case deadline:
        world_.set_timeout(nursery_[d], 1);
        world_.advance(1);
        break;
      case kEvents: break;
    }
  }
  void drain() { world_.drain(); }
  void end() { world_.wind_down(); }

 private:
  bool gone(int op) const { return world_.model().ops[static_cast<size_t>(op)].gone; }
  void obey() {
    for (int op : hold_) {
      if (op < 0) continue;
      const model::Op& it = world_.model().ops[static_cast<size_t>(op)];
      if (it.cancel_asked && !it.tell_cancel && !it.gone) world_.complete(op, {});
    }
  }

  World world_;
  int nursery_[kDepth], child_[kDepth] = {-1, -1, -1}, call_[kDepth], hold_[kDepth] = {-1, -1, -1};
};

/// One number for a whole case: the events and where, whether the queue drains between them, and the variant.
void one_order(uint64_t number, bool trace) {
  uint64_t rest = number;
  auto digit = [&rest](uint64_t base) {
    auto d = static_cast<int>(rest % base);
    rest /= base;
    return d;
  };
  bool slow = digit(2), silent = digit(2), lent = digit(2), drain_first = digit(2), drain_second = digit(2);
  constexpr uint64_t kAtoms = Chain::kEvents * kDepth;
  int atoms[3] = {digit(kAtoms), digit(kAtoms), digit(kAtoms + 1) - 1};
  std::string label = "order " + std::to_string(number) + " (TRACTOR_MODEL_ORDER=" + std::to_string(number) + "):";
  for (int a : atoms)
    if (a >= 0) label += std::string(" ") + Chain::kNames[a / kDepth] + " at " + std::to_string(a % kDepth + 1) + ",";
  label.back() = ' ';
  Chain chain(label, trace, slow, silent, lent);
  for (int i = 0; i < 3; ++i) {
    if (atoms[i] >= 0) chain.happen(atoms[i] / kDepth, atoms[i] % kDepth);
    if ((i == 0 && drain_first) || (i == 1 && drain_second)) chain.drain();
  }
  chain.end();
}

void every_order(void**) {
  if (std::getenv("TRACTOR_MODEL_ORDER")) return one_order(from_env("TRACTOR_MODEL_ORDER", 0), true);
  constexpr uint64_t kAtoms = Chain::kEvents * kDepth;
  // A prime stride visits the digits evenly where not all cases can be afforded.
  uint64_t stride = from_env("TRACTOR_MODEL_STRIDE", kSanitized ? 17 : 1);
  for (uint64_t n = 0; n < 32 * kAtoms * kAtoms * (kAtoms + 1); n += stride) one_order(n, false);
}

}  // namespace

int main() {
  log::set_level(log::kCritical + 1);
  const CMUnitTest tests[] = {
      cmocka_unit_test(random_sequences),
      cmocka_unit_test(every_order),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
