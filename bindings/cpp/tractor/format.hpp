// Values of C++ as text, for logs and eyes.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include "box.hpp"
#include "fields.hpp"
#include "value.hpp"

namespace tractor {

/// One member of a struct, as format() shows it.
struct field_line {
  std::string_view name;
  std::string value;
};

namespace detail {

/// Names that begin or end with `_` are private: their members travel, but are nobody's business.
constexpr bool is_public(std::string_view name) { return !name.starts_with('_') && !name.ends_with('_'); }

inline std::string quoted(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string shown = "\"";
  for (char c : text) {
    auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (shown += '\\') += c;
    else if (c == '\n')
      shown += "\\n";
    else if (code < 0x20 || code == 0x7f)
      ((shown += "\\x") += digits[code / 16]) += digits[code % 16];
    else
      shown += c;
  }
  return shown += '"';
}

template <class T>
std::string number(T v) {
  std::array<char, 64> text;
  return std::string(text.data(), std::to_chars(text.data(), text.data() + text.size(), v).ptr);
}

template <class T>
concept a_range = requires(const T& v) {
  v.begin() != v.end();
  *v.begin();
};
template <class T>
concept a_map = a_range<T> && requires {
  typename T::mapped_type;
};
template <class T>
concept a_tuple = requires {
  std::tuple_size<T>::value;
};
template <class T>
inline constexpr bool is_variant = false;
template <class... T>
inline constexpr bool is_variant<std::variant<T...>> = true;

/// Lines after the first are indented by two spaces for each struct around them.
class printer {
 public:
  template <class T>
  std::string text(const T& v) {
    if constexpr (has_fields<T>)
      return record(v);
    else if constexpr (std::same_as<T, bool>)
      return v ? "true" : "false";
    else if constexpr (std::is_enum_v<T>)
      return number(static_cast<std::underlying_type_t<T>>(v));
    else if constexpr (std::is_arithmetic_v<T>)
      return number(v);
    else if constexpr (std::same_as<T, std::byte>)
      return number(std::to_integer<unsigned>(v));
    else if constexpr (std::convertible_to<const T&, std::string_view>)
      return quoted(v);
    else if constexpr (std::same_as<T, value>)
      return v.json();
    else if constexpr (is_optional<T>)
      return v ? text(*v) : "none";
    else if constexpr (is_variant<T>)
      return std::visit([&](const auto& alternative) { return text(alternative); }, v);
    else if constexpr (a_map<T>)
      return list('{', v, '}', [&](const auto& pair) { return text(pair.first) + ": " + text(pair.second); });
    else if constexpr (a_range<T>)
      return list('[', v, ']', [&](const auto& element) { return text(element); });
    else if constexpr (a_tuple<T>)
      return std::apply(
          [&](const auto&... element) {
            return list('(', std::array<std::string, sizeof...(element)>{text(element)...}, ')', std::identity());
          },
          v);
    else
      return "<" + unqualified(typeid(T)) + ">";
  }

  template <has_fields T>
  std::vector<field_line> lines(const T& v) {
    constexpr auto names = T::tractor_field_names();
    std::vector<field_line> shown;
    std::size_t index = 0;
    auto add = [&](const auto& field) {
      if (std::string_view name = names[index++]; is_public(name)) shown.push_back({name, text(field)});
    };
    std::apply([&](const auto&... field) { (add(field), ...); }, v.tractor_fields());
    return shown;
  }

 private:
  template <class T>
  std::string record(const T& v) {
    std::string shown = unqualified(typeid(T)) + "(\n";
    indent_ += 2;
    for (const field_line& line : lines(v))
      (((shown.append(indent_, ' ') += line.name) += " = ") += line.value) += ",\n";
    indent_ -= 2;
    return shown.append(indent_, ' ') += ')';
  }
  template <class Range, class Show>
  static std::string list(char open, const Range& range, char close, Show show) {
    std::string shown(1, open);
    for (const auto& element : range) {
      if (shown.size() > 1) shown += ", ";
      shown += show(element);
    }
    return shown += close;
  }

  std::size_t indent_ = 0;
};

}  // namespace detail

/// A value as text: what TRACTOR_FIELDS names line by line, in brackets what is a container, strings in quotes. Members
/// whose names begin or end with `_` are not shown. What has neither fields nor a text is told by its type.
///
///     order(
///       id = 7,
///       name = "nuts",
///       at = point(
///         x = 1.5,
///         y = 2,
///       ),
///     )
template <class T>
std::string format(const T& v) {
  return detail::printer().text(v);
}

/// The members that format() shows, one by one.
template <detail::has_fields T>
std::vector<field_line> format_lines(const T& v) {
  return detail::printer().lines(v);
}

/// `using tractor::operator<<;` makes structs with TRACTOR_FIELDS printable.
template <detail::has_fields T>
std::ostream& operator<<(std::ostream& to, const T& v) {
  return to << format(v);
}

}  // namespace tractor
