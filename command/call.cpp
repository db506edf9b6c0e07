// `tractor call`: one call, its result as JSON.
#include <CLI/CLI.hpp>
#include <memory>

#include "command/arguments.hpp"
#include "command/common.hpp"
#include "command/json.hpp"
#include "command/output.hpp"
#include "command/session.hpp"

namespace tractor::command {

namespace {

int call(const Common& common, Call& what) {
  if (auto wrong = what.check()) {
    complain(*wrong);
    return kUsage;
  }
  Session session(common);
  return session.run([&] {
    session.find(what.actor, [&](tractor_portal* portal) {
      ValueCompletion answered([&](const tractor_error* err, const tractor_value* value) {
        if (err) return session.fail(err, what.endpoint + " in " + what.actor);
        session.print(to_text(value));
      });
      answered.started(tractor_portal_run(portal, session.nursery(), what.module.c_str(), what.func.c_str(),
                                          {what.packed.data(), what.packed.size()}, nullptr, answered.fn,
                                          answered.user()));
    });
  });
}

}  // namespace

void add_call(Program& program) {
  auto* command = program.app.add_subcommand("call", "call a function of an actor; its result as JSON");
  auto what = std::make_shared<Call>();
  what->add_options(*command);
  command->callback([&program, what] { program.chosen = [&program, what] { return call(program.common, *what); }; });
}

}  // namespace tractor::command
