// The way of a C++ exception into the C library: into a nursery, and on to other actors.
#pragma once

#include <tractor/error.h>

#include <cxxabi.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <typeinfo>

#include "error.hpp"

namespace tractor::detail {

/// `shop::out_of_stock` is known to other actors as "out_of_stock".
inline std::string unqualified(const std::type_info& type) {
  int status = 0;
  std::unique_ptr<char, freed_by<std::free>> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status));
  std::string text = name ? name.get() : type.name();
  if (auto colons = text.substr(0, text.find('<')).rfind("::"); colons != text.npos) text.erase(0, colons + 2);
  return text;
}

/// An error that says what the exception said, and carries the exception itself for handlers in this process.
inline error_ptr boxed(const std::exception_ptr& exception, const std::string& type, const char* message, int code = 0,
                       const tractor_error* cause = nullptr) {
  tractor_error_options options{};
  options.struct_size = sizeof options;
  options.code = code;
  options.cause = cause;
  options.type = type.c_str();
  options.message = message;
  options.payload_tag = &exception_tag;
  options.payload = exception_payload::keep(exception);
  options.payload_release = exception_payload::drop;
  return error_ptr(tractor_error_new(&options));
}

/// Is it what throw_error() makes of its C error? A class of the program's own is not, nor one with another's code.
inline bool is_its_own_class(const error& e) {
  if (tractor_error_payload(e.c_error(), &exception_tag)) return true;  // it stands for another exception
  try {
    throw_error(e.c_error());
  } catch (const error& again) {
    return typeid(again) == typeid(e);
  } catch (...) {
    return true;
  }
}

/// The exception that is being handled, as an error. To be called in a handler; a `cancelled` has to be dealt with before.
inline error_ptr box_current_exception() {
  try {
    throw;
  } catch (const error& e) {
    if (is_its_own_class(e)) return error_ptr(tractor_error_ref(e.c_error()));
    return boxed(std::current_exception(), e.type(), e.what(), e.code(), e.c_error());
  } catch (const std::bad_alloc&) {
    return error_ptr(tractor_error_newf(TRACTOR_ENOMEM, nullptr, nullptr));
  } catch (const std::exception& e) {
    return boxed(std::current_exception(), unqualified(typeid(e)), e.what());
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return boxed(std::current_exception(), type ? unqualified(*type) : "exception", "no std::exception");
  }
}

}  // namespace tractor::detail
