// How C++ types travel. A type of your own gets TRACTOR_FIELDS, or a specialisation of codec<T> with the same two
// functions as those below.
//
// | C++                                          | travels as                              |
// |----------------------------------------------|-----------------------------------------|
// | bool, integers, enums, float, double         | bool, int, float; checked for its range |
// | std::string, string_view, const char *       | str                                     |
// | std::vector<std::byte>, span                 | bytes                                   |
// | std::nullptr_t, std::monostate               | nil                                     |
// | std::optional<T>                             | nil or T                                |
// | std::vector, std::array, std::pair, tuple    | array                                   |
// | std::map, std::unordered_map                 | map                                     |
// | std::variant<T...>                           | the first that fits what is there       |
// | a struct with TRACTOR_FIELDS                 | map with strings as keys                |
// | tractor::value; value_view, tractor_bytes    | whatever it is                          |
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "reader.hpp"
#include "text.hpp"
#include "writer.hpp"

namespace tractor {

template <>
struct codec<bool> {
  static void write(writer& w, bool v) { w.boolean(v); }
  static bool read(reader& r) { return r.boolean(); }
};

/// Plain char is neither a small number nor a text, so it has no codec.
template <std::integral T>
requires(!std::same_as<T, bool> && !std::same_as<T, char> && sizeof(T) <= 8) struct codec<T> {
  static void write(writer& w, T v) {
    if constexpr (std::is_signed_v<T>)
      w.integer(v);
    else
      w.unsigned_integer(v);
  }
  static T read(reader& r) {
    if constexpr (std::is_signed_v<T>)
      return fit(r, r.integer());
    else
      return fit(r, r.unsigned_integer());
  }

 private:
  template <class Wide>
  static T fit(reader& r, Wide v) {
    if (!std::in_range<T>(v)) r.fail(detail::text_of("expected an int of ", 8 * sizeof(T), " bits, found int ", v));
    return static_cast<T>(v);
  }
};

template <class T>
requires std::is_enum_v<T>
struct codec<T> {
  using number = std::underlying_type_t<T>;
  static void write(writer& w, T v) { codec<number>::write(w, static_cast<number>(v)); }
  static T read(reader& r) { return static_cast<T>(codec<number>::read(r)); }
};

template <std::floating_point T>
struct codec<T> {
  static void write(writer& w, T v) { w.real(static_cast<double>(v)); }
  static T read(reader& r) {
    double v = r.real();
    if constexpr (sizeof(T) < sizeof(double))
      if (std::isfinite(v) && std::abs(v) > std::numeric_limits<T>::max())
        r.fail(detail::text_of("expected a float of ", 8 * sizeof(T), " bits, found one that it can't hold"));
    return static_cast<T>(v);
  }
};

template <>
struct codec<std::string> {
  static void write(writer& w, std::string_view v) { w.text(v); }
  static std::string read(reader& r) { return std::string(r.text()); }
};

/// Text and bytes that are only looked at can be sent, but not received: nobody would own them.
template <>
struct codec<std::string_view> {
  static void write(writer& w, std::string_view v) { w.text(v); }
};
template <>
struct codec<const char*> : codec<std::string_view> {};
template <std::size_t N>
struct codec<char[N]> : codec<std::string_view> {};

template <class Byte, std::size_t N>
requires std::same_as<std::remove_const_t<Byte>, std::byte>
struct codec<std::span<Byte, N>> {
  static void write(writer& w, std::span<const std::byte> v) { w.bytes(v); }
};
template <>
struct codec<std::vector<std::byte>> {
  static void write(writer& w, const std::vector<std::byte>& v) { w.bytes(v); }
  static std::vector<std::byte> read(reader& r) {
    auto v = r.bytes();
    return {v.begin(), v.end()};
  }
};

template <class T>
requires std::same_as<T, std::nullptr_t> || std::same_as<T, std::monostate>
struct codec<T> {
  static void write(writer& w, T) { w.nil(); }
  static T read(reader& r) { return r.nil(), T{}; }
};

template <class T>
struct codec<std::optional<T>> {
  static void write(writer& w, const std::optional<T>& v) {
    if (v)
      w.write(*v);
    else
      w.nil();
  }
  static std::optional<T> read(reader& r) {
    if (r.next_type() != TRACTOR_TYPE_NIL) return r.read<T>();
    r.nil();
    return std::nullopt;
  }
};

template <class T>
struct codec<std::vector<T>> {
  static void write(writer& w, const std::vector<T>& v) {
    w.array(v.size());
    for (const T& element : v) w.write(element);
  }
  static std::vector<T> read(reader& r) {
    std::vector<T> v;
    // Not reserved: the number of elements is only what the sender claims.
    for (std::uint32_t i = 0, count = r.array(); i < count; ++i) {
      reader::place here(r, i);
      v.push_back(r.read<T>());
    }
    return v;
  }
};

/// std::array, pair and tuple: an array of just these elements.
template <class T>
struct tuple_codec {
  static constexpr std::size_t size = std::tuple_size_v<T>;

