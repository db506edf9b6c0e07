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

/// The coroutine of one call: it ends with an answer, with an error that is one, or cancelled.
template <auto Fn, class Arguments>
detached run_endpoint(tractor_nursery*, hold work, tractor_ctx* c, Arguments args) {
  using result = typename signature<decltype(Fn)>::result;
  context ctx(c);
  try {
    if constexpr (std::is_void_v<result>) {
      co_await call_endpoint<Fn>(ctx, args);
      tractor_ctx_return_value(c, {});
    } else {
      auto value = co_await call_endpoint<Fn>(ctx, args);
      tractor_ctx_return_value(c, encode(value));
    }
  } catch (...) {
    fail_scope(work);
  }
}

/// The same of an endpoint that only sends. What a generator yields is sent as soon as there is room for it.
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
    tractor_nursery* scope = tractor_ctx_nursery(ctx);
    hold work(scope, "the endpoint's coroutine");
    if constexpr (signature<decltype(Fn)>::kind == TRACTOR_GENERATOR)
      run_generator<Fn>(scope, std::move(work), ctx, std::move(unpacked));
    else
      run_endpoint<Fn>(scope, std::move(work), ctx, std::move(unpacked));
  } catch (const bad_arguments& why) {
    tractor_ctx_refuse(ctx, why.text.c_str());
  } catch (...) {
    error_ptr why = box_current_exception();
    tractor_ctx_raise(ctx, why.get());
  }
}

}  // namespace tractor::detail
