// How an endpoint runs.
#pragma once

#include <tractor/ctx.h>

#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

#include "arguments.hpp"
#include "context.hpp"
#include "detached.hpp"
#include "endpoint.hpp"
#include "hold.hpp"

namespace tractor::detail {

template <auto Fn, class Arguments>
auto call_endpoint(context& ctx, Arguments& args) {
  return std::apply(
      [&](auto&... arg) {
        if constexpr (signature<decltype(Fn)>::takes_context)
          return Fn(ctx, std::move(arg)...);
        else
          return Fn(std::move(arg)...);
      },
      args);
}

/// The coroutine of one call: it ends with an answer, with an error that is one, or cancelled.
template <auto Fn, class Arguments>
detached run_endpoint(tractor_nursery*, hold work, tractor_ctx* c, Arguments args) {
  context ctx(c);
  try {
    if constexpr (std::is_void_v<typename signature<decltype(Fn)>::result>) {
      co_await call_endpoint<Fn>(ctx, args);
      tractor_ctx_return_value(c, {});
    } else {
      auto result = co_await call_endpoint<Fn>(ctx, args);
      tractor_ctx_return_value(c, encode(result));
    }
  } catch (...) {
    fail_scope(work);
  }
}

template <auto Fn>
void serve(tractor_ctx* ctx, const tractor_value* args, void* user) {
  try {
    const auto& endpoint = *static_cast<const declaration*>(user);
    auto unpacked = received_arguments<arguments_of<decltype(Fn)>>(endpoint).unpack(args);
    tractor_nursery* scope = tractor_ctx_nursery(ctx);
    run_endpoint<Fn>(scope, hold(scope, "the endpoint's coroutine"), ctx, std::move(unpacked));
  } catch (...) {
    error_ptr why = box_current_exception();
    tractor_ctx_raise(ctx, why.get());
  }
}

}  // namespace tractor::detail
