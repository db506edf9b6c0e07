// Whom a call calls, and with what: an endpoint by the function that declares it, or by name.
#pragma once

#include <tractor/value.h>

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "arguments.hpp"
#include "codec.hpp"
#include "endpoint.hpp"
#include "error.hpp"
#include "hazard.hpp"
#include "text.hpp"
#include "value.hpp"

namespace tractor {

/// An argument of an endpoint that is called by its name: `named("n", 97)`. It refers to the value, and so belongs into the
/// expression that makes the call.
template <class T>
class named {
 public:
  template <class U>
  named(const char* name, U&& value) noexcept : name_(name), value_(value) {
    detail::refuse_hazards<U&&>();
  }
  void write(writer& w) const {
    w.text(name_);
    w.write(value_);
  }

 private:
  const char* name_;
  const T& value_;
};
template <class U>
named(const char*, U&&) -> named<std::remove_cvref_t<U>>;

namespace detail {

/// A map of arguments.
template <class... T>
tractor_bytes pack_named(const named<T>&... args) {
  scratch one;
  writer& w = one.get();
  w.map(sizeof...(T));
  (args.write(w), ...);
  return w.done();
}

/// A call as it stands in an expression: `call(use)` calls `use(module, name, args)`, once the expression is awaited.
template <class Fn, class... Args>
auto call_of(Fn fn, const Args&... args) {
  return [fn, given = std::tuple<const Args&...>(args...)](auto use) {
    const auto& endpoint = declaration_of(reinterpret_cast<any_function>(fn));
    return use(
        endpoint.module, endpoint.name,
        std::apply([&](const auto&... arg) { return pack_arguments<arguments_of<Fn>>(endpoint, arg...); }, given));
  };
}
template <class... T>
auto call_of(std::string_view endpoint, const named<T>&... args) {
  return [endpoint, ... args = args](auto use) {
    // Modules may be dotted, names of endpoints are not.
    auto dot = endpoint.rfind('.');
    if (dot == 0 || dot == endpoint.npos || dot + 1 == endpoint.size())
      throw misuse_error(TRACTOR_EINVAL, nullptr,
                         text_of("'", endpoint, "' is no endpoint: \"module.name\" is expected"));
    std::string module(endpoint.substr(0, dot)), name(endpoint.substr(dot + 1));
    return use(module.c_str(), name.c_str(), pack_named(args...));
  };
}

/// A call that is made later, with all that it needs.
class kept_call {
 public:
  template <class Call>
  explicit kept_call(const Call& call) {
    call([this](const char* module, const char* name, tractor_bytes args) {
      module_ = module;
      name_ = name;
      args_ = value(args);
    });
  }
  const char* module() const noexcept { return module_.c_str(); }
  const char* name() const noexcept { return name_.c_str(); }
  tractor_bytes args() const noexcept { return tractor_value_bytes(args_.c_value()); }

 private:
  std::string module_, name_;
  value args_;
};

/// Splits what a call with a body is given: `make(call, body)` gets the call of all but the last argument.
template <class Make, class Endpoint, class... ArgsAndBody>
auto with_body(Make make, Endpoint endpoint, ArgsAndBody&&... args_and_body) {
  static_assert(sizeof...(ArgsAndBody) > 0, "the last argument is the body");
  refuse_hazards<ArgsAndBody&&...>();
  constexpr std::size_t last = sizeof...(ArgsAndBody) - 1;
  refuse_hazard_bodies<std::tuple_element_t<last, std::tuple<ArgsAndBody&&...>>>();
  auto all = std::forward_as_tuple(std::forward<ArgsAndBody>(args_and_body)...);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return make(kept_call(call_of(endpoint, std::get<I>(all)...)), std::get<last>(std::move(all)));
  }
  (std::make_index_sequence<last>());
}

}  // namespace detail

}  // namespace tractor
