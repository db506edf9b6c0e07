#include <tractor/discovery.h>

#include "capi/call_options.hpp"
#include "capi/find_options.hpp"
#include "capi/guard.hpp"
#include "runtime/actor.hpp"
#include "runtime/discover.hpp"
#include "runtime/registry_watch.hpp"

using namespace tractor::core;

namespace {

/// `read` makes the question of the options and notes what is wrong with them.
template <class Fn, class Read>
tractor_op discover(tractor_nursery* in, Read&& read, Fn fn, void* user) {
  return guarded<tractor_op>([&]() -> tractor_op {
    if (!in) return Actor::current() ? TRACTOR_EINVAL : TRACTOR_ERUNTIME;
    Nursery* n = live(in);
    if (!n) return TRACTOR_ECLOSED;
    ErrorRef bad;
    if (!Actor::current()->has_runtime()) note(bad, no_runtime());
    Question question = read(bad);
    return DiscoverOp::start(*Actor::current(), *n, std::move(question), bad, fn, user);
  });
}

template <class Fn>
tractor_op look_for(tractor_nursery* in, Question::What what, const char* name, const tractor_find_options* options,
                    Fn fn, void* user) {
  return discover(
      in,
      [&](ErrorRef& bad) {
        const bool may_raise = what == Question::What::find || what == Question::What::where;
        FindOptions find = find_options(options, may_raise ? TRACTOR_FIND_RAISE_ON_NONE : 0, bad);
        if (!name || !*name) note(bad, Failure::of(Status::invalid, "no name to look for", "ValueError"));
        return Question{what, text_or(name, ""), std::move(find.registrars), find.raise_on_none, find.timeout};
      },
      fn, user);
}

}  // namespace

tractor_op tractor_find_actor(tractor_nursery* in, const char* name, const tractor_find_options* options,
                              tractor_portal_fn fn, void* user) {
  return look_for(in, Question::What::find, name, options, fn, user);
}

tractor_op tractor_wait_for_actor(tractor_nursery* in, const char* name, const tractor_find_options* options,
                                  tractor_portal_fn fn, void* user) {
  return look_for(in, Question::What::wait, name, options, fn, user);
}

tractor_op tractor_query_actor(tractor_nursery* in, const char* name, const tractor_find_options* options,
                               tractor_value_fn fn, void* user) {
  if (!fn) return TRACTOR_EINVAL;
  return look_for(in, Question::What::where, name, options, fn, user);
}

tractor_op tractor_get_registry(tractor_nursery* in, const char* addr, const tractor_call_options* options,
                                tractor_portal_fn fn, void* user) {
  return discover(
      in,
      [&](ErrorRef& bad) {
        Question question{Question::What::registry};
        question.timeout = call_options(options, bad).timeout;
        if (!addr) return question;
        auto at = parse_address_argument(addr);
        if (at)
          question.registrars.push_back(std::move(*at));
        else
          note(bad, at.failure());
        return question;
      },
      fn, user);
}

tractor_op tractor_get_root(tractor_nursery* in, const tractor_call_options* options, tractor_portal_fn fn,
                            void* user) {
  return discover(
      in,
      [&](ErrorRef& bad) {
        Question question{Question::What::root};
        question.timeout = call_options(options, bad).timeout;
        return question;
      },
      fn, user);
}

tractor_op tractor_watch_actors(tractor_nursery* in, const char* name, const tractor_find_options* options,
                                tractor_watch_fn on_event, tractor_done_fn on_end, void* user) {
  return guarded<tractor_op>([&]() -> tractor_op {
    if (!in) return Actor::current() ? TRACTOR_EINVAL : TRACTOR_ERUNTIME;
    Nursery* n = live(in);
    if (!n) return TRACTOR_ECLOSED;
    if (!on_event) return TRACTOR_EINVAL;
    ErrorRef bad;
    if (!Actor::current()->has_runtime()) note(bad, no_runtime());
    FindOptions find = find_options(options, 0, bad);
    if (find.registrars.size() > 1)
      note(bad, Failure::of(Status::invalid, "tractor_find_options.registry_addrs: one registrar is watched at a time",
                            "ValueError"));
    Question question{Question::What::registry, text_or(name, ""), std::move(find.registrars), false, find.timeout};
    return RegistryWatch::start(*Actor::current(), *n, std::move(question), bad, {on_event, on_end, user});
  });
}
