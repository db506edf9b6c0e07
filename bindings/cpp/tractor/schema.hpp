// Payload types, from C++ types or as texts; see tractor/schema.h for the language.
#pragma once

#include <tractor/schema.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "codec.hpp"
#include "error.hpp"
#include "fields.hpp"
#include "text.hpp"
#include "value.hpp"

namespace tractor {

/// The payload type that a C++ type travels as: `codec<T>::schema()` if there is one, else as the table in codec.hpp has it.
/// What it does not know is "any".
///
///     schema_of<point>()  // "{x: float, y: float}"
template <class T>
std::string schema_of();

namespace detail {

/// The structs that a schema is being written of: one inside itself is "any", because texts have no recursion.
struct schema_path {
  const schema_path* up;
  const void* type;
  bool has(const void* other) const noexcept { return type == other || (up && up->has(other)); }
};
template <class T>
inline constexpr char type_tag = 0;

template <class T>
struct schema_text;

template <class... T>
std::string joined_schemas(const schema_path* in, std::string_view between) {
  std::string text;
  ((text += text.empty() ? "" : between, text += schema_text<T>::of(in)), ...);
  return text;
}

template <class T>
struct schema_text {
  static std::string of(const schema_path* in) {
    if constexpr (requires { codec<T>::schema(); })
      return std::string(codec<T>::schema());
    else if constexpr (std::same_as<T, bool>)
      return "bool";
    else if constexpr (std::integral<T> || std::is_enum_v<T>)
      return "int";
    else if constexpr (std::floating_point<T>)
      return "float";
    else if constexpr (std::is_void_v<T> || std::same_as<T, std::nullptr_t> || std::same_as<T, std::monostate>)
      return "None";
    else if constexpr (std::is_convertible_v<const T&, std::string_view>)
      return "str";
    else if constexpr (has_fields<T>)
      return fields(in);
    else
      return "any";
  }

 private:
  static std::string fields(const schema_path* in) {
    if (in && in->has(&type_tag<T>)) return "any";
    schema_path here{in, &type_tag<T>};
    constexpr auto names = T::tractor_field_names();
    std::string text;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      using members = decltype(std::declval<T&>().tractor_fields());
      ((text += I ? ", " : "", field<std::remove_cvref_t<std::tuple_element_t<I, members>>>(text, names[I], here)),
       ...);
    }
    (std::make_index_sequence<names.size()>());
    return text_of("{", text, "}");
  }
  template <class Field>
  static void field(std::string& text, std::string_view name, const schema_path& here) {
    text += name;
    text += is_optional<Field> ? "?: " : ": ";
    text += schema_text<Field>::of(&here);
  }
};

template <class T>
struct schema_text<std::optional<T>> {
  static std::string of(const schema_path* in) { return text_of(schema_text<T>::of(in), " | None"); }
};
template <class... T>
struct schema_text<std::variant<T...>> {
  static std::string of(const schema_path* in) { return joined_schemas<T...>(in, " | "); }
};
template <>
struct schema_text<std::vector<std::byte>> {
  static std::string of(const schema_path*) { return "bytes"; }
};
template <class T>
struct schema_text<std::vector<T>> {
  static std::string of(const schema_path* in) { return text_of("list[", schema_text<T>::of(in), "]"); }
};
template <class... T>
struct schema_text<std::tuple<T...>> {
  static std::string of(const schema_path* in) { return text_of("tuple[", joined_schemas<T...>(in, ", "), "]"); }
};
template <class A, class B>
struct schema_text<std::pair<A, B>> : schema_text<std::tuple<A, B>> {};
template <class T, std::size_t N>
struct schema_text<std::array<T, N>> {
  static std::string of(const schema_path* in) { return text_of("list[", schema_text<T>::of(in), "]"); }
};
template <class K, class V, class... More>
struct schema_text<std::map<K, V, More...>> {
  static std::string of(const schema_path* in) { return text_of("dict[", joined_schemas<K, V>(in, ", "), "]"); }
};
template <class K, class V, class... More>
struct schema_text<std::unordered_map<K, V, More...>> : schema_text<std::map<K, V>> {};

}  // namespace detail

template <class T>
std::string schema_of() {
  return detail::schema_text<T>::of(nullptr);
}

/// Holds one value against one type: for tests and tools.
/// @throws msg_type_error that names the place, "$.points[3].x: expected float, found 'hello' (str)"; misuse_error if the text is
///         no type
inline void schema_check(const char* type, const value& v) {
  char why[256];
  int status = tractor_schema_check(type, tractor_value_bytes(v.c_value()), why, sizeof why);
  if (status == TRACTOR_OK) return;
  error_ptr e(tractor_error_newf(status, nullptr, "%s", why));
  throw_error(e.get());
}

}  // namespace tractor
