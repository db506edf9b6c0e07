#include "runtime/modules.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>

namespace tractor::core {

namespace {

struct Released {
  tractor_release_fn fn;
  void* user;
};

struct Table {
  std::recursive_mutex mutex;  // a shared object registers its endpoints from inside load()
  std::map<std::string, std::unique_ptr<Module>, std::less<>> modules;
  std::vector<Released> released;
  bool frozen = false;
  int loading = 0;
  ~Table() {
    for (const Released& r : released) r.fn(r.user);
  }
};

Table& table() {
  static Table t;
  return t;
}

wire::FuncType kind_of(uint32_t kind) {
  if (kind == TRACTOR_CONTEXT) return wire::FuncType::context;
  return kind == TRACTOR_GENERATOR ? wire::FuncType::asyncgen : wire::FuncType::asyncfunc;
}

bool good_name(const char* name) { return name && *name && std::string_view(name).find(':') == std::string_view::npos; }

}  // namespace

const Endpoint* Module::find(std::string_view func) const {
  for (const auto& e : endpoints_)
    if (e->name == func) return e.get();
  return nullptr;
}

Status Modules::add(const char* module, const tractor_endpoint* list, size_t count, void* user) {
  Table& t = table();
  std::lock_guard lock(t.mutex);
  if (!good_name(module) || std::string_view(module) == "self") return Status::invalid;
  if (t.frozen && t.loading == 0) return Status::busy;
  const Module* known = find(module);
  // All or none, also when memory ends.
  auto added = std::make_unique<Module>(module);
  for (size_t i = 0; i < count; ++i) {
    const tractor_endpoint& e = list[i];
    if (!good_name(e.name) || !e.fn || e.flags != 0) return Status::invalid;
    if (e.kind > TRACTOR_GENERATOR) return Status::not_supported;
    auto endpoint = std::make_unique<Endpoint>(Endpoint{e.name, e.fn, user, kind_of(e.kind)});
    if (e.schema) {
      auto schema = PayloadSpec::parse(e.schema);
      if (!schema) return Status::msg_type;
      endpoint->schema.emplace(std::move(*schema));
    }
    added->endpoints_.push_back(std::move(endpoint));
    if (known && known->find(e.name)) return Status::already;
    for (size_t j = 0; j < i; ++j)
      if (std::string_view(list[j].name) == e.name) return Status::already;
  }
  auto it = t.modules.find(module);
  if (it == t.modules.end()) {
    t.modules.emplace(module, std::move(added));
    return Status::ok;
  }
  auto& endpoints = it->second->endpoints_;
  endpoints.reserve(endpoints.size() + count);
  std::move(added->endpoints_.begin(), added->endpoints_.end(), std::back_inserter(endpoints));
  return Status::ok;
}

Status Modules::add_owned(const char* module, const tractor_endpoint& endpoint, void* user,
                          tractor_release_fn release) {
  std::vector<Released>& released = table().released;
  std::lock_guard lock(table().mutex);
  if (release) released.reserve(released.size() + 1);
  Status status = add(module, &endpoint, 1, user);
  if (status == Status::ok && release) released.push_back({release, user});
  return status;
}

const Module* Modules::find(std::string_view name) {
  Table& t = table();
  std::lock_guard lock(t.mutex);
  auto it = t.modules.find(name);
  return it == t.modules.end() ? nullptr : it->second.get();
}

Result<const Module*> Modules::load(std::string_view name, std::string_view file) {
  Table& t = table();
  std::lock_guard lock(t.mutex);
  if (const Module* found = find(name)) return found;
  std::string module(name);
  bool named = file.size() > 3 && file.substr(file.size() - 3) == ".so";
  std::string path = named ? std::string(file) : "lib" + module + ".so";
  void* object = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!object) {
    const char* why = dlerror();
    std::string text = "no module named '" + module + "': " + (why ? why : path);
    bool missing = text.find("No such file") != std::string::npos;
    return Failure::of(Status::no_endpoint, text, missing ? "ModuleNotFoundError" : "ImportError");
  }
  auto init = reinterpret_cast<int (*)(const char*)>(dlsym(object, "tractor_module_init"));
  if (!init) return Failure::of(Status::no_endpoint, path + " has no function tractor_module_init", "ImportError");
  ++t.loading;
  int status = init(module.c_str());
  --t.loading;
  if (status != TRACTOR_OK)
    return Failure::of(Status::no_endpoint,
                       path + ": tractor_module_init('" + module + "') answered " + tractor_strerror(status),
                       "ImportError");
  if (const Module* found = find(name)) return found;
  return Failure::of(Status::no_endpoint, path + " did not register module '" + module + "'", "ImportError");
}

void Modules::freeze(bool frozen) {
  std::lock_guard lock(table().mutex);
  table().frozen = frozen;
}

}  // namespace tractor::core
