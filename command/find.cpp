// `tractor find`: where an actor listens.
#include <CLI/CLI.hpp>
#include <memory>

#include "command/common.hpp"
#include "command/directory.hpp"
#include "command/session.hpp"

namespace tractor::command {

namespace {

struct Options {
  std::string name;
  bool wait = false;
};

class Find {
 public:
  Find(const Common& common, const Options& options) : common_(common), options_(options), session_(common) {}

  int run() {
    return session_.run([this] {
      session_.registrar(nullptr, [this](tractor_portal* registrar) {
        if (options_.name.empty())
          list_actors(session_, registrar, [this](std::vector<Entry> entries) { print_all(entries); });
        else
          ask(registrar);
      });
    });
  }

 private:
  void ask(tractor_portal* registrar) {
    session_.ask(registrar, options_.wait ? "wait_for_actor" : "find_actor",
                 tractor_pack("{s:s}", "name", options_.name.c_str()),
                 [this](const tractor_error* err, const tractor_value* value) {
                   if (err) return session_.fail(err, "the registrar");
                   print_addresses(value);
                 });
  }

  void print_addresses(const tractor_value* value) {
    std::unique_ptr<tractor_reader, void (*)(tractor_reader*)> reader(tractor_reader_new(value), tractor_reader_free);
    if (tractor_reader_type(reader.get()) == TRACTOR_TYPE_NIL)
      return session_.fail(kNobody, "nobody is called '" + options_.name + "' at " + registry_text(common_));
    uint32_t count = 0;
    tractor_reader_array(reader.get(), &count);
    for (; count > 0; --count)
      if (!session_.print(multiaddr(reader.get()))) return;
  }

  void print_all(const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      std::string line = entry.name + "  " + entry.uuid;
      for (const std::string& address : entry.addresses) line += "  " + address;
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
