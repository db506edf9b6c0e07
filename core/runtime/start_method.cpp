#include "runtime/start_method.hpp"

#include <cstdlib>
#include <string_view>

#include "base/log.hpp"

namespace tractor::core {

namespace {

/// "trio" is what the original calls it.
bool is_exec(std::string_view name) { return name == "exec" || name == "trio"; }

/// The original's others. They hand Python objects over, or fork an interpreter.
bool is_foreign(std::string_view name) { return name == "mp_spawn" || name == "mp_forkserver"; }

Failure unknown(const char* where, const char* name) {
  return Failure::of(Status::invalid,
                     std::string(where) + ": no start method is called '" + name + "': there is 'exec', or 'trio'",
                     "ValueError");
}

}  // namespace

Result<Done> check_start_method(const char* wanted) {
  constexpr const char* kOption = "tractor_root_options.start_method";
  constexpr const char* kVariable = "TRACTOR_SPAWN_METHOD";
  if (wanted && !is_exec(wanted) && !is_foreign(wanted)) return unknown(kOption, wanted);
  const char* where = kOption;
  const char* from_env = std::getenv(kVariable);
  if (from_env && *from_env) {
    if (!is_exec(from_env) && !is_foreign(from_env)) return unknown(kVariable, from_env);
    if (wanted && is_exec(wanted) != is_exec(from_env))
      TRACTOR_LOG(kWarning, "tractor.spawn", "%s=%s overrides the start method '%s'", kVariable, from_env, wanted);
    wanted = from_env;
    where = kVariable;
  }
  if (!wanted || is_exec(wanted)) return Done{};
  return Failure::of(Status::not_supported,
                     std::string(where) + ": '" + wanted + "' is a way to start Python processes; here there is 'exec'",
                     "NotImplementedError");
}

}  // namespace tractor::core
