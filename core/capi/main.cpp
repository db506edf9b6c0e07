#include <tractor/actor.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/resource.h>

#include "base/log.hpp"
#include "capi/boot_options.hpp"
#include "devx/title.hpp"
#include "runtime/actor.hpp"
#include "spawn/boot.hpp"

using namespace tractor::core;

namespace {

[[noreturn]] void serve_it(Result<BootInfo> info) {
  if (!info) {
    std::fprintf(stderr, "tractor: %s\n", info.failure().message.c_str());
    std::exit(2);
  }
  if (!bind_to_parent(info->parent_pid)) std::exit(1);
  const bool subreaper = environment_mark() == info->uuid;
  auto opened = Actor::open_child(std::move(*info));
  if (!opened) {
    std::fprintf(stderr, "tractor: %s\n", opened.failure().message.c_str());
    std::exit(1);
  }
  Ref<Actor> actor(*opened);
  actor->run();
  int status = actor->exit_status();
  if (status != 0 && actor->outcome() && !actor->outcome()->canceled())
    std::fprintf(stderr, "%s", actor->outcome()->log_text().c_str());
  actor.reset();
  if (subreaper) end_all_children();
  std::exit(status);
}

[[noreturn]] void out_of_memory() {
  std::fputs("tractor: out of memory\n", stderr);
  std::exit(1);
}

[[noreturn]] void serve(Result<BootInfo> info) try { serve_it(std::move(info)); } catch (const std::bad_alloc&) {
  out_of_memory();
}

/// Dies as the signal would have it, so that a shell sees the same.
[[noreturn]] void die_of(int signo) {
  std::fflush(nullptr);
  signal(signo, SIG_DFL);
  raise(signo);
  std::_Exit(128 + signo);
}

/// What main was given, as far as the caller knows it.
ProgramArguments started_with(int argc, char** argv) {
  ProgramArguments given = argv ? ProgramArguments{argc, argv} : program_arguments();
  keep_argv_area(given.argc, given.argv);
  return given;
}

/// A whole root. `ends_with_body`: else it serves until it is told to end.
int run_program(const char* what, int argc, char** argv, const tractor_root_options* options, bool ends_with_body,
                tractor_root_fn body, void* user) try {
  tractor_child_main(argc, argv);
  auto config = read_root_options(options);
  if (config && config->base)
    config = Failure::of(Status::invalid, std::string(what) + " has a loop of its own: event_base must be NULL");
  if (config && (config->client || config->local) && !ends_with_body)
    config =
        Failure::of(Status::invalid, std::string(what) + " serves, which " +
                                         (config->client ? "TRACTOR_ROOT_CLIENT" : "TRACTOR_ROOT_LOCAL") + " excludes");
  if (!config) {
    std::fprintf(stderr, "tractor: %s\n", config.failure().message.c_str());
    return 2;
  }
  config->subreaper = config->signals = true;
  auto opened = Actor::open_root(std::move(*config), ends_with_body, body, nullptr, user);
  if (!opened) {
    std::fprintf(stderr, "tractor: %s\n", opened.failure().message.c_str());
    return 1;
  }
  Ref<Actor> actor(*opened);
  actor->run();
  ErrorRef err = actor->outcome();
  bool failed = err && !err->canceled();
  if (failed) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s", err->log_text().c_str());
  }
  if (int signo = actor->end_signal()) {
    err.reset();
    actor.reset();
    die_of(signo);
  }
  return failed ? 1 : 0;
} catch (const std::bad_alloc&) {
  std::fputs("tractor: out of memory\n", stderr);
  return 1;
}

}  // namespace

void tractor_child_main(int argc, char** argv) try {
  ProgramArguments given = started_with(argc, argv);
  if (auto info = boot_from_record(given.argc, given.argv)) serve(std::move(*info));
} catch (const std::bad_alloc&) {
  out_of_memory();
}

int tractor_child_main_from_flags(int argc, char** argv) try {
  ProgramArguments given = started_with(argc, argv);
  auto info = boot_from_flags(given.argc, given.argv);
  if (info) serve(std::move(info));
  std::fprintf(stderr, "tractor: %s\n", info.failure().message.c_str());
  return 2;
} catch (const std::bad_alloc&) {
  out_of_memory();
}

int tractor_main(int argc, char** argv, const tractor_root_options* options, tractor_root_fn root, void* user) {
  return run_program("tractor_main()", argc, argv, options, true, root, user);
}

int tractor_run_daemon(int argc, char** argv, const tractor_root_options* options) {
  return run_program("tractor_run_daemon()", argc, argv, options, false, nullptr, nullptr);
}
