// Several resources at once.
#pragma once

#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "error.hpp"
#include "event.hpp"
#include "hazard.hpp"
#include "resource.hpp"
#include "task.hpp"
#include "task_group.hpp"

namespace tractor {

namespace detail {

/// The resources of one gather_contexts(), from their opening to the end of all. It is shared by their tasks, which may be the
/// last ones to see it.
template <class Resources, class Values>
class gathering : public std::enable_shared_from_this<gathering<Resources, Values>> {
 public:
  gathering(Resources all, Values none_yet, std::size_t count)
      : resources(std::move(all)), values(std::move(none_yet)), missing_(count) {}

  template <class T>
  void enter(task_group& group, resource<T>& what, std::optional<T>& value) {
    group.start_soon("a gathered resource", [self = this->shared_from_this(), scope = group.c_nursery(), &what,
                                             &value] { return self->keep_open(scope, what, value); });
  }
  auto all_entered() noexcept { return entered_.wait(); }
  void leave() noexcept { leave_.set(); }

  Resources resources;
  Values values;

 private:
  template <class T>
  task<> keep_open(tractor_nursery* group, resource<T>& what, std::optional<T>& value) {
    auto stay = [&](T given) -> task<> {
      if (value) throw misuse_error(TRACTOR_ERUNTIME, "RuntimeError", "a resource has called its block twice");
      value.emplace(std::move(given));
      if (--missing_ == 0) entered_.set();
      co_await leave_.wait();
    };
    co_await what(stay);
    if (!value) throw misuse_error(TRACTOR_ERUNTIME, "RuntimeError", "a resource has ended without calling its block");
    // One that has cut its block short has done so to the common one.
    if (!leave_.is_set()) tractor_nursery_cancel(group, "a gathered resource has ended");
  }

  std::size_t missing_;
  event entered_, leave_;
};

template <class T, class Body>
task<> gather(std::vector<resource<T>> resources, Body body) {
  if (resources.empty()) throw error("ValueError", "gather_contexts() of nothing");
  using values = std::vector<std::optional<T>>;
  std::size_t count = resources.size();
  auto all = std::make_shared<gathering<std::vector<resource<T>>, values>>(std::move(resources), values(count), count);
  co_await with_task_group([&](task_group& g) -> task<> {
    for (std::size_t i = 0; i < count; ++i) all->enter(g, all->resources[i], all->values[i]);
    co_await all->all_entered();
    std::vector<T> entered;
    entered.reserve(count);
    for (std::optional<T>& value : all->values) entered.push_back(*std::move(value));
    co_await body(entered);
    all->leave();
  });
}

template <class Body, class... T>
task<> gather(std::tuple<resource<T>...> resources, Body body) {
  using values = std::tuple<std::optional<T>...>;
  auto all =
      std::make_shared<gathering<std::tuple<resource<T>...>, values>>(std::move(resources), values(), sizeof...(T));
  co_await with_task_group([&](task_group& g) -> task<> {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (all->enter(g, std::get<I>(all->resources), std::get<I>(all->values)), ...);
    }
    (std::index_sequence_for<T...>());
    co_await all->all_entered();
    co_await std::apply([&](auto&... value) { return body(*value...); }, all->values);
    all->leave();
  });
}

}  // namespace detail

/// Opens all resources at the same time, runs `body(values)`, a std::vector<T>& in the order of the resources, and closes them
/// all at the same time. If one fails, or the body does, the others are cut short, as in a task group.
///
///     std::vector<resource<feed>> feeds;
///     for (portal worker : workers) feeds.emplace_back(open_feed, worker, 1);
///     co_await gather_contexts(std::move(feeds), [&](std::vector<feed>& all) -> task<> { ... });
///
/// @throws error, a "ValueError", if there are none; what the resources and the body throw
template <class T, class Body>
[[nodiscard]] task<> gather_contexts(std::vector<resource<T>> resources, Body&& body) {
  detail::refuse_hazard_bodies<Body&&>();
  return detail::gather<T, Body>(std::move(resources), std::forward<Body>(body));
}

/// The same with resources of several types, in a std::tuple, and with as many parameters of the body: `body(T1&, T2&)`.
template <class... T, class Body>
[[nodiscard]] task<> gather_contexts(std::tuple<resource<T>...> resources, Body&& body) {
  static_assert(sizeof...(T) > 0, "gather_contexts() of nothing");
  detail::refuse_hazard_bodies<Body&&>();
  return detail::gather<Body, T...>(std::move(resources), std::forward<Body>(body));
}

}  // namespace tractor
