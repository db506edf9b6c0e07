// One actor as `tractor tree` shows it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace tractor::command {

struct Task {
  std::string what;   ///< "endpoint 'is_prime'"
  std::string asker;  ///< the name of the actor that it runs for
  double age = 0;     ///< seconds
};

struct Node {
  std::string name = {}, uuid = {};
  int64_t pid = 0;         ///< 0: not known
  std::string state = {};  ///< "up", "closing", of a child also "booting" and the like; empty: not known
  std::string why = {};    ///< why no more is known
  bool registrar = false;
  std::vector<std::string> addresses = {};
  std::vector<Task> tasks = {};
  int streams = 0;
  std::optional<uint64_t> memory = {};  ///< what it has in memory, in bytes, if it lives on this machine
  std::vector<Node> children = {};
};

/// From what `_tree` answers: see tractor/tree.h.
Node node_from(const nlohmann::json& actor);
/// Is it one of the actors of this tree?
bool has(const Node& tree, const std::string& uuid);

nlohmann::ordered_json to_json(const Node& node);
/// Lines with branches, as of tree(1); with the tasks of each actor if `tasks`.
std::string to_lines(const Node& tree, bool tasks);
/// A graph for Graphviz.
std::string to_dot(const std::vector<Node>& trees);

}  // namespace tractor::command
