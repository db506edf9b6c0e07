// What has to be entered before it is used, and left after that.
#pragma once

#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "callable.hpp"
#include "task.hpp"

namespace tractor {

/// The code that a resource is opened for: the last parameter of a function that opens one, makes the value, calls the block
/// with it, and takes everything back when that has ended. (A destructor can't wait; hence a function around a block.)
///
///     task<> open_feed(portal worker, int first, block<feed> use) {
///       co_await worker.with_context(serve_feed, first, [&](auto& ctx) -> task<> {
///         co_await use(feed(ctx));   // throws what the block throws
///       });
///     }
///
/// It may be called at any depth, once. Such a function is called with a lambda for the block:
///
///     co_await open_feed(worker, 1, [&](feed f) -> task<> { ... });
///
/// A block refers to what it was made of, which has to live until it has ended.
template <class... T>
class block {
 public:
  template <class Fn>
  requires(!std::is_same_v<std::remove_cvref_t<Fn>, block> && std::is_invocable_r_v<task<>, Fn&, T...>) block(Fn&& fn)
  noexcept
      : fn_(reinterpret_cast<any*>(std::addressof(fn))), call_([](any* f, T... values) -> task<> {
          return (*reinterpret_cast<std::remove_reference_t<Fn>*>(f))(std::forward<T>(values)...);
        }) {}

  task<> operator()(T... values) const { return call_(fn_, std::forward<T>(values)...); }

 private:
  using any = void();  // a function too can be pointed to as one
  any* fn_;
  task<> (*call_)(any*, T...);
};

namespace detail {

template <class Block>
struct block_of;
template <class T>
struct block_of<block<T>> {
  using value = T;
};

}  // namespace detail

/// A function that opens something, with its arguments, to be opened once, later. The function is as `block` says.
///
///     resource<feed> first(open_feed, worker, 1);
template <class T>
class resource {
 public:
  template <class Fn, class... Args>
  requires(!std::is_same_v<std::remove_cvref_t<Fn>, resource>) explicit resource(Fn fn, Args... args)
      : opener_(std::make_unique<opener_of<Fn, Args...>>(std::move(fn), std::move(args)...)) {}

  /// Opens it, runs the block, and closes it. @throws what the block or the resource throws
  task<> operator()(block<T> use) { return opener_->open(use); }

 private:
  struct opener {
    virtual ~opener() = default;
    virtual task<> open(block<T> use) = 0;
  };
  template <class Fn, class... Args>
  struct opener_of final : opener {
    opener_of(Fn f, Args... a) : fn(std::move(f)), args(std::move(a)...) {}
    task<> open(block<T> use) override {
      return std::apply([&](Args&... a) { return std::invoke(fn, std::move(a)..., use); }, args);
    }
    Fn fn;
    std::tuple<Args...> args;
  };

  std::unique_ptr<opener> opener_;
};

template <class Fn, class... Args>
resource(Fn, Args...) -> resource<typename detail::block_of<detail::last_parameter<Fn>>::value>;

namespace detail {

template <class>
inline constexpr bool is_resource = false;
template <class T>
inline constexpr bool is_resource<resource<T>> = true;

}  // namespace detail

}  // namespace tractor
