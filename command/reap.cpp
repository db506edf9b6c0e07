// `tractor reap`: ends orphans and removes the sockets of the dead.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>

#include "command/common.hpp"
#include "command/directory.hpp"
#include "command/output.hpp"
#include "command/processes.hpp"
#include "command/session.hpp"
#include "command/sockets.hpp"

namespace tractor::command {

namespace {

struct Options {
  bool dry_run = false, registries = false;
  double grace = 2;  ///< seconds between SIGTERM and SIGKILL
  std::string directory;
  std::vector<std::string> names;  ///< only actors that are called so; none: all

  bool wants(const std::string& name) const {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
  }
};

void nap() {
  const timespec pause = {0, 20'000'000};
  nanosleep(&pause, nullptr);
}

/// An orphan that is registered and answers does its work still, for whoever finds it: it is spared. So the registrar is
/// asked for all actors of an orphan's name; if there is no registrar, nobody knows them.
class Known {
 public:
  Known(const Common& common, std::vector<ActorProcess>& processes) : session_(common), processes_(processes) {
    session_.allow_no_registrar();
  }

  /// Takes those out that answer.
  int spare() {
    return session_.run([this] {
      session_.registrar(nullptr, [this](tractor_portal* registrar) {
        list_actors(session_, registrar, [this](const std::vector<Entry>& entries) {
          for (const Entry& entry : entries)
            for (const ActorProcess& process : processes_)
              if (process.name == entry.name || process.name.empty()) {
                ask(entry);
                break;
              }
        });
      });
    });
  }

 private:
  /// To have shaken hands is an answer.
  void ask(const Entry& entry) {
    session_.look_for(entry.uuid, [this](tractor_portal* portal) {
      if (portal) std::erase_if(processes_, [&](const auto& p) { return p.pid == tractor_portal_id(portal)->pid; });
    });
  }

  Session session_;
  std::vector<ActorProcess>& processes_;
};

class Reaper {
 public:
  explicit Reaper(const Options& options) : options_(options) {}

  void end_all(const std::vector<ActorProcess>& processes) {
    for (const ActorProcess& process : processes) {
      if (options_.dry_run)
        say("would end " + text(process));
      else
        send_signal(process, SIGTERM);
    }
    if (options_.dry_run) return;
    int64_t limit = tractor_now() + static_cast<int64_t>(options_.grace * 1e9);
    for (const ActorProcess& process : processes) {
      while (lives(process) && tractor_now() < limit) nap();
      bool killed = lives(process) && send_signal(process, SIGKILL);
      for (int i = 0; i < 50 && lives(process); ++i) nap();
      if (lives(process))
        fail(text(process) + " does not end");
      else
        say((killed ? "killed " : "ended ") + text(process));
    }
  }

  void remove_sockets(const std::string& directory) {
    for (const std::string& path : stale_sockets(directory, options_.registries)) {
      if (!options_.wants(actor_of_socket(path))) continue;
      if (options_.dry_run)
        say("would remove " + path);
      else if (remove_stale(path, options_.registries))
        say("removed " + path);
    }
  }

  int status() const { return status_; }

 private:
  static std::string text(const ActorProcess& p) {
    return "orphan " + (p.name.empty() ? "?" : p.name) + "@" + std::to_string(p.pid);
  }
  void say(const std::string& line) {
    if (int error = write_line(line); error && error != EPIPE) status_ = kFailed;
  }
  void fail(const std::string& why) {
    complain(why);
    status_ = kFailed;
  }

  const Options& options_;
  int status_ = kOk;
};

int reap(const Common& common, const Options& options) {
  auto processes = orphans();
  std::erase_if(processes, [&](const ActorProcess& p) { return !options.wants(p.name); });
  if (!processes.empty())
    if (int failed = Known(common, processes).spare()) return failed;
  Reaper reaper(options);
  reaper.end_all(processes);
  // After the orphans, whose sockets are stale now.
  reaper.remove_sockets(options.directory.empty() ? runtime_directory() : options.directory);
  return reaper.status();
}

}  // namespace

void add_reap(Program& program) {
  auto* command = program.app.add_subcommand("reap", "end orphans, remove the sockets of the dead");
  auto options = std::make_shared<Options>();
  command->add_option("names", options->names, "only actors that are called so")->type_name("");
  command->add_flag("-n,--dry-run", options->dry_run, "only say what would be done");
  command->add_flag("--registries", options->registries, "remove sockets of dead registrars, too");
  command->add_option("--grace", options->grace, "seconds between SIGTERM and SIGKILL")
      ->check(CLI::Range(0.0, 3600.0))
      ->type_name("SECONDS");
  command->add_option("--directory", options->directory, "where the sockets are, if not in the runtime directory")
      ->check(CLI::ExistingDirectory)
      ->type_name("DIR");
  command->callback(
      [&program, options] { program.chosen = [&program, options] { return reap(program.common, *options); }; });
}

}  // namespace tractor::command
