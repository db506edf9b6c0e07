#include <tractor/discovery.h>

#include "capi/call_options.hpp"
#include "capi/guard.hpp"
#include "runtime/actor.hpp"
#include "runtime/discover.hpp"

using namespace tractor::core;

namespace {

tractor_op discover(tractor_nursery* in, DiscoverOp::What what, const char* name, const char* addr,
                    const tractor_call_options* options, tractor_portal_fn fn, void* user) {
  return guarded<tractor_op>([&]() -> tractor_op {
    if (!in) return Actor::current() ? TRACTOR_EINVAL : TRACTOR_ERUNTIME;
    Nursery* n = live(in);
    if (!n) return TRACTOR_ECLOSED;
    ErrorRef bad;
    CallOptions call = call_options(options, bad);
    if (what != DiscoverOp::What::registry && (!name || !*name))
      note(bad, Failure::of(Status::invalid, "no name to look for", "ValueError"));
    std::optional<Address> at;
    if (addr) {
      auto parsed = parse_multiaddr(addr);
      if (parsed)
        at = std::move(*parsed);
      else
        note(bad, parsed.failure());
    }
    return DiscoverOp::start(*Actor::current(), *n, what, text_or(name, ""), std::move(at), call.timeout, bad, fn,
                             user);
  });
}

}  // namespace

tractor_op tractor_find_actor(tractor_nursery* in, const char* name, const tractor_call_options* options,
                              tractor_portal_fn fn, void* user) {
  return discover(in, DiscoverOp::What::find, name, nullptr, options, fn, user);
}

tractor_op tractor_wait_for_actor(tractor_nursery* in, const char* name, const tractor_call_options* options,
                                  tractor_portal_fn fn, void* user) {
  return discover(in, DiscoverOp::What::wait, name, nullptr, options, fn, user);
}

tractor_op tractor_get_registry(tractor_nursery* in, const char* addr, const tractor_call_options* options,
                                tractor_portal_fn fn, void* user) {
  return discover(in, DiscoverOp::What::registry, nullptr, addr, options, fn, user);
}
