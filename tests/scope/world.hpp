// Drives the core and the model with the same steps and compares them after each.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model.hpp"
#include "scope_env.hpp"

namespace scope_test {

using namespace tractor::core;

class World {
 public:
  /// `label` says in a report how to get this very sequence again.
  World(std::string label, bool trace, bool body, bool cancel_daemons = false);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  const model::Model& model() const { return model_; }
  std::function<void()> on_callback;  ///< what the program does in each of its callbacks

  // Steps. Nurseries, operations and children are named by their numbers in the model; the root is 0.
  struct Nested {
    bool fn = true, shield = false, cancel_daemons = false, keep_ref = false;
    int64_t timeout = 0;
  };
  int open(int parent, Nested options);
  int sleep(int in, int64_t ns, bool fn);
  int call(int in, bool armed, bool slow, int child);
  int hold(int in, bool on_cancel);
  void answer(int call, const ErrorRef& err);
  void complete(int hold, const ErrorRef& err);
  void cancel_op(int op);
  void abandon_op(int op);
  void body_over();
  void close(int n);
  void cancel(int n);
  void fail(int n, const ErrorRef& err);
  void set_timeout(int n, int64_t ns);
  void take_end_token(int n);
  void cancel_end(int n);
  void abandon_end(int n);
  int child(int in, bool daemon, bool one_shot);
  void collect(int child, const ErrorRef& err);
  void lose_connection(int child);  ///< its calls fail
  void child_gone(int child, bool unexpected);
  void probe();  ///< queues a callback that only does what the program likes
  void drain();
  void advance(int64_t ns);

  // Errors that the model knows.
  ErrorRef new_failure(Status code = Status::user);
  ErrorRef seen_from_elsewhere(const ErrorRef& failure, Status code);
  ErrorRef old_failure(size_t which);
  size_t failures() const { return known_.size(); }
  ErrorRef canceled() { return engine().cancel_error("a test"); }

  /// Ends all work, then everything must be over.
  void wind_down();

 private:
  class FakeCall;
  class FakeChild;
  struct NurseryUser;
  struct OpUser;
  struct Probe;
  friend class FakeCall;

  Engine& engine() { return env_.engine; }
  model::Outcome read(const Error* err, int own_deadline);
  void read_into(model::Outcome& out, const Error& err, bool in_group, int own_deadline);
  void raised(const model::Outcome& outcome);
  [[noreturn]] void bug(const std::string& what);
  void check(const std::string& complaint) {
    if (!complaint.empty()) bug(complaint);
  }
  void say(const char* format, ...) __attribute__((format(printf, 2, 3)));
  void event();
  void poll();
  void compare();
  void callback_body();
  void die_calls(int child, Status code, const ErrorRef& failure);

  static void completed(const tractor_error* err, void* user);
  static void told(void* user);
  static void end_fn(const tractor_error* err, void* user);
  static void end_observer(const tractor_error* err, void* user);
  void end_begun(int n, const Error* err, bool to_fn);

  struct Step {
    World& w;
    explicit Step(World& world);
    ~Step();
  };

  std::string label_;
  bool trace_;
  bool in_step_ = false, over_ = false;
  ScopeEnv env_;
  model::Model model_;
  std::deque<NurseryUser> nurseries_;
  std::deque<OpUser> ops_;
  std::deque<FakeChild> children_;
  std::unique_ptr<Probe> probe_;
  std::map<const Error*, int> known_;
  std::vector<ErrorRef> failures_;
  std::set<int> raised_, seen_;
  std::vector<Ref<Nursery>> kept_;
};

}  // namespace scope_test
