// `tractor cancel`: asks an actor to end.
#include <CLI/CLI.hpp>
#include <memory>

#include "command/common.hpp"
#include "command/session.hpp"

namespace tractor::command {

namespace {

int cancel(const Common& common, const std::string& name) {
  Session session(common);
  return session.run([&] {
    session.find(name, [&](tractor_portal* portal) {
      DoneCompletion acknowledged([&](const tractor_error* err) {
        if (err) session.fail(err, "cancel " + name);
      });
      acknowledged.started(
          tractor_portal_cancel_actor(portal, session.nursery(), nullptr, acknowledged.fn, acknowledged.user()));
    });
  });
}

}  // namespace

void add_cancel(Program& program) {
  auto* command = program.app.add_subcommand("cancel", "ask an actor to end, with all its tasks and children");
  auto name = std::make_shared<std::string>();
  command->add_option("actor", *name, "whom: a name or a uuid")->required()->type_name("");
  command->callback([&program, name] { program.chosen = [&program, name] { return cancel(program.common, *name); }; });
}

}  // namespace tractor::command
