// Options. All are plain aggregates of what needs no destructor: g++ 12 destroys anything else twice where it is written
// inside a `co_await` expression. What they point to has to live until the call that they are given to was awaited.
#pragma once

#include <tractor/actor.h>
#include <tractor/nursery.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "endpoint.hpp"
#include "text.hpp"

namespace tractor {

using duration = std::chrono::nanoseconds;

/// A module, by its declaration or, of another program, by its name.
class module_ref {
 public:
  constexpr module_ref() = default;
  module_ref(const module& declared) : name_(declared.name()) {}
  constexpr module_ref(const char* name) : name_(name) {}
  constexpr const char* name() const { return name_; }

 private:
  const char* name_ = nullptr;
};

/// A list that stands in options: `{numbers, "other"}`.
using module_list = module_ref[16];

/// See tractor_call_options.
struct call_options {
  duration timeout{};           ///< 0: the default of the call, which is no limit unless it says otherwise
  bool allow_overruns = false;  ///< contexts and streams: more messages may wait here
  std::uint32_t buffer = 0;     ///< contexts and streams: how many messages wait here; 0: 64
  text_ref schema{};  ///< contexts: what the payloads must be; NULL: as this program has declared the endpoint
};

/// See tractor_find_options.
struct find_options {
  duration timeout{};                           ///< of the whole search; 0: none
  const char* const* registry_addrs = nullptr;  ///< of the registrars to ask; NULL: those of this actor
  bool raise_on_none = false;                   ///< find_actor(): that nobody has the name is an error too
};

struct root_options;

/// See tractor_nursery_options.
struct nursery_options {
  text_ref name{};
  duration timeout{};           ///< 0: none; when it passes, with_nursery() throws timed_out
  bool shield = false;          ///< a cancel from outside does not reach it; needs a timeout
  bool cancel_daemons = false;  ///< when the body is over and nothing else is left, children are cancelled
  bool hard_kill = false;       ///< children are not asked to end before they are terminated
  duration cancel_timeout{}, kill_timeout{};
  const root_options* root =
      nullptr;  ///< of the root that with_nursery() makes of an actor without a runtime; NULL: its own
};

/// See tractor_spawn_options.
struct spawn_options {
  module_list modules{};
  text_ref name{};  ///< of a one-shot; NULL: as its endpoint
  text_ref program{};
  const char* const* argv = nullptr;
  const char* const* env = nullptr;
  text_ref cwd{};
  text_ref log_level{};
  text_ref enable_transports{};
  const char* const* bind_addrs = nullptr;
  duration boot_timeout{}, cancel_timeout{}, kill_timeout{};
  std::span<const std::int32_t> pass_fds{};  ///< descriptors that it inherits under the same number
  tractor_stderr stderr_mode = TRACTOR_STDERR_RELAY;
  bool ignore_death = false;
};

/// For root_options::stream_window: no back-pressure.
inline constexpr std::uint64_t no_window = TRACTOR_NO_WINDOW;

/// See tractor_root_options.
struct root_options {
  text_ref name{};
  module_list enable_modules{};
  const char* const* registry_addrs = nullptr;
  const char* const* tpt_bind_addrs = nullptr;
  text_ref enable_transports{};
  text_ref log_level{};
  text_ref start_method{};
  bool ensure_registry = false;  ///< fail unless this root becomes the registrar
  bool client = false;           ///< only ask others: no listener, no children
  bool local = false;            ///< no runtime until a nursery or boot() wants one, as in run_local()
  bool subreaper = false;        ///< bury what a dead child leaves behind; run() does so anyway
  bool signals = false;          ///< SIGINT and SIGTERM end the root in order; run() does so anyway
  duration handshake_timeout{};
  std::uint64_t stream_window = 0;  ///< bytes; 0: 2 MiB
  std::uint64_t max_frame = 0;      ///< bytes; 0: 64 MiB
};

namespace detail {

/// The names of a list of modules as the C library wants them.
struct module_names {
  const char* names[std::extent_v<module_list> + 1] = {};
  explicit module_names(const module_list& modules) {
    std::size_t count = 0;
    for (const module_ref& m : modules)
      if (m.name()) names[count++] = m.name();
  }
};

struct c_call_options : tractor_call_options {
  explicit c_call_options(const call_options& o) : tractor_call_options{} {
    struct_size = sizeof(tractor_call_options);
    timeout_ns = o.timeout.count();
    flags = o.allow_overruns ? std::uint32_t{TRACTOR_CALL_ALLOW_OVERRUNS} : 0;
    buffer = o.buffer;
    schema = o.schema;
  }
};

struct c_nursery_options : tractor_nursery_options {
  explicit c_nursery_options(const nursery_options& o) : tractor_nursery_options{} {
    struct_size = sizeof(tractor_nursery_options);
    name = o.name;
    timeout_ns = o.timeout.count();
    flags = (o.shield ? std::uint32_t{TRACTOR_NURSERY_SHIELD} : 0) |
            (o.cancel_daemons ? std::uint32_t{TRACTOR_NURSERY_CANCEL_DAEMONS} : 0) |
            (o.hard_kill ? std::uint32_t{TRACTOR_NURSERY_HARD_KILL} : 0);
    cancel_timeout_ns = o.cancel_timeout.count();
    kill_timeout_ns = o.kill_timeout.count();
  }
};

class c_spawn_options : public tractor_spawn_options {
 public:
  explicit c_spawn_options(const spawn_options& o, tractor_nursery* waiting = nullptr)
      : tractor_spawn_options{}, modules_(o.modules) {
    struct_size = sizeof(tractor_spawn_options);
    modules = modules_.names;
    program = o.program;
    argv = o.argv;
    env = o.env;
    cwd = o.cwd;
    log_level = o.log_level;
    enable_transports = o.enable_transports;
    bind_addrs = o.bind_addrs;
    boot_timeout_ns = o.boot_timeout.count();
    cancel_timeout_ns = o.cancel_timeout.count();
    kill_timeout_ns = o.kill_timeout.count();
    stderr_mode = o.stderr_mode;
    pass_fds = o.pass_fds.data();
    pass_fds_count = o.pass_fds.size();
    flags = o.ignore_death ? std::uint32_t{TRACTOR_SPAWN_IGNORE_DEATH} : 0;
    name = o.name;
    wait_in = waiting;
  }
  c_spawn_options(const c_spawn_options&) = delete;

