#include "command/node.hpp"

#include <fstream>
#include <unistd.h>

namespace tractor::command {

namespace {

using nlohmann::json;

// An actor of another version may leave anything out, and one that lies may say anything.
std::string text(const json& map, const char* key) {
  auto it = map.is_object() ? map.find(key) : map.end();
  return map.is_object() && it != map.end() && it->is_string() ? it->get<std::string>() : std::string();
}

int64_t number(const json& map, const char* key) {
  auto it = map.is_object() ? map.find(key) : map.end();
  return map.is_object() && it != map.end() && it->is_number() ? it->get<int64_t>() : 0;
}

const json& member(const json& map, const char* key) {
  static const json kNothing;
  auto it = map.is_object() ? map.find(key) : map.end();
  return map.is_object() && it != map.end() ? *it : kNothing;
}

/// What a process of this machine has in memory.
std::optional<uint64_t> memory_of(int64_t pid) {
  std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
  uint64_t size = 0, resident = 0;
  if (!(statm >> size >> resident)) return std::nullopt;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

bool is_here(const Node& node) {
  for (const std::string& a : node.addresses)
    if (a.starts_with("/unix/") || a.starts_with("/ip4/127.") || a.starts_with("/ip6/::1/")) return node.pid > 0;
  return false;
}

/// Counts the streams and gathers the children of a nursery and those in it.
void walk(const json& nursery, const json& told, Node& node) {
  std::string stream = text(member(member(nursery, "ctx"), "stream"), "state");
  if (stream == "open") ++node.streams;
  for (const json& child : member(nursery, "children")) {
    const json& tree = member(told, text(child, "uuid").c_str());
    Node below = node_from(tree.is_object() ? tree : child);
    if (!tree.is_object()) {
      below.state = text(child, "phase");
      below.why = tree.is_string() ? tree.get<std::string>() : "";
    }
    node.children.push_back(std::move(below));
  }
  for (const json& nested : member(nursery, "nurseries")) walk(nested, told, node);
}

}  // namespace

Node node_from(const json& actor) {
  Node node;
  node.name = text(actor, "name");
  node.uuid = text(actor, "uuid");
  node.pid = number(actor, "pid");
  node.state = text(actor, "state");
  for (const json& address : member(actor, "addresses"))
    if (address.is_string()) node.addresses.push_back(address.get<std::string>());
  for (const json& task : member(member(actor, "tasks"), "nurseries")) {
    std::string what = text(task, "what");
    if (what == "endpoint '_tree'") continue;  // our own question
    const json& peer = member(member(task, "ctx"), "peer");
    bool named = peer.is_array() && !peer.empty() && peer[0].is_string();
    node.tasks.push_back(
        {what, named ? peer[0].get<std::string>() : "", static_cast<double>(number(task, "age")) / 1e9});
  }
  for (const char* scope : {"main", "tasks"}) walk(member(actor, scope), member(actor, "children"), node);
  if (is_here(node)) node.memory = memory_of(node.pid);
  return node;
}

bool has(const Node& tree, const std::string& uuid) {
  if (tree.uuid == uuid) return true;
  for (const Node& child : tree.children)
    if (has(child, uuid)) return true;
  return false;
}

nlohmann::ordered_json to_json(const Node& node) {
  nlohmann::ordered_json out = {{"name", node.name}, {"uuid", node.uuid}, {"pid", node.pid}};
  out["state"] = node.state;
  out["registrar"] = node.registrar;
  if (!node.why.empty()) out["why"] = node.why;
  out["addresses"] = node.addresses;
  out["tasks"] = nlohmann::ordered_json::array();
  for (const Task& task : node.tasks)
    out["tasks"].push_back({{"what", task.what}, {"for", task.asker}, {"age", task.age}});
  out["streams"] = node.streams;
  if (node.memory) out["memory"] = *node.memory;
  out["children"] = nlohmann::ordered_json::array();
  for (const Node& child : node.children) out["children"].push_back(to_json(child));
  return out;
}

}  // namespace tractor::command
