// `tractor stream`: the values of a generator, as JSON lines.
#include <CLI/CLI.hpp>
#include <memory>

#include "command/arguments.hpp"
#include "command/common.hpp"
#include "command/json.hpp"
#include "command/output.hpp"
#include "command/session.hpp"

namespace tractor::command {

namespace {

struct Options {
  Call call;
  uint64_t count = 0;  ///< 0: all
};

/// Each value is written before the next one is asked for: a slow reader slows the generator down.
class Stream {
 public:
  Stream(const Common& common, const Options& options) : options_(options), session_(common) {
    session_.end_with_reader();
  }

  int run() {
    return session_.run(
        [this] { session_.find(options_.call.actor, [this](tractor_portal* portal) { open(portal); }); });
  }

 private:
  void open(tractor_portal* portal) {
    const Call& c = options_.call;
    tractor_portal_open_stream_from(
        portal, session_.nursery(), c.module.c_str(), c.func.c_str(), {c.packed.data(), c.packed.size()}, nullptr,
        [](tractor_stream* stream, void* self) {
          static_cast<Stream*>(self)->stream_ = stream;
          static_cast<Stream*>(self)->receive();
        },
        on_end, this);
  }

  void receive() { tractor_stream_receive(stream_, nullptr, on_value, this); }

  static void on_value(const tractor_error* err, const tractor_value* value, void* user) {
    auto& self = *static_cast<Stream*>(user);
    if (err) return;  // the end is told by on_end
    if (!self.session_.print(to_text(value))) return;
    if (++self.received_ == self.options_.count)
      tractor_stream_close(self.stream_);
    else
      self.receive();
  }

  static void on_end(const tractor_error* err, void* user) {
    auto& self = *static_cast<Stream*>(user);
    const Call& c = self.options_.call;
    self.session_.fail(err, c.endpoint + " in " + c.actor);
  }

  const Options& options_;
  Session session_;
  tractor_stream* stream_ = nullptr;
  uint64_t received_ = 0;
};

int stream(const Common& common, Options& options) {
  if (auto wrong = options.call.check()) {
    complain(*wrong);
    return kUsage;
  }
  return Stream(common, options).run();
}

}  // namespace

void add_stream(Program& program) {
  auto* command = program.app.add_subcommand("stream", "run a generator of an actor; its values as JSON lines");
  auto options = std::make_shared<Options>();
  options->call.add_options(*command);
  command->add_option("-n,--count", options->count, "stop after so many values")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  command->callback(
      [&program, options] { program.chosen = [&program, options] { return stream(program.common, *options); }; });
}

}  // namespace tractor::command
