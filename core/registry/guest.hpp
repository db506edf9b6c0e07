// A task of somebody that stays in the registrar until there is something for it.
#pragma once

#include <new>
#include <utility>

#include "base/list.hpp"
#include "rpc/task_context.hpp"
#include "scope/basic_ops.hpp"

namespace tractor::core {

struct GuestTag;

/// Lies in its task's memory, and leaves its list when the task ends, whatever ends it.
class Guest : public Link<GuestTag> {
 public:
  TaskContext& ctx() { return ctx_; }
  /// The task has what it waited for, or is cancelled.
  void leave() {
    unlink();
    if (Tokened* hold = ctx_.engine().tokens().find(hold_)) hold->token_complete({});
  }

 protected:
  explicit Guest(TaskContext& ctx) : ctx_(ctx) {}
  ~Guest() = default;

 private:
  template <class T, class... Rest>
  friend T& seat(TaskContext& ctx, const char* what, Rest&&... rest);
  TaskContext& ctx_;
  OpToken hold_ = 0;
};

/// Makes a T in the task's memory and keeps the task. `what` names it in logs.
template <class T, class... Rest>
T& seat(TaskContext& ctx, const char* what, Rest&&... rest) {
  T* guest = new (ctx.alloc(sizeof(T))) T(ctx, std::forward<Rest>(rest)...);
  try {
    ctx.on_end([](const tractor_error*, void* user) { static_cast<T*>(user)->~T(); }, guest);
  } catch (const std::bad_alloc&) {
    guest->~T();
    throw;
  }
  guest->hold_ = HoldOp::start(
      ctx, what, [](void* user) { static_cast<T*>(user)->leave(); }, guest);
  if (guest->hold_ < 0) throw std::bad_alloc();
  return *guest;
}

}  // namespace tractor::core
