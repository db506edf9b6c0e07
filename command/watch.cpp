// `tractor watch`: who comes and goes, as it happens.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command/common.hpp"
#include "command/output.hpp"
#include "command/session.hpp"

namespace tractor::command {

namespace {

struct Options {
  std::string name;
  bool json = false;
};

/// A line for people. That all have been told who were there before is not worth one.
std::string to_line(int event, const tractor_id& id, const char* const* addrs) {
  std::string line = event == TRACTOR_WATCH_JOIN ? "join   " : "leave  ";
  line += shown(id.name) + "  " + shown(id.uuid);
  for (; *addrs; ++addrs) line += std::string("  ") + shown(*addrs);
  return line;
}

std::string to_json(int event, const tractor_id* id, const char* const* addrs) {
  nlohmann::ordered_json line;
  line["event"] = event == TRACTOR_WATCH_JOIN ? "join" : event == TRACTOR_WATCH_LEAVE ? "leave" : "synced";
  if (id) {
    line["name"] = id->name;
    line["uuid"] = id->uuid;
  }
  if (event == TRACTOR_WATCH_JOIN) {
    line["addresses"] = nlohmann::ordered_json::array();
    for (; *addrs; ++addrs) line["addresses"].push_back(*addrs);
  }
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

class Watch {
 public:
  Watch(const Common& common, const Options& options) : options_(options), session_(common) {
    session_.end_with_reader();
  }

  int run() {
    return session_.run([this] {
      const char* name = options_.name.empty() ? nullptr : options_.name.c_str();
      tractor_watch_actors(session_.nursery(), name, nullptr, on_event, on_end, this);
    });
  }

 private:
  static void on_event(int event, const tractor_id* id, const char* const* addrs, void* user) {
    auto& self = *static_cast<Watch*>(user);
    if (self.options_.json)
      self.session_.print(to_json(event, id, addrs));
    else if (id)
      self.session_.print(to_line(event, *id, addrs));
  }

  static void on_end(const tractor_error* err, void* user) { static_cast<Watch*>(user)->session_.fail(err, ""); }

  const Options& options_;
  Session session_;
};

}  // namespace

void add_watch(Program& program) {
  auto* command = program.app.add_subcommand("watch", "who is registered, then who comes and goes, as it happens");
  auto options = std::make_shared<Options>();
  command->add_option("name", options->name, "only actors of that name")->type_name("");
  command->add_flag("--json", options->json, "as lines of JSON");
  command->callback(
      [&program, options] { program.chosen = [&program, options] { return Watch(program.common, *options).run(); }; });
}

}  // namespace tractor::command
