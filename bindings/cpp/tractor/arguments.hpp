// The arguments of a call: C++ values on both sides, a map in between.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "codec.hpp"
#include "endpoint.hpp"
#include "fields.hpp"
#include "hazard.hpp"
#include "text.hpp"

namespace tractor::detail {

/// Writes an argument as its parameter's type; integers have to fit, in a std::optional too.
template <class Parameter, class Arg>
void write_argument(writer& w, const char* name, const Arg& arg) {
  if constexpr (std::is_same_v<Parameter, Arg>) {
    w.write(arg);
  } else if constexpr (is_optional<Parameter> && std::is_integral_v<Arg>) {
    write_argument<typename Parameter::value_type>(w, name, arg);
  } else if constexpr (is_optional<Parameter> && is_optional<Arg>) {
    if (arg)
      write_argument<typename Parameter::value_type>(w, name, *arg);
    else
      w.nil();
  } else if constexpr (std::is_integral_v<Parameter> && std::is_integral_v<Arg> && !std::is_same_v<Parameter, bool> &&
                       !std::is_same_v<Arg, bool> && !std::is_same_v<Arg, char>) {
    if (!std::in_range<Parameter>(arg))
      throw misuse_error(TRACTOR_EINVAL, nullptr, text_of("argument '", name, "': ", arg, " is out of range"));
    w.write(static_cast<Parameter>(arg));
  } else {
    static_assert(std::is_convertible_v<const Arg&, Parameter>, "an argument does not convert to its parameter's type");
    const Parameter& converted = arg;
    w.write(converted);
  }
}

/// What a call sends: arguments under the names of the parameters that they are for.
template <class Parameters, class... Args>
tractor_bytes pack_arguments(const declaration& endpoint, const Args&... args) {
  static_assert(sizeof...(Args) == std::tuple_size_v<Parameters>, "wrong number of arguments");
  scratch one;
  writer& w = one.get();
  w.map(sizeof...(Args));
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((w.text(endpoint.parameters[I]),
      write_argument<std::tuple_element_t<I, Parameters>>(w, endpoint.parameters[I], args)),
     ...);
  }
  (std::index_sequence_for<Args...>());
  return w.done();
}

/// Why an endpoint does not take what it was called with.
struct bad_arguments {
  std::string text;
};

/// What an endpoint gets: the values of a map under its parameters' names, each exactly once; a std::optional may be missing.
template <class Arguments>
class received_arguments;
template <class... T>
class received_arguments<std::tuple<T...>> {
 public:
  explicit received_arguments(const declaration& endpoint) : endpoint_(endpoint) {}

  /// @throws bad_arguments that names the argument
  std::tuple<T...> unpack(const tractor_value* map) {
    try {
      reader r(map);
      for (std::uint32_t left = r.map(); left > 0; --left) take(r, r.text(), std::index_sequence_for<T...>());
    } catch (const msg_type_error& e) {
      refuse(e.what());
    }
    return given(std::index_sequence_for<T...>());
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const { throw bad_arguments{text_of(endpoint_.name, "(): ", why)}; }

  template <std::size_t... I>
  void take([[maybe_unused]] reader& r, std::string_view key, std::index_sequence<I...>) {
    if (!(take(r, key, endpoint_.parameters[I], std::get<I>(found_)) || ...))
      refuse(text_of("unexpected argument '", key, "'"));
  }
  template <class One>
  bool take(reader& r, std::string_view key, std::string_view name, std::optional<One>& argument) {
    if (key != name) return false;
    if (argument) refuse(text_of("argument '", key, "' is given twice"));
    reader::place here(r, key);
    argument.emplace(r.read<One>());
    return true;
  }

  template <std::size_t... I>
  std::tuple<T...> given(std::index_sequence<I...>) {
    return std::tuple<T...>(one<T>(std::get<I>(found_), endpoint_.parameters[I])...);
  }

  template <class One>
  One one(std::optional<One>& argument, const char* name) {
    if constexpr (is_optional<One>)
      if (!argument) return std::nullopt;
    if (!argument) refuse(text_of("missing argument '", name, "'"));
    return *std::move(argument);
  }

  const declaration& endpoint_;
  std::tuple<std::optional<T>...> found_;
};

}  // namespace tractor::detail
