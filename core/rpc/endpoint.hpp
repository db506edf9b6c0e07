// What a call can reach.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/handles.hpp"
#include "base/result.hpp"
#include "wire/message.hpp"
#include "wire/type_spec.hpp"

namespace tractor::core {

struct Endpoint {
  std::string name;
  tractor_endpoint_fn fn = nullptr;
  void* user = nullptr;
  wire::FuncType kind = wire::FuncType::asyncfunc;
  std::optional<PayloadSpec> schema = {};
};

/// Finds what a Start names, among what this actor exposes.
class EndpointFinder {
 public:
  /// The failure is what the caller is told: ModuleNotExposed, AttributeError.
  virtual Result<const Endpoint*> find_endpoint(std::string_view ns, std::string_view func) = 0;

 protected:
  ~EndpointFinder() = default;
};

}  // namespace tractor::core
