#include <tractor/portal.h>

#include "capi/call_options.hpp"
#include "capi/guard.hpp"
#include "rpc/call.hpp"
#include "rpc/open_context.hpp"
#include "rpc/portal.hpp"
#include "runtime/modules.hpp"
#include "wire/payload.hpp"

using namespace tractor::core;

namespace {

/// The runtime's end points that some peer serves. Others are not even asked for: a peer of another make might not survive it.
bool served_somewhere(std::string_view func) {
  for (const char* known :
       {"register_actor", "unregister_actor", "find_actor", "wait_for_actor", "get_registry", "delete_addr"})
    if (func == known) return true;
  return false;
}

/// Null if the peer serves it, else the answer that it would give.
Result<Done> check_self(const Portal& portal, std::string_view func) {
  PeerLink* link = portal.link();
  if (!link || link->peer_is_native()) return Done{};
  if (served_somewhere(func) && link->peer_is_registrar()) return Done{};
  return Failure::of(Status::remote,
                     "'" + std::string(func) + "' is not served by " + portal.id().name + " in namespace 'self'",
                     "AttributeError");
}

tractor_op run(tractor_portal* portal, tractor_nursery* in, const char* ns, const char* func, tractor_bytes args,
               const tractor_call_options* options, bool self_allowed, tractor_value_fn fn, void* user) {
  return guarded<tractor_op>([&]() -> tractor_op {
    Portal* p = from_c(portal);
    if (!p) return TRACTOR_EINVAL;
    Nursery* n = in ? live(in) : p->default_in();
    if (!n || n->ended()) return TRACTOR_ECLOSED;
    ErrorRef bad;
    CallOptions call = call_options(options, bad);
    auto kwargs = check_arguments({static_cast<const char*>(args.data), args.len});
    if (!kwargs) note(bad, kwargs.failure());
    if (auto ok = check_endpoint_name(ns, func); !ok) {
      note(bad, ok.failure());
    } else if (std::string_view(ns) == "self") {
      if (!self_allowed)
        note(bad, Failure::of(Status::invalid, "'self' is no module: see tractor_portal_run_from_ns()", "ValueError"));
      if (auto served = check_self(*p, func); !served) note(bad, served.failure());
    }
    if (p->closed()) note(bad, Failure::of(Status::closed, "the portal has ended"));
    return RunOp::start(*p, *n, {text_view(ns), text_view(func), kwargs ? *kwargs : kEmptyMap}, call.timeout, bad, fn,
                        user);
  });
}

/// What the caller expects of the endpoint's payloads: what it says, or else what it knows of the endpoint itself.
std::optional<PayloadSpec> schema_of(const char* module, const char* func, const CallOptions& call, ErrorRef& bad) {
  if (call.schema) {
    auto spec = PayloadSpec::parse(call.schema);
    if (spec) return *spec;
    note(bad, spec.failure());
    return std::nullopt;
  }
  const Module* known = bad ? nullptr : Modules::find(module);
  const Endpoint* endpoint = known ? known->find(func) : nullptr;
  return endpoint ? endpoint->schema : std::nullopt;
}

tractor_op open(tractor_portal* portal, tractor_nursery* in, const char* module, const char* func, tractor_bytes args,
                const tractor_call_options* options, const OpenContext::Handlers& handlers) {
  return guarded<tractor_op>([&]() -> tractor_op {
    Portal* p = from_c(portal);
    if (!p) return TRACTOR_EINVAL;
    Nursery* n = in ? live(in) : p->default_in();
    if (!n || n->ended() || p->closed()) return TRACTOR_ECLOSED;
    ErrorRef bad;
    CallOptions call = call_options(options, bad);
    auto kwargs = check_arguments({static_cast<const char*>(args.data), args.len});
    if (!kwargs) note(bad, kwargs.failure());
    if (auto ok = check_endpoint_name(module, func); !ok)
      note(bad, ok.failure());
    else if (std::string_view(module) == "self")
      note(bad, Failure::of(Status::invalid, "'self' is no module", "ValueError"));
    OpenContext::Options how{call.timeout, call.stream, schema_of(module, func, call, bad)};
    return OpenContext::open(*p, *n, {text_view(module), text_view(func), kwargs ? *kwargs : kEmptyMap}, std::move(how),
                             bad, handlers);
  });
}

}  // namespace

tractor_op tractor_portal_run(tractor_portal* portal, tractor_nursery* in, const char* module, const char* func,
                              tractor_bytes args, const tractor_call_options* options, tractor_value_fn fn,
                              void* user) {
  return run(portal, in, module, func, args, options, false, fn, user);
}

tractor_op tractor_portal_run_from_ns(tractor_portal* portal, tractor_nursery* in, const char* ns, const char* func,
                                      tractor_bytes args, const tractor_call_options* options, tractor_value_fn fn,
                                      void* user) {
  return run(portal, in, ns, func, args, options, true, fn, user);
}

tractor_op tractor_portal_open_context(tractor_portal* portal, tractor_nursery* in, const char* module,
                                       const char* func, tractor_bytes args, const tractor_call_options* options,
                                       tractor_started_fn on_started, tractor_value_fn on_result, void* user) {
  return open(portal, in, module, func, args, options,
              {.on_started = on_started, .on_result = on_result, .user = user});
}

tractor_op tractor_portal_open_stream_from(tractor_portal* portal, tractor_nursery* in, const char* module,
                                           const char* func, tractor_bytes args, const tractor_call_options* options,
                                           tractor_stream_fn on_open, tractor_done_fn on_end, void* user) {
  if (!on_open) return TRACTOR_EINVAL;  // nobody could read or close it
  return open(portal, in, module, func, args, options,
              {.on_open = on_open, .on_end = on_end, .user = user, .generator = true});
}

tractor_op tractor_portal_cancel_actor(tractor_portal* portal, tractor_nursery* in, const tractor_call_options* options,
                                       tractor_done_fn fn, void* user) {
  return guarded<tractor_op>([&]() -> tractor_op {
    Portal* p = from_c(portal);
    if (!p) return TRACTOR_EINVAL;
    Nursery* n = in ? live(in) : p->default_in();
    if (!n || n->ended()) return TRACTOR_ECLOSED;
    ErrorRef bad;
    CallOptions call = call_options(options, bad);
    return CancelActorOp::start(*p, *n, call.timeout, bad, fn, user);
  });
}

void tractor_portal_close(tractor_portal* portal) {
  guarded<int>([&] {
    if (portal) from_c(portal)->close();
    return 0;
  });
}

const tractor_id* tractor_portal_id(tractor_portal* portal) {
  static const tractor_id nobody{"", "", 0};
  return portal ? &from_c(portal)->c_id() : &nobody;
}

const char* tractor_portal_address(tractor_portal* portal) { return portal ? from_c(portal)->address().c_str() : ""; }

const char* tractor_portal_local_address(tractor_portal* portal) {
  return portal ? from_c(portal)->local_address().c_str() : "";
}

bool tractor_portal_connected(tractor_portal* portal) {
  return guarded_or(false, [&] { return portal && from_c(portal)->connected(); });
}

tractor_portal* tractor_portal_ref(tractor_portal* portal) {
  if (portal) from_c(portal)->ref();
  return portal;
}

void tractor_portal_unref(tractor_portal* portal) {
  if (portal) from_c(portal)->unref();
}
