// `tractor find`: where an actor listens.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command/common.hpp"
#include "command/directory.hpp"
#include "command/json.hpp"
#include "command/output.hpp"
#include "command/session.hpp"

namespace tractor::command {

namespace {

struct Options {
  std::string name;
  bool wait = false;
};

class Find {
 public:
  Find(const Common& common, const Options& options) : common_(common), options_(options), session_(common) {
    if (options.wait) session_.end_with_reader();
  }

  int run() {
    return session_.run([this] {
      if (options_.name.empty())
        list();
      else if (options_.wait)
        wait();
      else
        query();
    });
  }

 private:
  void list() {
    session_.registrar(nullptr, [this](tractor_portal* registrar) {
      list_actors(session_, registrar, [this](std::vector<Entry> entries) { print_all(entries); });
    });
  }

  void wait() {
    PortalCompletion there([this](const tractor_error* err, tractor_portal*) {
      if (err) return session_.fail(err, "wait for " + options_.name);
      query();
    });
    there.started(tractor_wait_for_actor(session_.nursery(), options_.name.c_str(), nullptr, there.fn, there.user()));
  }

  void query() {
    ValueCompletion told([this](const tractor_error* err, const tractor_value* value) {
      if (err) return session_.fail(err, "find " + options_.name);
      print_addresses(from_value(value));
    });
    told.started(tractor_query_actor(session_.nursery(), options_.name.c_str(), nullptr, told.fn, told.user()));
  }

  void print_addresses(const nlohmann::json& addresses) {
    if (addresses.empty())
      return session_.fail(kNobody, "nobody is called '" + shown(options_.name) + "' at " + registry_text(common_));
    for (const auto& address : addresses)
      if (!session_.print(shown(address.get<std::string>()))) return;
  }

  void print_all(const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      std::string line = shown(entry.name) + "  " + shown(entry.uuid);
      for (const std::string& address : entry.addresses) line += "  " + shown(address);
      if (!session_.print(line)) return;
    }
  }

  const Common& common_;
  const Options& options_;
  Session session_;
};

}  // namespace

void add_find(Program& program) {
  auto* command = program.app.add_subcommand("find", "where an actor listens; without a name, all that are registered");
  auto options = std::make_shared<Options>();
  auto* name = command->add_option("name", options->name, "a name or a uuid")->type_name("");
  command->add_flag("-w,--wait", options->wait, "wait until somebody of that name has registered")->needs(name);
  command->callback(
      [&program, options] { program.chosen = [&program, options] { return Find(program.common, *options).run(); }; });
}

}  // namespace tractor::command
