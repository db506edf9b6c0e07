// Completions of the C API from function objects.
#pragma once

#include <functional>
#include <memory>
#include <tractor.h>

namespace tractor::command {

/// A pair `(fn, user)` that runs a function object once and frees it. A start that refuses, by a negative status, never
/// runs it: hand its answer to started().
template <class... Args>
class Completion {
 public:
  using Function = std::function<void(const tractor_error*, Args...)>;
  explicit Completion(Function f) : held_(new Function(std::move(f))) {}
  ~Completion() { delete held_; }
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  static void fn(const tractor_error* err, Args... args, void* user) {
    std::unique_ptr<Function> f(static_cast<Function*>(user));
    (*f)(err, args...);
  }
  void* user() const { return held_; }

  /// False if it was refused: the work was not started because its nursery is over.
  bool started(tractor_op op) {
    if (op > 0) held_ = nullptr;
    return op > 0;
  }

 private:
  Function* held_;
};

using DoneCompletion = Completion<>;
using ValueCompletion = Completion<const tractor_value*>;
using PortalCompletion = Completion<tractor_portal*>;

}  // namespace tractor::command
