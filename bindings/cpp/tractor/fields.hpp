// Structs as payloads.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "codec.hpp"

/// Inside a struct: these members travel, as a map with their names as keys, in any order.
///
///     struct point {
///       double x = 0, y = 0;
///       TRACTOR_FIELDS(x, y)
///     };
///
/// The struct stays an aggregate. A member that is missing in a map is an error unless it is a std::optional; keys that
/// are no members are let pass.
#define TRACTOR_FIELDS(...)                                                   \
  auto tractor_fields() { return std::tie(__VA_ARGS__); }                     \
  auto tractor_fields() const { return std::tie(__VA_ARGS__); }               \
  static constexpr auto tractor_field_names() {                               \
    constexpr std::string_view list = #__VA_ARGS__;                           \
    return ::tractor::detail::split<::tractor::detail::names_in(list)>(list); \
  }

namespace tractor {

namespace detail {

constexpr std::size_t names_in(std::string_view list) {
  std::size_t count = !list.empty();
  for (char c : list) count += c == ',';
  return count;
}

/// "x, y" as {"x", "y"}.
template <std::size_t N>
constexpr std::array<std::string_view, N> split(std::string_view list) {
  std::array<std::string_view, N> names;
  for (auto& name : names) {
    list.remove_prefix(list.find_first_not_of(' '));
    name = list.substr(0, list.find_first_of(", "));
    list.remove_prefix(std::min(list.find(',') + 1, list.size()));
  }
  return names;
}

template <class T>
concept has_fields = requires(T v) {
  v.tractor_fields();
  T::tractor_field_names();
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

}  // namespace detail

template <detail::has_fields T>
struct codec<T> {
  static constexpr auto names = T::tractor_field_names();

  static void write(writer& w, const T& v) {
    w.map(names.size());
    each([&](auto index) {
      w.text(names[index]);
      w.write(std::get<index>(v.tractor_fields()));
    });
  }
  static T read(reader& r) {
    T v{};
    std::array<bool, names.size()> seen{};
    for (std::uint32_t i = 0, count = r.map(); i < count; ++i) {
      std::string_view key = r.text();
      bool known = false;
      each([&](auto index) {
        if (key != names[index]) return;
        reader::place here(r, names[index]);
        auto& field = std::get<index>(v.tractor_fields());
        field = r.read<std::remove_reference_t<decltype(field)>>();
        seen[index] = known = true;
      });
      if (!known) r.skip();
    }
    each([&](auto index) {
      using field = std::remove_cvref_t<decltype(std::get<index>(v.tractor_fields()))>;
      reader::place here(r, names[index]);
      if (!seen[index] && !detail::is_optional<field>) r.fail("expected a value, found nothing");
    });
    return v;
  }

 private:
  template <class F>
  static void each(F f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (f(std::integral_constant<std::size_t, I>()), ...); }
    (std::make_index_sequence<names.size()>());
  }
};

}  // namespace tractor
