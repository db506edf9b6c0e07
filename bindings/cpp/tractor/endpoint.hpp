// Endpoints: functions that other actors may call, declared once for both sides.
#pragma once

#include <tractor/actor.h>
#include <tractor/ctx.h>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "codec.hpp"
#include "error.hpp"
#include "schema.hpp"
#include "task.hpp"
#include "text.hpp"

namespace tractor {

class context;
template <class T>
class generator;
class module;
template <class T>
class send_stream;

namespace detail {

using any_function = void (*)();

/// What a parameter is before the function has it: a `const std::string&` is made from a std::string.
template <class Parameter>
using argument = std::remove_cvref_t<Parameter>;

/// What the type of an endpoint function says. `first` is what it takes before its arguments, `result` what it returns or
/// yields.
template <class Fn>
struct signature;
template <class R, class... P>
struct signature<task<R> (*)(P...)> {
  using first = void;
  using result = R;
  using arguments = std::tuple<argument<P>...>;
  static constexpr tractor_endpoint_kind kind = TRACTOR_FUNCTION;
};
template <class R, class... P>
struct signature<task<R> (*)(context&, P...)> {
  using first = context;
  using result = R;
  using arguments = std::tuple<argument<P>...>;
  static constexpr tractor_endpoint_kind kind = TRACTOR_CONTEXT;
};
template <class T, class... P>
struct signature<generator<T> (*)(P...)> {
  using first = void;
  using result = T;
  using arguments = std::tuple<argument<P>...>;
  static constexpr tractor_endpoint_kind kind = TRACTOR_GENERATOR;
};
template <class T, class... P>
struct signature<task<> (*)(send_stream<T>&, P...)> {
  using first = send_stream<T>;
  using result = T;
  using arguments = std::tuple<argument<P>...>;
  static constexpr tractor_endpoint_kind kind = TRACTOR_GENERATOR;
};
template <class Fn>
using arguments_of = typename signature<Fn>::arguments;

/// One endpoint as it was declared.
struct declaration {
  const char* name;
  any_function function;
  std::uint32_t kind;
  tractor_endpoint_fn serve;
  std::vector<const char*> parameters;
  std::string (*result)();  // its type as a schema
  std::string payloads{};
  const char* description = nullptr;
  const char* module = nullptr;

  /// What it starts with and what it streams, in either direction, is checked on both sides, and so is its result:
  /// `TRACTOR_CONTEXT(plot, "unit").types<greeting, point>()`.
  template <class Started = void, class... Stream>
  declaration types() const {
    declaration typed(*this);
    typed.payloads = kind == TRACTOR_GENERATOR ? "stream: " : "return: ";
    typed.payloads += result();
    if (kind == TRACTOR_CONTEXT) typed.payloads += text_of("; started: ", schema_of<Started>());
    if constexpr (sizeof...(Stream) > 0) typed.payloads += text_of("; stream: ", schema_of<std::variant<Stream...>>());
    return typed;
  }
  /// The same as a text, see tractor/schema.h.
  declaration schema(const char* text) const {
    declaration typed(*this);
    typed.payloads = text;
    return typed;
  }
  /// One line for people.
  declaration doc(const char* line) const {
    declaration described(*this);
    described.description = line;
    return described;
  }
};

/// The endpoint that a function was declared as. @throws misuse_error if it was not
const declaration& declaration_of(any_function function);

/// The body of an endpoint, see serve.hpp; `user` is the declaration.
template <auto Fn>
void serve(tractor_ctx* ctx, const tractor_value* args, void* user);

template <auto Fn, class... Names>
declaration declare(std::string_view name, Names... parameters) {
  static_assert(sizeof...(Names) == std::tuple_size_v<arguments_of<decltype(Fn)>>,
                "an endpoint's declaration names each of its parameters, but for the context or stream");
  auto colons = name.rfind("::");
  return {name.data() + (colons == name.npos ? 0 : colons + 2),
          reinterpret_cast<any_function>(Fn),
          signature<decltype(Fn)>::kind,
          serve<Fn>,
          {parameters...},
          schema_of<typename signature<decltype(Fn)>::result>};
}

template <auto Fn, class... Names>
declaration declare_function(std::string_view name, Names... parameters) {
  static_assert(
      signature<decltype(Fn)>::kind == TRACTOR_FUNCTION,
      "what takes a context& is a TRACTOR_CONTEXT; what yields, or takes a send_stream&, a TRACTOR_GENERATOR");
  return declare<Fn>(name, parameters...);
}

template <auto Fn, class... Names>
declaration declare_context(std::string_view name, Names... parameters) {
  static_assert(signature<decltype(Fn)>::kind == TRACTOR_CONTEXT,
                "the first parameter of a TRACTOR_CONTEXT is a context&");
  return declare<Fn>(name, parameters...);
}

template <auto Fn, class... Names>
declaration declare_generator(std::string_view name, Names... parameters) {
  static_assert(signature<decltype(Fn)>::kind == TRACTOR_GENERATOR,
                "a TRACTOR_GENERATOR gives a generator<T>, or its first parameter is a send_stream<T>&");
  return declare<Fn>(name, parameters...);
}

}  // namespace detail

/// A set of endpoints under one name; made by TRACTOR_MODULE, and lives as long as the program. An actor serves the modules
/// that it was started with.
class module {
 public:
  module(const char* name, std::initializer_list<detail::declaration> endpoints) :name_(name), endpoints_(endpoints),
      next_(std::exchange(first(), this)) {
    for (auto& endpoint : endpoints_) endpoint.module = name;
  }
  module(const module&) = delete;
  module& operator=(const module&) = delete;

