// What an actor tells each child that it starts, and what it was told itself.
#pragma once

#include <tractor/actor.h>

#include <map>
#include <string>

#include "call.hpp"
#include "error.hpp"
#include "value.hpp"

namespace tractor {

/// The runtime variables by their names; see tractor_get_runtime_vars(). Without a runtime they are the defaults.
inline std::map<std::string, value> get_runtime_vars() {
  return value(tractor_get_runtime_vars()).as<std::map<std::string, value>>();
}

/// Changes runtime variables: `set_runtime_vars(named("verbose", true))`. Children that are started from then on inherit them.
/// @throws misuse_error that names the key for a value that it can't have, and if there is no runtime; then none is changed
template <class... T>
void set_runtime_vars(const named<T>&... vars) {
  char why[256];
  int status = tractor_set_runtime_vars(detail::pack_named(vars...), why, sizeof why);
  if (status == TRACTOR_OK) return;
  error_ptr e(tractor_error_newf(status, nullptr, "%s", why));
  throw_error(e.get());
}

}  // namespace tractor
