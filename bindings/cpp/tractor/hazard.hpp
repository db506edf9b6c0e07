// What g++ 12 gets wrong inside a `co_await` expression. Whatever may be called there and takes something of the caller's own
// type refuses it.
#pragma once

#include <type_traits>

namespace tractor::detail {

/// g++ 12 destroys it twice if it is written inside a `co_await` expression.
template <class T>
inline constexpr bool is_hazard =
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
    !std::is_lvalue_reference_v<T> && std::is_aggregate_v<std::remove_cvref_t<T>> &&
    !std::is_array_v<std::remove_cvref_t<T>> && !std::is_trivially_destructible_v<std::remove_cvref_t<T>>;
#else
    false;
#endif

/// The same goes for a lambda that captures something with a destructor.
template <class T>
inline constexpr bool is_hazard_body =
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
    !std::is_lvalue_reference_v<T> && !std::is_trivially_destructible_v<std::remove_cvref_t<T>>;
#else
    false;
#endif

template <class... T>
constexpr void refuse_hazards() {
  static_assert(
      !(is_hazard<T> || ...),
      "g++ 12 destroys this value twice if it is made inside a co_await or co_yield expression: name it first, "
      "and don't move it");
}
template <class... Body>
constexpr void refuse_hazard_bodies() {
  static_assert(
      !(is_hazard_body<Body> || ...),
      "g++ 12 destroys this lambda twice if it is made inside a co_await expression: capture by reference, or "
      "name it first");
}

}  // namespace tractor::detail
