// The program's table of extension types that schemas may name.
#pragma once

#include <tractor/schema.h>

#include <string>
#include <string_view>

#include "base/status.hpp"

namespace tractor::core {

struct ExtType {
  std::string name;
  int8_t number = 0;
  tractor_ext_check_fn check = nullptr;  ///< null: all bytes fit
  void* user = nullptr;
};

/// Process-wide, any thread. Nothing is ever removed, so what find() answers stays valid.
class ExtTypes {
 public:
  static Status add(std::string_view name, int32_t number, tractor_ext_check_fn check, void* user);
  static const ExtType* find(std::string_view name);
};

}  // namespace tractor::core