  static void write(writer& w, const T& v) {
    w.array(size);
    std::apply([&](const auto&... element) { (w.write(element), ...); }, v);
  }
  static T read(reader& r) {
    if (auto count = r.array(); count != size)
      r.fail(detail::text_of("expected an array of ", size, ", found one of ", count));
    return [&]<std::size_t... I>(std::index_sequence<I...>) { return T{element<I>(r)...}; }
    (std::make_index_sequence<size>());
  }

 private:
  template <std::size_t I>
  static auto element(reader& r) {
    reader::place here(r, I);
    return r.read<std::tuple_element_t<I, T>>();
  }
};
template <class T, std::size_t N>
struct codec<std::array<T, N>> : tuple_codec<std::array<T, N>> {};
template <class A, class B>
struct codec<std::pair<A, B>> : tuple_codec<std::pair<A, B>> {};
template <class... T>
struct codec<std::tuple<T...>> : tuple_codec<std::tuple<T...>> {};

template <class Map>
struct map_codec {
  static void write(writer& w, const Map& v) {
    w.map(v.size());
    for (const auto& [key, value] : v) {
      w.write(key);
      w.write(value);
    }
  }
  static Map read(reader& r) {
    Map v;
    for (std::uint32_t i = 0, count = r.map(); i < count; ++i) {
      reader::place here(r, i);
      auto key = r.read<typename Map::key_type>();
      v.insert_or_assign(std::move(key), r.read<typename Map::mapped_type>());
    }
    return v;
  }
};
template <class K, class V, class... More>
struct codec<std::map<K, V, More...>> : map_codec<std::map<K, V, More...>> {};
template <class K, class V, class... More>
struct codec<std::unordered_map<K, V, More...>> : map_codec<std::unordered_map<K, V, More...>> {};

/// The alternatives are tried in turn, so one that takes everything, such as value, stands last.
template <class... T>
struct codec<std::variant<T...>> {
  static void write(writer& w, const std::variant<T...>& v) {
    std::visit([&](const auto& alternative) { w.write(alternative); }, v);
  }
  static std::variant<T...> read(reader& r) {
    tractor_bytes bytes = r.raw();
    value_ptr one(tractor_value_new(bytes));
    if (!one) throw std::bad_alloc();
    std::optional<std::variant<T...>> v;
    (attempt<T>(v, one.get()) || ...);
    if (!v) {
      text_ptr shown(tractor_value_json(one.get()));
      r.fail(detail::text_of("none of the alternatives fits ", shown ? shown.get() : "it"));
    }
    return *std::move(v);
  }

 private:
  template <class One>
  static bool attempt(std::optional<std::variant<T...>>& v, const tractor_value* value) {
    try {
      v.emplace(decode<One>(value));
      return true;
    } catch (const msg_type_error&) {
      return false;
    }
  }
};

}  // namespace tractor
