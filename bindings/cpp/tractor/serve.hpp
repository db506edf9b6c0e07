// How an endpoint runs.
#pragma once

#include <tractor/ctx.h>

#include <exception>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "arguments.hpp"
#include "context.hpp"
#include "detached.hpp"
#include "endpoint.hpp"
#include "generator.hpp"
#include "hold.hpp"
#include "one_way.hpp"

namespace tractor::detail {

/// Calls the endpoint's function with its arguments, behind a `first` if it takes one.
template <auto Fn, class Arguments, class First>
auto call_endpoint(First& first, Arguments& args) {
  return std::apply(
      [&](auto&... arg) {
        if constexpr (std::is_same_v<typename signature<decltype(Fn)>::first, First>)
          return Fn(first, std::move(arg)...);
        else
          return Fn(std::move(arg)...);
      },
      args);
}

/// One call: it ends with an answer, with an error that is one, or cancelled. It frees itself.
template <auto Fn, class Arguments>
class endpoint_call final : task_owner {
 public:
  static void start(tractor_ctx* c, Arguments args) {
    auto self = std::make_unique<endpoint_call>(c, std::move(args));
    tractor_nursery* scope = tractor_ctx_nursery(c);
    if (self->task_.run(scope, *self)) return self->answer();
    self->work_ = hold(scope, "the endpoint's coroutine");
    self.release();
  }

  endpoint_call(tractor_ctx* c, Arguments args)
      : ctx_(c), args_(std::move(args)), task_(call_endpoint<Fn>(ctx_, args_)) {}

 private:
  using result = typename signature<decltype(Fn)>::result;

  void task_ended() noexcept override {
    answer();
    delete this;
  }
  void answer() const noexcept {
    tractor_ctx* c = ctx_.c_ctx();
    if (const failure& why = task_.failed()) return fail_scope(tractor_ctx_nursery(c), why);
    if constexpr (std::is_void_v<result>) {
      tractor_ctx_return_value(c, {});
    } else {
      try {
        tractor_ctx_return_value(c, encode(task_.take()));
      } catch (...) {
        fail_scope(tractor_ctx_nursery(c));
      }
    }
  }

  hold work_;  ///< once it waits: until then the library's own call does not end
  context ctx_;
  Arguments args_;
  task<result> task_;
};

/// The coroutine of an endpoint that only sends. What a generator yields is sent as soon as there is room for it.
template <auto Fn, class Arguments>
detached run_generator(tractor_nursery*, hold work, tractor_ctx* c, Arguments args) {
  using yielded = typename signature<decltype(Fn)>::result;
  try {
    tractor_stream* stream = nullptr;
    check(tractor_ctx_open_stream(c, nullptr, &stream));
    send_stream<yielded> out(stream);
    auto running = call_endpoint<Fn>(out, args);
    if constexpr (std::is_same_v<decltype(running), generator<yielded>>) {
      while (auto value = co_await running.receive()) co_await out.send(*value);
    } else {
      co_await std::move(running);
    }
    tractor_ctx_return_value(c, {});
  } catch (...) {
    fail_scope(work);
  }
}

template <auto Fn>
void serve(tractor_ctx* ctx, const tractor_value* args, void* user) {
  try {
    const auto& endpoint = *static_cast<const declaration*>(user);
    auto unpacked = received_arguments<arguments_of<decltype(Fn)>>(endpoint).unpack(args);
    if constexpr (signature<decltype(Fn)>::kind == TRACTOR_GENERATOR) {
      tractor_nursery* scope = tractor_ctx_nursery(ctx);
      run_generator<Fn>(scope, hold(scope, "the endpoint's coroutine"), ctx, std::move(unpacked));
    } else {
      endpoint_call<Fn, decltype(unpacked)>::start(ctx, std::move(unpacked));
    }
  } catch (const bad_arguments& why) {
    tractor_ctx_refuse(ctx, why.text.c_str());
  } catch (...) {
    fail_scope(tractor_ctx_nursery(ctx));
  }
}

}  // namespace tractor::detail
