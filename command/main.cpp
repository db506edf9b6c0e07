// `tractor`: the actors under a registrar, from a shell.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <tractor.h>
#include <unistd.h>

#include "command/common.hpp"
#include "command/status.hpp"

using namespace tractor::command;

namespace {

void add_common(CLI::App& app, Common& common) {
  app.add_option("-r,--registry", common.registry, "where the registrar listens; may be given several times")
      ->envname("TRACTOR_REGISTRY")
      ->type_name("MULTIADDR")
      ->expected(1)
      ->take_all();
  app.add_option("--transport", common.transport, "what to use where no address says it: tcp, uds or both")
      ->check(CLI::IsMember({"tcp", "uds", "tcp,uds", "uds,tcp"}))
      ->type_name("NAME");
  app.add_option("-t,--timeout", common.timeout, "give up after so many seconds")
      ->check(CLI::Range(0.001, 1e6))
      ->type_name("SECONDS");
  app.add_option("--loglevel", common.log_level, "what the runtime logs on stderr: error (default), warning, info, ...")
      ->check([](const std::string& name) {
        return tractor_log_level_by_name(name.c_str()) ? std::string() : "no level is called '" + name + "'";
      })
      ->type_name("LEVEL");
  app.add_flag("-v,--verbose", common.verbose, "tell errors in full");
}

/// Whatever is opened first would take the place of a standard file that is closed, and be written to.
void keep_standard_files() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // still an error to use
}

}  // namespace

int main(int argc, char** argv) {
  keep_standard_files();
  // A module that `tractor run` serves may start children: they are this executable.
  tractor_child_main(argc, argv);
  // Whoever reads our output may go before we end; that is an error of the write.
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App app("The actors under a registrar, from a shell.", "tractor");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string("tractor ") + tractor_version());
  app.footer("The manual is tractor(1).");
  Program program{app, {}, {}};
  add_common(app, program.common);
  for (auto add : {add_run, add_tree, add_call, add_stream, add_find, add_watch, add_cancel, add_reap}) add(program);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& wrong) {
    std::fprintf(stderr, "tractor: %s\nTry 'tractor --help'.\n", wrong.what());
    return kUsage;
  }
  return program.chosen();
}
