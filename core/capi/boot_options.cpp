#include "capi/boot_options.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "capi/options.hpp"
#include "runtime/start_method.hpp"
#include "wire/utf8.hpp"

namespace tractor::core {

constexpr size_t kMostItems = 4096;  // an array without its NULL is noticed, not followed for ever

Result<std::vector<std::string>> strings(const char* const* list, const char* field) {
  std::vector<std::string> out;
  for (; list && *list; ++list) {
    if (out.size() == kMostItems) return Failure::of(Status::invalid, std::string(field) + " has no NULL at its end");
    out.emplace_back(*list);
  }
  return out;
}

namespace {

constexpr size_t kLongestName = 1024;
constexpr uint32_t kRootFlags = TRACTOR_ROOT_ENSURE_REGISTRY | TRACTOR_ROOT_SUBREAPER | TRACTOR_ROOT_SIGNALS |
                                TRACTOR_ROOT_CLIENT | TRACTOR_ROOT_DEBUG_MODE | TRACTOR_ROOT_ENABLE_STACK_ON_SIG |
                                TRACTOR_ROOT_LOCAL;
constexpr uint32_t kSpawnFlags = TRACTOR_SPAWN_IGNORE_DEATH | TRACTOR_SPAWN_DEBUG_MODE | TRACTOR_SPAWN_INFECT_ASYNCIO;

Result<std::vector<Address>> addresses(const char* const* list, const char* field) {
  std::vector<Address> out;
  auto texts = strings(list, field);
  if (!texts) return texts.failure();
  for (const std::string& text : *texts) {
    auto addr = parse_address_argument(text);
    if (!addr) return Failure::of(Status::invalid, std::string(field) + ": " + addr.failure().message, "ValueError");
    out.push_back(std::move(*addr));
  }
  return out;
}

Result<std::vector<TransportKind>> transports(const char* names, const char* field) {
  auto kinds = transports_by_names(names);
  if (!kinds) return Failure::of(Status::invalid, std::string(field) + ": " + kinds.failure().message, "ValueError");
  return kinds;
}

std::vector<TransportKind> kinds_of(const std::vector<Address>& addrs) {
  std::vector<TransportKind> kinds;
  for (const Address& a : addrs)
    if (std::find(kinds.begin(), kinds.end(), a.kind) == kinds.end()) kinds.push_back(a.kind);
  return kinds;
}

/// Nobody would answer at such an address, or nobody could reach us from there.
Result<Done> all_enabled(const std::vector<Address>& registries, const std::vector<TransportKind>& kinds,
                         const char* names) {
  for (const Address& a : registries)
    if (std::find(kinds.begin(), kinds.end(), a.kind) == kinds.end())
      return Failure::of(Status::invalid,
                         "tractor_root_options.registry_addrs: the transport of " + a.to_string() +
                             " is not in tractor_root_options.enable_transports, \"" + names + "\"",
                         "ValueError");
  return Done{};
}

/// What the original has and we have a place for: to ignore it would be worse than to say so.
Result<Done> not_yet(uint32_t flags, uint32_t flag, const char* name) {
  if ((flags & flag) == 0) return Done{};
  return Failure::of(Status::not_supported, std::string(name) + ": not yet supported", "NotImplementedError");
}

/// What a client is asked to have in vain.
Result<Done> client_only_asks(const RootConfig& config, const tractor_root_options& options) {
  if (!config.client) return Done{};
  const char* vain = !config.modules.empty()                        ? "enable_modules"
                     : !config.bind_addrs.empty()                   ? "tpt_bind_addrs"
                     : options.flags & TRACTOR_ROOT_ENSURE_REGISTRY ? "flags: TRACTOR_ROOT_ENSURE_REGISTRY"
                                                                    : nullptr;
  if (!vain) return Done{};
  return Failure::of(
      Status::invalid,
      std::string("tractor_root_options.") + vain + " contradicts TRACTOR_ROOT_CLIENT, which serves nobody",
      "ValueError");
}

Result<int> level(const char* name, const char* field) {
  if (!name) return 0;
  int number = log::level_by_name(name);
  if (number == 0)
    return Failure::of(Status::invalid, std::string(field) + ": no level is called '" + name + "'", "ValueError");
  return number;
}

Result<Done> not_negative(int64_t value, const char* field) {
  if (value >= 0) return Done{};
  return Failure::of(Status::invalid, std::string(field) + " is negative", "ValueError");
}

Result<std::vector<ModuleSpec>> modules(const char* const* list, const char* field) {
  auto texts = strings(list, field);
  if (!texts) return texts.failure();
  std::vector<ModuleSpec> out;
  for (const std::string& text : *texts) {
    size_t eq = text.find('=');
    if (eq == 0 || text.empty())
      return Failure::of(Status::invalid, std::string(field) + ": a module has no name", "ValueError");
    out.push_back(eq == std::string::npos ? ModuleSpec{text, {}} : ModuleSpec{text.substr(0, eq), text.substr(eq + 1)});
  }
  return out;
}

}  // namespace

// Each field is one line; the first that is wrong is the answer.
#define TRY(target, expression)             \
  do {                                      \
    auto result_ = (expression);            \
    if (!result_) return result_.failure(); \
    target = std::move(*result_);           \
  } while (false)
#define CHECK(expression)                   \
  do {                                      \
    auto result_ = (expression);            \
    if (!result_) return result_.failure(); \
  } while (false)

Result<Done> check_actor_name(std::string_view name, const char* field) {
  if (name.size() > kLongestName)
    return Failure::of(Status::invalid,
                       std::string(field) + " has " + std::to_string(name.size()) + " bytes; at most " +
                           std::to_string(kLongestName) + " are allowed",
                       "ValueError");
  if (!wire::valid_utf8(name)) return Failure::of(Status::invalid, std::string(field) + " is not UTF-8", "ValueError");
  return Done{};
}

Result<RootConfig> read_root_options(const tractor_root_options* options) {
  tractor_root_options o;
  TRY(o, read_options(options, sizeof(tractor_root_options), "tractor_root_options"));
  RootConfig c;
  CHECK(check_flags(o.flags, kRootFlags, "tractor_root_options.flags"));
  CHECK(not_yet(o.flags, TRACTOR_ROOT_DEBUG_MODE, "TRACTOR_ROOT_DEBUG_MODE"));
  CHECK(not_yet(o.flags, TRACTOR_ROOT_ENABLE_STACK_ON_SIG, "TRACTOR_ROOT_ENABLE_STACK_ON_SIG"));
  CHECK(check_start_method(o.start_method));
  CHECK(check_reserved(o.reserved0, "tractor_root_options.reserved0"));
  CHECK(not_negative(o.handshake_timeout_ns, "tractor_root_options.handshake_timeout_ns"));
  if (o.name && *o.name) c.name = o.name;
  CHECK(check_actor_name(c.name, "tractor_root_options.name"));
  TRY(c.modules, modules(o.enable_modules, "tractor_root_options.enable_modules"));
  TRY(c.registry_addrs, addresses(o.registry_addrs, "tractor_root_options.registry_addrs"));
  TRY(c.bind_addrs, addresses(o.tpt_bind_addrs, "tractor_root_options.tpt_bind_addrs"));
  if (o.enable_transports) {
    TRY(c.transports, transports(o.enable_transports, "tractor_root_options.enable_transports"));
    CHECK(all_enabled(c.registry_addrs, c.transports, o.enable_transports));
  } else if (!c.registry_addrs.empty()) {
    c.transports = kinds_of(c.registry_addrs);
  }
  TRY(c.log_level, level(o.log_level, "tractor_root_options.log_level"));
#ifdef TRACTOR_STATIC
  if (o.event_base) return Failure::of(Status::not_supported, "a static libtractor has a libevent of its own");
#endif
  c.base = o.event_base;
  c.client = (o.flags & TRACTOR_ROOT_CLIENT) != 0;
  CHECK(client_only_asks(c, o));
  c.local = (o.flags & TRACTOR_ROOT_LOCAL) != 0;
  c.ensure_registry = (o.flags & TRACTOR_ROOT_ENSURE_REGISTRY) != 0;
  c.subreaper = (o.flags & TRACTOR_ROOT_SUBREAPER) != 0;
  c.signals = (o.flags & TRACTOR_ROOT_SIGNALS) != 0;
  if (o.handshake_timeout_ns) c.handshake_timeout = o.handshake_timeout_ns;
  if (o.stream_window == TRACTOR_NO_WINDOW) {
    c.stream_window = 0;
  } else if (o.stream_window) {
    if (o.stream_window > INT64_MAX / 2)
      return Failure::of(Status::invalid, "tractor_root_options.stream_window is beyond what can be granted",
                         "ValueError");
    c.stream_window = o.stream_window;
  }
  if (o.max_frame) {
    if (o.max_frame > UINT32_MAX)
      return Failure::of(Status::invalid, "tractor_root_options.max_frame is beyond what a frame can hold",
                         "ValueError");
    c.max_frame = o.max_frame;
  }
  return c;
}

Result<RootConfig> read_boot_options(const tractor_root_options* options) {
  tractor_root_options o;
  TRY(o, read_options(options, sizeof(tractor_root_options), "tractor_root_options"));
  constexpr uint32_t kFlags = TRACTOR_ROOT_ENSURE_REGISTRY | TRACTOR_ROOT_CLIENT;
  const char* late = o.name                           ? "name"
                     : o.log_level                    ? "log_level"
                     : o.event_base                   ? "event_base"
                     : o.flags & kRootFlags & ~kFlags ? "flags"
                     : o.handshake_timeout_ns         ? "handshake_timeout_ns"
                     : o.stream_window                ? "stream_window"
                     : o.max_frame                    ? "max_frame"
                     : o.start_method                 ? "start_method"
                                                      : nullptr;
  if (late)
    return Failure::of(Status::invalid,
                       std::string("tractor_root_options.") + late + ": tractor_actor_boot() comes too late for that",
                       "ValueError");
  return read_root_options(&o);
}

Result<SpawnConfig> read_spawn_options(const tractor_spawn_options* options) {
  tractor_spawn_options o;
  TRY(o, read_options(options, sizeof(tractor_spawn_options), "tractor_spawn_options"));
  SpawnConfig c;
  CHECK(check_flags(o.flags, kSpawnFlags, "tractor_spawn_options.flags"));
  CHECK(not_yet(o.flags, TRACTOR_SPAWN_DEBUG_MODE, "TRACTOR_SPAWN_DEBUG_MODE"));
  CHECK(not_yet(o.flags, TRACTOR_SPAWN_INFECT_ASYNCIO, "TRACTOR_SPAWN_INFECT_ASYNCIO"));
  if (o.name) c.name = o.name;
  CHECK(check_actor_name(c.name, "tractor_spawn_options.name"));
  CHECK(not_negative(o.boot_timeout_ns, "tractor_spawn_options.boot_timeout_ns"));
  CHECK(not_negative(o.cancel_timeout_ns, "tractor_spawn_options.cancel_timeout_ns"));
  CHECK(not_negative(o.kill_timeout_ns, "tractor_spawn_options.kill_timeout_ns"));
  TRY(c.modules, modules(o.modules, "tractor_spawn_options.modules"));
  c.program = o.program ? o.program : "";
  if (o.program && !*o.program)
    return Failure::of(Status::invalid, "tractor_spawn_options.program is empty", "ValueError");
  TRY(c.argv, strings(o.argv, "tractor_spawn_options.argv"));
  if (o.env) TRY(c.env, strings(o.env, "tractor_spawn_options.env"));
  c.cwd = o.cwd ? o.cwd : "";
  int log_level = 0;
  TRY(log_level, level(o.log_level, "tractor_spawn_options.log_level"));
  if (log_level) c.log_level = log::level_name(log_level);
  if (o.enable_transports)
    TRY(c.transports, transports(o.enable_transports, "tractor_spawn_options.enable_transports"));
  TRY(c.bind_addrs, addresses(o.bind_addrs, "tractor_spawn_options.bind_addrs"));
  if (o.boot_timeout_ns) c.boot_timeout = o.boot_timeout_ns;
  c.cancel_timeout = o.cancel_timeout_ns;
  c.kill_timeout = o.kill_timeout_ns;
  c.ignore_death = (o.flags & TRACTOR_SPAWN_IGNORE_DEATH) != 0;
  c.on_exit = o.on_exit;
  c.on_exit_user = o.on_exit_user;
  if (o.pass_fds_count > 0 && !o.pass_fds)
    return Failure::of(Status::invalid, "tractor_spawn_options.pass_fds is NULL", "ValueError");
  if (o.pass_fds_count > kMostItems)
    return Failure::of(Status::invalid, "tractor_spawn_options.pass_fds_count is too large", "ValueError");
  c.pass_fds.assign(o.pass_fds, o.pass_fds + o.pass_fds_count);
  for (int32_t fd : c.pass_fds)
    if (fd < 3)
      return Failure::of(Status::invalid, "tractor_spawn_options.pass_fds: " + std::to_string(fd) + " is below 3",
                         "ValueError");
  switch (o.stderr_mode) {
    case TRACTOR_STDERR_RELAY: c.stderr_mode = StderrMode::relay; break;
    case TRACTOR_STDERR_CAPTURE: c.stderr_mode = StderrMode::capture; break;
    case TRACTOR_STDERR_INHERIT: c.stderr_mode = StderrMode::inherit; break;
    default:
      return Failure::of(Status::invalid, "tractor_spawn_options.stderr_mode is " + std::to_string(o.stderr_mode),
                         "ValueError");
  }
  return c;
}

#undef TRY
#undef CHECK

}  // namespace tractor::core