  const char* name() const noexcept { return name_; }

  /// Makes all modules of the program known to the library, once; tractor::run() does it.
  /// @throws misuse_error if two endpoints of one module have the same name, msg_type_error for a schema that is none
  static void register_all() {
    for (module* m = first(); m; m = m->next_) {
      if (std::exchange(m->registered_, true)) continue;
      for (auto& e : m->endpoints_) m->add(e);
    }
  }

 private:
  friend const detail::declaration& detail::declaration_of(detail::any_function);

  void add(detail::declaration& e) const {
    const char* schema = e.payloads.empty() ? nullptr : e.payloads.c_str();
    const tractor_endpoint endpoint{e.name, e.serve, e.kind, 0, schema, e.description, {nullptr, nullptr}};
    int status = tractor_register_endpoint(name_, &endpoint, &e, nullptr);
    if (status == TRACTOR_OK) return;
    error_ptr why(tractor_error_newf(status, nullptr, "endpoint %s.%s: %s", name_, e.name, tractor_strerror(status)));
    throw_error(why.get());
  }

  static module*& first() {
    static module* head = nullptr;
    return head;
  }

  const char* name_;
  std::vector<detail::declaration> endpoints_;
  module* next_;
  bool registered_ = false;
};

inline const detail::declaration& detail::declaration_of(any_function function) {
  for (module* m = module::first(); m; m = m->next_)
    for (const declaration& d : m->endpoints_)
      if (d.function == function) return d;
  throw misuse_error(TRACTOR_ENOENDPOINT, "ModuleNotExposed", "the function called stands in no TRACTOR_MODULE");
}

}  // namespace tractor

/// `task<R> fn(Args...)` as an endpoint, with the names of its parameters: TRACTOR_FN(add, "x", "y").
#define TRACTOR_FN(fn, ...) ::tractor::detail::declare_function<&fn>(#fn __VA_OPT__(, ) __VA_ARGS__)

/// `task<R> fn(context&, Args...)` as an endpoint that is opened, with the names of the parameters behind the context.
#define TRACTOR_CONTEXT(fn, ...) ::tractor::detail::declare_context<&fn>(#fn __VA_OPT__(, ) __VA_ARGS__)

/// `generator<T> fn(Args...)` or `task<> fn(send_stream<T>&, Args...)` as an endpoint that only sends, with the names of the
/// parameters behind the stream.
#define TRACTOR_GENERATOR(fn, ...) ::tractor::detail::declare_generator<&fn>(#fn __VA_OPT__(, ) __VA_ARGS__)

/// A module of endpoints, at namespace scope, in a header too: TRACTOR_MODULE(sums, TRACTOR_FN(add, "x", "y"));
#define TRACTOR_MODULE(name, ...) inline ::tractor::module name(#name, {__VA_ARGS__})
