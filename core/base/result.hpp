// How a function below the error tree says that it failed: a status code, the name of the exception type that
// a remote caller would see, and one line of text. `fault/` turns it into an error object.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/status.hpp"

namespace tractor::core {

struct Failure {
  Status code = Status::runtime;
  std::string message;
  const char* type = nullptr;  ///< a Python builtin's name such as "ValueError"; null: the code's own
  int error = 0;               ///< the system's, if it was one

  static Failure of(Status code, std::string message, const char* type = nullptr) {
    return {code, std::move(message), type};
  }
  /// Needs no memory to say so.
  static Failure out_of_memory() { return {Status::no_memory, {}, nullptr}; }
  /// "`what`: the text of `errno_value`".
  static Failure system(Status code, const std::string& what, int errno_value, const char* type = nullptr);
};

/// Either a T or the Failure that took its place.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
  Result(Failure failure) : v_(std::in_place_index<1>, std::move(failure)) {}

  bool ok() const { return v_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() { return *std::get_if<0>(&v_); }
  const T& value() const { return *std::get_if<0>(&v_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Failure& failure() { return *std::get_if<1>(&v_); }
  const Failure& failure() const { return *std::get_if<1>(&v_); }

 private:
  std::variant<T, Failure> v_;
};

struct Done {};  ///< the value of a Result that only says that it went well

}  // namespace tractor::core
