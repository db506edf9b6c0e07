// Trees of actors as text and as a graph.
#include <cstdio>
#include <unistd.h>

#include "command/node.hpp"
#include "command/output.hpp"

namespace tractor::command {

namespace {

std::string count(size_t n, const char* what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); }

std::string size_text(uint64_t bytes) {
  char text[32];
  double mib = static_cast<double>(bytes) / (1024 * 1024);
  std::snprintf(text, sizeof text, mib < 10 ? "%.1f MiB" : "%.0f MiB", mib);
  return text;
}

std::string who(const Node& node) { return shown(node.name) + "@" + (node.pid ? std::to_string(node.pid) : "?"); }

/// What it is doing, in a few words.
std::vector<std::string> words(const Node& node, bool top) {
  std::vector<std::string> out;
  if (node.registrar) out.push_back("registrar");
  if (top)
    for (const std::string& address : node.addresses) out.push_back(shown(address));
  if (!node.state.empty() && node.state != "up" && node.state != "serving") out.push_back(shown(node.state));
  if (!node.why.empty()) {
    out.push_back(shown(node.why));
    return out;
  }
  if (!node.tasks.empty()) out.push_back(count(node.tasks.size(), "task"));
  if (node.streams > 0) out.push_back(count(static_cast<size_t>(node.streams), "stream"));
  if (node.tasks.empty() && node.streams == 0 && node.state == "up") out.push_back("idle");
  if (node.memory) out.push_back(size_text(*node.memory));
  return out;
}

void draw(const Node& node, bool tasks, bool top, const std::string& branch, const std::string& below,
          std::string& out) {
  out += branch + painted(Paint::bold, who(node), STDOUT_FILENO);
  for (const std::string& word : words(node, top)) out += "  " + word;
  out += "\n";
  if (tasks) {
    for (const Task& task : node.tasks) {
      char age[32];
      std::snprintf(age, sizeof age, "%.1f s", task.age);
      std::string line = shown(task.what) + (task.asker.empty() ? "" : " for " + shown(task.asker)) + ", " + age;
      out += below + (node.children.empty() ? "   " : "│  ") + painted(Paint::dim, line, STDOUT_FILENO) + "\n";
    }
  }
  for (const Node& child : node.children) {
    bool last = &child == &node.children.back();
    draw(child, tasks, false, below + (last ? "└─ " : "├─ "), below + (last ? "   " : "│  "), out);
  }
}

/// In quotes, as Graphviz reads it.
std::string in_quotes(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + "\"";
}

void graph(const Node& node, bool top, std::string& out) {
  std::string label = who(node);
  for (const std::string& word : words(node, top)) label += "\n" + word;
  out +=
      "  " + in_quotes(node.uuid) + " [label=" + in_quotes(label) + (node.registrar ? ", peripheries=2" : "") + "];\n";
  for (const Node& child : node.children) {
    graph(child, false, out);
    out += "  " + in_quotes(node.uuid) + " -> " + in_quotes(child.uuid) + ";\n";
  }
}

}  // namespace

std::string to_lines(const Node& tree, bool tasks) {
  std::string out;
  draw(tree, tasks, true, "", "", out);
  if (!out.empty()) out.pop_back();  // the last line break is the printer's
  return out;
}

std::string to_dot(const std::vector<Node>& trees) {
  std::string out = "digraph tractor {\n  node [shape=box];\n";
  for (const Node& tree : trees) graph(tree, true, out);
  return out + "}";
}

}  // namespace tractor::command
