// The program's table of endpoints, by module: filled before an actor opens, or from shared objects.
#pragma once

#include <string>
#include <string_view>
#include <memory>
#include <vector>

#include "base/handles.hpp"
#include "base/result.hpp"
#include "rpc/endpoint.hpp"

#include <tractor/actor.h>

namespace tractor::core {

/// One module's endpoints; the pointers in a lookup's answer stay valid for the life of the process.
class Module {
 public:
  explicit Module(std::string name) : name_(std::move(name)) {}
  const std::string& name() const { return name_; }
  const Endpoint* find(std::string_view func) const;

 private:
  friend class Modules;
  std::string name_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
};

/// Process-wide, any thread. Nothing is ever removed.
class Modules {
 public:
  static Status add(const char* module, const tractor_endpoint* list, size_t count, void* user);
  static Status add_owned(const char* module, const tractor_endpoint& endpoint, void* user, tractor_release_fn release);
  static const Module* find(std::string_view name);
  /// Makes sure that `name` is there: registered, or loaded from `file`, or else from `lib<name>.so`. The failure is
  /// Python's: ModuleNotFoundError, or ImportError for an object that is broken.
  static Result<const Module*> load(std::string_view name, std::string_view file);
  /// While an actor is open only load() adds to the table.
  static void freeze(bool frozen);
};

}  // namespace tractor::core
