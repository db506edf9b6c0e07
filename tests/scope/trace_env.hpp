// The fixture of the tests of single rules. Callbacks of nurseries, operations and children write what they see into
// one trace, which each test compares. Owners live in the fixture: a failed assertion leaves by longjmp.
#pragma once

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

#include "base/log.hpp"
#include "scope_env.hpp"

extern "C" {
#include <cmocka.h>  // last: it defines `fail`
}
#undef fail

namespace scope_test {

using namespace tractor::core;

struct Env;

/// The user of one callback: its name in the trace and what it does besides.
struct Note {
  Env* env;
  std::string name;
  std::function<void(const Error*)> then;
};

class Call final : public Op {
 public:
  Call(Nursery& in, Note* note, bool slow = false) : Op(in, note != nullptr), note_(note), slow_(slow) {}
  using Op::decide;

 private:
  void deliver(const Error* err) override;
  void on_cancel(const ErrorRef& why) override {
    if (!slow_) decide(why);
  }
  Note* note_;
  bool slow_;
};

class Child final : public ChildOf {
 public:
  std::string name = "w1";
  bool used = false;
  int asked = 0, terminated = 0;
  ErrorRef why;
  void cancel_child(const ErrorRef& reason) override {
    ++asked;
    why = reason;
  }
  void terminate_child() override { ++terminated; }
  bool in_use() const override { return used; }
  const std::string& child_name() const override { return name; }
  void describe(wire::Packer&) const override {}
};

struct Owned final : OwnedBy {
  Env* env = nullptr;
  void nursery_ended() override;
};

struct Env : ScopeEnv {
  std::string trace;
  std::deque<Note> notes;
  Child child[3];
  Owned owned;
  RootNursery* root = nullptr;
  bool root_gone = false;
  ErrorRef outcome, boom = Error::of(Status::user, "boom"), bang = Error::of(Status::user, "bang");
  std::vector<Ref<Nursery>> kept;
  std::vector<std::string> lines;

  Env() {
    root = new RootNursery(engine);
    root->on_outcome = [this](const ErrorRef& err) {
      root_gone = true;
      if (err) err->mark_handled();
      add("root", err.get());
    };
    owned.env = this;
  }
  ~Env() {
    log::set_sink(nullptr, nullptr, nullptr);
    log::set_level(log::kError);
  }
  void add(const std::string& name, const Error* err) {
    trace += (trace.empty() ? "" : " ") + name + ":" + (err ? err->name() : "OK");
  }
  Note* note(std::string name, std::function<void(const Error*)> then = {}) {
    return &notes.emplace_back(Note{this, std::move(name), std::move(then)});
  }
  Nursery* open(Nursery* parent, const char* name, NurseryOptions options = {},
                std::function<void(const Error*)> then = {});
  Nursery* open_silent(Nursery* parent, NurseryOptions options = {}) {
    return UserNursery::open(*parent, std::move(options), nullptr, nullptr);
  }
  OpToken sleep(Nursery* in, int64_t ns, const char* name, std::function<void(const Error*)> then = {});
  OpToken hold(Nursery* in, const char* name, std::function<void(const Error*)> then = {});
  Call* call(Nursery* in, const char* name, bool slow = false) {
    auto* op = new Call(*in, name ? note(name) : nullptr, slow);
    op->begin();
    return op;
  }
  bool complete(OpToken op, ErrorRef err = {}) {
    Tokened* target = engine.tokens().find(op);
    return target && target->token_complete(std::move(err));
  }
  bool cancel(OpToken op) {
    Tokened* target = engine.tokens().find(op);
    if (target) target->token_cancel();
    return target != nullptr;
  }
  bool abandon(OpToken op) {
    Tokened* target = engine.tokens().find(op);
    return target && target->token_abandon();
  }
  bool live(OpToken op) { return engine.tokens().find(op) != nullptr; }
  void listen() {
    log::set_level(log::kWarning);
    log::set_sink([](int, const char* line, void* user) { static_cast<Env*>(user)->lines.emplace_back(line); }, this,
                  nullptr);
  }
};

inline void done(const tractor_error* err, void* user) {
  auto& n = *static_cast<Note*>(user);
  n.env->add(n.name, from_c(err));
  if (n.then) n.then(from_c(err));
}
inline void told(void* user) {
  auto& n = *static_cast<Note*>(user);
  n.env->add(n.name, nullptr);
  if (n.then) n.then(nullptr);
}
inline void Call::deliver(const Error* err) { done(to_c(err), note_); }
inline void Owned::nursery_ended() { env->add("owned", nullptr); }

inline Nursery* Env::open(Nursery* parent, const char* name, NurseryOptions options,
                          std::function<void(const Error*)> then) {
  options.name = name;
  return UserNursery::open(*parent, std::move(options), done, note(name, std::move(then)));
}
inline OpToken Env::sleep(Nursery* in, int64_t ns, const char* name, std::function<void(const Error*)> then) {
  return SleepOp::start(*in, ns, name ? done : nullptr, name ? note(name, std::move(then)) : nullptr);
}
inline OpToken Env::hold(Nursery* in, const char* name, std::function<void(const Error*)> then) {
  return HoldOp::start(*in, name, name ? told : nullptr, name ? note(name, std::move(then)) : nullptr);
}

inline int set_up(void** state) {
  *state = new Env;
  return 0;
}
/// Whatever the test left is cancelled; then nothing may be left.
inline int tear_down(void** state) {
  Env& e = **reinterpret_cast<Env**>(state);
  if (!e.root_gone) e.root->cancel("the test is over");
  e.drain();
  bool good = e.root_gone && e.engine.tokens().size() == 0;
  if (!good) print_error("left: %zu tokens; trace: %s\n", e.engine.tokens().size(), e.trace.c_str());
  if (good) delete &e;
  return good ? 0 : -1;
}

#define CASE(name) void name(void** state)
#define ENV Env& e = **reinterpret_cast<Env**>(state)
/// What was traced since the last look.
#define SEEN(text)                                \
  do {                                            \
    assert_string_equal(e.trace.c_str(), (text)); \
    e.trace.clear();                              \
  } while (0)
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

}  // namespace scope_test
