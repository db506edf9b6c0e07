// `tractor tree`: every actor under the registrar, with what it is doing.
#include <CLI/CLI.hpp>
#include <deque>
#include <memory>

#include "command/common.hpp"
#include "command/directory.hpp"
#include "command/json.hpp"
#include "command/node.hpp"
#include "command/output.hpp"
#include "command/session.hpp"

namespace tractor::command {

namespace {

struct Options {
  bool json = false, dot = false, tasks = false;
};

/// Each actor tells of those below it, so the roots have to be asked, and whoever no root knows: the registrar first,
/// then those that are left of its list, one after the other.
class Tree {
 public:
  Tree(const Common& common, const Options& options) : common_(common), options_(options), session_(common) {}

  int run() {
    return session_.run([this] {
      for (const std::string& address : common_.registry) registrars_.push_back(address);
      if (registrars_.empty()) registrars_.push_back("");
      next_registrar();
    });
  }

 private:
  void next_registrar() {
    if (registrars_.empty()) return show();
    std::string address = std::move(registrars_.front());
    registrars_.pop_front();
    session_.registrar(address.empty() ? nullptr : address.c_str(), [this](tractor_portal* registrar) {
      if (known(tractor_portal_id(registrar)->uuid)) return next_registrar();  // it listens at several addresses
      list_actors(session_, registrar, [this, registrar](std::vector<Entry> entries) {
        entries_.assign(entries.begin(), entries.end());
        ask(registrar, true);
      });
    });
  }

  void next_root() {
    while (!entries_.empty() && known(entries_.front().uuid)) entries_.pop_front();
    if (entries_.empty()) return next_registrar();
    session_.look_for(entries_.front().uuid, [this](tractor_portal* portal) {
      if (portal) return ask(portal, false);
      Entry& entry = entries_.front();
      add({.name = entry.name, .uuid = entry.uuid, .why = "not reached", .addresses = entry.addresses});
    });
  }

  void ask(tractor_portal* portal, bool registrar) {
    const tractor_id* id = tractor_portal_id(portal);
    Node node{.name = id->name, .uuid = id->uuid, .pid = id->pid, .registrar = registrar};
    node.addresses = {tractor_portal_address(portal)};
    session_.ask(portal, "_tree", tractor_pack("{s:I}", "timeout", kPatience),
                 [this, node, portal](const tractor_error* err, const tractor_value* value) mutable {
                   if (!err) {
                     bool keeps_registry = node.registrar;
                     node = node_from(from_value(value));
                     node.registrar = keeps_registry;
                   } else if (tractor_error_code(err) == TRACTOR_ECANCELED) {
                     return;
                   } else {
                     node.why = tractor_error_code(err) == TRACTOR_EREMOTE ? "of another make, does not tell"
                                                                           : tractor_error_message(err);
                   }
                   tractor_portal_close(portal);
                   add(std::move(node));
                 });
  }

  void add(Node node) {
    trees_.push_back(std::move(node));
    next_root();
  }

  bool known(const std::string& uuid) const {
    for (const Node& tree : trees_)
      if (has(tree, uuid)) return true;
    return false;
  }

  void show() {
    if (options_.json) {
      auto all = nlohmann::ordered_json::array();
      for (const Node& tree : trees_) all.push_back(to_json(tree));
      session_.print(all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    } else if (options_.dot) {
      session_.print(to_dot(trees_));
    } else {
      for (const Node& tree : trees_)
        if (!session_.print(to_lines(tree, options_.tasks))) return;
    }
  }

  const Common& common_;
  const Options& options_;
  Session session_;
  std::deque<std::string> registrars_;  ///< that are still to be asked; empty text: our own
  std::deque<Entry> entries_;           ///< what the last one knows and we don't
  std::vector<Node> trees_;
};

}  // namespace

void add_tree(Program& program) {
  auto* command = program.app.add_subcommand("tree", "every actor under the registrar, with what it is doing");
  auto options = std::make_shared<Options>();
  auto* json = command->add_flag("--json", options->json, "as JSON");
  auto* dot = command->add_flag("--dot", options->dot, "as a graph for Graphviz")->excludes(json);
  command->add_flag("--tasks", options->tasks, "with a line for each task")->excludes(json)->excludes(dot);
  command->callback(
      [&program, options] { program.chosen = [&program, options] { return Tree(program.common, *options).run(); }; });
}

}  // namespace tractor::command