 private:
  module_names modules_;
};

class c_root_options : public tractor_root_options {
 public:
  explicit c_root_options(const root_options& o) : tractor_root_options{}, modules_(o.enable_modules) {
    struct_size = sizeof(tractor_root_options);
    name = o.name;
    enable_modules = modules_.names;
    registry_addrs = o.registry_addrs;
    tpt_bind_addrs = o.tpt_bind_addrs;
    enable_transports = o.enable_transports;
    log_level = o.log_level;
    start_method = o.start_method;
    flags = (o.ensure_registry ? std::uint32_t{TRACTOR_ROOT_ENSURE_REGISTRY} : 0) |
            (o.client ? std::uint32_t{TRACTOR_ROOT_CLIENT} : 0) | (o.local ? std::uint32_t{TRACTOR_ROOT_LOCAL} : 0) |
            (o.subreaper ? std::uint32_t{TRACTOR_ROOT_SUBREAPER} : 0) |
            (o.signals ? std::uint32_t{TRACTOR_ROOT_SIGNALS} : 0);
    handshake_timeout_ns = o.handshake_timeout.count();
    stream_window = o.stream_window;
    max_frame = o.max_frame;
  }
  c_root_options(const c_root_options&) = delete;

 private:
  module_names modules_;
};

}  // namespace detail

}  // namespace tractor
