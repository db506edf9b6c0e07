// What a callable says about its parameters.
#pragma once

#include <tuple>
#include <type_traits>

namespace tractor::detail {

/// Of a function, or of a lambda that is not generic: a tuple of its parameters' types.
template <class Fn>
struct signature_of : signature_of<decltype(&Fn::operator())> {};
template <class R, class... P>
struct signature_of<R (*)(P...)> {
  using parameters = std::tuple<P...>;
};
template <class R, class C, class... P>
struct signature_of<R (C::*)(P...)> : signature_of<R (*)(P...)> {};
template <class R, class C, class... P>
struct signature_of<R (C::*)(P...) const> : signature_of<R (*)(P...)> {};

template <class Fn>
using parameters_of = typename signature_of<std::decay_t<Fn>>::parameters;
template <class Fn>
using first_parameter = std::remove_cvref_t<std::tuple_element_t<0, parameters_of<Fn>>>;
template <class Fn>
using last_parameter =
    std::remove_cvref_t<std::tuple_element_t<std::tuple_size_v<parameters_of<Fn>> - 1, parameters_of<Fn>>>;

}  // namespace tractor::detail
