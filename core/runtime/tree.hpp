// The tree as data: what this actor says of itself, and with it what its children say.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/handles.hpp"
#include "rpc/ask.hpp"
#include "scope/op.hpp"
#include "wire/value.hpp"

namespace tractor::core {

class Actor;

class TreeOp final : public Op {
 public:
  static constexpr int64_t kDefaultTimeout = kSecond;
  /// `self:_tree`, the question that a parent asks its children.
  static void endpoint(tractor_ctx* ctx, const tractor_value* args, void* actor);
  static OpToken start(Actor& actor, Nursery& in, int64_t timeout, const ErrorRef& bad, tractor_value_fn fn,
                       void* user);

 private:
  /// One child that is asked.
  struct Branch final : Asker {
    Branch(TreeOp& op, std::string child) : of(op), uuid(std::move(child)) {}
    void on_answer(Answer answer) override;
    TreeOp& of;
    std::string uuid;
    OpToken question = 0;
    Answer said;
    const char* unasked = nullptr;  ///< why it was not
  };
  static void on_tree(const tractor_error* err, const tractor_value* tree, void* ctx);
  TreeOp(Actor& actor, Nursery& in, tractor_value_fn fn, void* user)
      : Op(in, fn != nullptr), actor_(actor), fn_(fn), user_(user) {}
  ~TreeOp() override;
  std::string what() const override { return "tree"; }
  void ask_children(int64_t timeout);
  void settle();
  void deliver(const Error* err) override { fn_(to_c(err), err ? nullptr : to_c(tree_.get()), user_); }
  void on_cancel(const ErrorRef& why) override;

  Actor& actor_;
  tractor_value_fn fn_;
  void* user_;
  std::vector<std::unique_ptr<Branch>> branches_;
  size_t open_ = 0;
  Ref<Value> tree_;
};

}  // namespace tractor::core
