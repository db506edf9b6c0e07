// The two ways to start a child, as operations: one that serves, and one that answers a single call.
#pragma once

#include <string>

#include "base/handles.hpp"
#include "runtime/child.hpp"
#include "scope/op.hpp"
#include "wire/value.hpp"

namespace tractor::core {

class StartOp final : public Op, private Child::Starter {
 public:
  /// `bad`: why the options are no good; it is then the outcome.
  /// `in`: `owner` or in it, so that it ends first.
  static OpToken start(Actor& actor, Nursery& owner, Nursery& in, std::string name, SpawnConfig config,
                       const ErrorRef& bad, tractor_portal_fn fn, void* user);

 private:
  StartOp(Nursery& in, tractor_portal_fn fn, void* user) : Op(in, fn != nullptr), fn_(fn), user_(user) {}
  void deliver(const Error* err) override { fn_(to_c(err), err ? nullptr : to_c(portal_), user_); }
  void on_cancel(const ErrorRef& why) override;
  void on_booted(Child& child, const ErrorRef& err) override;
  void on_buried(Child&, const ErrorRef&) override {}
  tractor_portal_fn fn_;
  void* user_;
  Child* child_ = nullptr;
  Portal* portal_ = nullptr;
};

class OneShotOp final : public Op, private Child::Starter {
 public:
  static OpToken start(Actor& actor, Nursery& owner, Nursery& in, std::string module, std::string func, Bytes args,
                       SpawnConfig config, const ErrorRef& bad, tractor_value_fn fn, void* user);

 private:
  OneShotOp(Nursery& owner, Nursery& in, tractor_value_fn fn, void* user);
  ~OneShotOp() override;
  void deliver(const Error* err) override { fn_(to_c(err), err ? nullptr : to_c(value_.get()), user_); }
  void orphan_error(ErrorRef err) override { owner_.collect(std::move(err)); }
  void on_cancel(const ErrorRef& why) override;
  void on_booted(Child& child, const ErrorRef& err) override;
  void on_buried(Child& child, const ErrorRef& death) override;
  static void on_answer(const tractor_error* err, const tractor_value* value, void* self);
  /// Its child has nothing more to do.
  void dismiss();
  Nursery& owner_;
  tractor_value_fn fn_;
  void* user_;
  std::string module_, func_, args_;
  Child* child_ = nullptr;
  OpToken call_ = 0;
  Ref<Value> value_;
};

}  // namespace tractor::core
