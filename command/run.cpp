// `tractor run`: a daemon that serves modules from shared objects.
#include <CLI/CLI.hpp>
#include <climits>
#include <cstdlib>
#include <memory>
#include <optional>
#include <unistd.h>

#include "command/common.hpp"
#include "command/output.hpp"
#include "command/root.hpp"
#include "command/sentry.hpp"
#include "command/session.hpp"

namespace tractor::command {

namespace {

struct Options {
  std::string name;
  std::vector<std::string> modules;  ///< FILE, NAME=FILE, or NAME
  std::vector<std::string> binds;
  bool registrar = false;
};

/// What tractor_root_options::enable_modules takes: `NAME=/the/whole/path`, or a NAME that the loader looks for. A file
/// without a name before it is called like the library: ./libprimes.so is `primes`.
std::optional<std::string> module_of(const std::string& given, std::string& why) {
  size_t equals = given.find('=');
  bool named = equals != std::string::npos;
  std::string file = named ? given.substr(equals + 1) : given;
  if (!named && file.find('/') == std::string::npos && !file.ends_with(".so")) return file;
  char path[PATH_MAX];
  if (!realpath(file.c_str(), path)) {
    why = "module " + file + ": there is no such file";
    return std::nullopt;
  }
  if (named) return given.substr(0, equals + 1) + path;
  std::string name = file.substr(file.rfind('/') + 1);
  if (name.starts_with("lib")) name.erase(0, 3);
  return name.substr(0, name.find(".so")) + "=" + path;
}

class Daemon {
 public:
  Daemon(const Common& common, const Options& given) : common_(common), given_(given) {}

  int run() {
    std::vector<std::string> modules;
    for (const std::string& module : given_.modules) {
      std::string why;
      auto found = module_of(module, why);
      if (!found) {
        complain(why);
        return kUsage;
      }
      names_ += (names_.empty() ? "" : ", ") + found->substr(0, found->find('='));
      modules.push_back(std::move(*found));
    }
    auto module_list = c_list(modules), bind_list = c_list(given_.binds);
    RootOptions options(common_);
    options->name = given_.name.c_str();
    options->enable_modules = module_list.data();
    options->tpt_bind_addrs = bind_list.data();
    options->flags =
        TRACTOR_ROOT_SIGNALS | TRACTOR_ROOT_SUBREAPER | (given_.registrar ? uint32_t{TRACTOR_ROOT_ENSURE_REGISTRY} : 0);
    int opened = tractor_actor_open(options.get(), on_up, on_end, this, &actor_);
    if (opened != TRACTOR_OK) {
      complain(tractor_strerror(opened));
      return kUsage;
    }
    Sentry sentry(actor_, Sentry::kNobody, common_.timeout_ns(), [this](Sentry::What) {
      status_ = kTimeout;
      complain(too_late(common_));
      tractor_actor_cancel_soon(actor_);
    });
    tractor_actor_run(actor_);
    return status_;
  }

 private:
  /// Its nursery stays open: it serves until somebody cancels it.
  static void on_up(tractor_nursery*, void* user) {
    auto& self = *static_cast<Daemon*>(user);
    std::string line = shown(tractor_actor_id(self.actor_)->name) + "@" + std::to_string(getpid());
    if (tractor_actor_is_registrar(self.actor_)) line += "  registrar";
    for (size_t i = 0; const char* address = tractor_actor_address(self.actor_, i); ++i)
      line += std::string("  ") + address;
    if (!self.names_.empty()) line += "  serves " + self.names_;
    write_line(line);  // whoever may not read it: it serves all the same
  }

  static void on_end(const tractor_error* err, void* user) {
    auto& self = *static_cast<Daemon*>(user);
    if (self.status_ != kOk) return;
    self.status_ = interrupt_status(err);
    if (!err || self.status_ || tractor_error_code(err) == TRACTOR_ECANCELED) return;
    // A module that can't be loaded is a mistake of whoever named it.
    self.status_ = tractor_error_code(err) == TRACTOR_ENOENDPOINT ? kUsage : status_of(err);
    complain(tractor_error_message(err));
  }

  const Common& common_;
  const Options& given_;
  std::string names_;
  tractor_actor* actor_ = nullptr;
  int status_ = kOk;
};

}  // namespace

void add_run(Program& program) {
  auto* command = program.app.add_subcommand("run", "serve modules from shared objects, until cancelled");
  auto options = std::make_shared<Options>();
  command->add_option("-m,--module", options->modules, "a shared object: FILE, NAME=FILE, or NAME for libNAME.so")
      ->expected(1)
      ->take_all()
      ->type_name("MODULE");
  command->add_option("-n,--name", options->name, "what the daemon is called")
      ->default_val("daemon")
      ->type_name("NAME");
  command->add_option("--bind", options->binds, "one more address to listen at")
      ->expected(1)
      ->take_all()
      ->type_name("MULTIADDR");
  command->add_flag("--registrar", options->registrar, "fail unless it becomes the registrar");
  command->callback(
      [&program, options] { program.chosen = [&program, options] { return Daemon(program.common, *options).run(); }; });
}

}  // namespace tractor::command
