// The options of a root from those of the command line.
#pragma once

#include <string>
#include <tractor.h>
#include <vector>

#include "command/common.hpp"

namespace tractor::command {

/// An array of C strings that ends with NULL; points into `texts`.
inline std::vector<const char*> c_list(const std::vector<std::string>& texts) {
  std::vector<const char*> list;
  for (const std::string& text : texts) list.push_back(text.c_str());
  list.push_back(nullptr);
  return list;
}

/// Points into the Common that it was made of.
class RootOptions {
 public:
  explicit RootOptions(const Common& common) : registry_(c_list(common.registry)) {
    options_.struct_size = sizeof options_;
    if (!common.registry.empty()) options_.registry_addrs = registry_.data();
    if (!common.transport.empty()) options_.enable_transports = common.transport.c_str();
    if (!common.log_level.empty()) options_.log_level = common.log_level.c_str();
  }
  tractor_root_options* operator->() { return &options_; }
  const tractor_root_options* get() const { return &options_; }

 private:
  std::vector<const char*> registry_;
  tractor_root_options options_ = {};
};

}  // namespace tractor::command
