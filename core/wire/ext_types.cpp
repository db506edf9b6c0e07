#include "wire/ext_types.hpp"

#include <map>
#include <mutex>

#include "wire/type_parser.hpp"

namespace tractor::core {
namespace {

/// Never destroyed: endpoints that point into it may outlive the program's statics.
struct Table {
  std::mutex mutex;
  std::map<std::string, ExtType, std::less<>> types;
};
Table& table() {
  static auto* t = new Table;
  return *t;
}

}  // namespace

Status ExtTypes::add(std::string_view name, int32_t number, tractor_ext_check_fn check, void* user) {
  if (!wire::is_type_name(name) || wire::is_type_word(name)) return Status::invalid;
  if (number < INT8_MIN || number > INT8_MAX) return Status::invalid;
  ExtType type{std::string(name), static_cast<int8_t>(number), check, user};
  std::lock_guard lock(table().mutex);
  return table().types.emplace(type.name, type).second ? Status::ok : Status::already;
}

const ExtType* ExtTypes::find(std::string_view name) {
  std::lock_guard lock(table().mutex);
  auto it = table().types.find(name);
  return it == table().types.end() ? nullptr : &it->second;
}

}  // namespace tractor::core
