// Finding actors.
#pragma once

#include <tractor/discovery.h>

#include <coroutine>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec.hpp"
#include "error.hpp"
#include "generator.hpp"
#include "operation.hpp"
#include "options.hpp"
#include "portal.hpp"
#include "value.hpp"
#include "wait_list.hpp"

namespace tractor {

namespace detail {

struct c_find_options : tractor_find_options {
  explicit c_find_options(const find_options& o) : tractor_find_options{} {
    struct_size = sizeof(tractor_find_options);
    timeout_ns = o.timeout.count();
    registry_addrs = o.registry_addrs;
    flags = o.raise_on_none ? std::uint32_t{TRACTOR_FIND_RAISE_ON_NONE} : 0;
  }
};

/// What a search yields: NULL is nobody.
struct found : std::optional<portal> {
  explicit found(tractor_portal* c) {
    if (c) emplace(c);
  }
};

}  // namespace detail

/// Looks for an actor by name or uuid; of several of that name it is the last registered.
///
///     std::optional<portal> worker = co_await find_actor("worker");
///
/// The connection ends with the innermost nursery around this task, or by portal::close(). A cancel_scope, fail_after() or
/// move_on_after() is one too, and takes along what was found in it: give the search a timeout instead.
/// @return nullopt: nobody has that name. @throws error with ::TRACTOR_EREGISTRY if no registrar can be asked, timed_out,
///         cancelled
[[nodiscard]] inline auto find_actor(std::string_view name, const find_options& options = {}) {
  return detail::make_operation<detail::found>(
      [name, options](tractor_nursery* in, tractor_portal_fn done, void* user) {
        detail::c_find_options o(options);
        return tractor_find_actor(in, std::string(name).c_str(), &o, done, user);
      });
}

/// The same, but it waits until there is such an actor. @throws as find_actor(); transport_error if it can't be reached
[[nodiscard]] inline auto wait_for_actor(std::string_view name, const find_options& options = {}) {
  return detail::make_operation<portal>([name, options](tractor_nursery* in, tractor_portal_fn done, void* user) {
    detail::c_find_options o(options);
    return tractor_wait_for_actor(in, std::string(name).c_str(), &o, done, user);
  });
}

/// Asks where an actor is, without connecting to it. @return its multiaddrs, the nearest first; nullopt: nobody has that name.
/// @throws as find_actor()
[[nodiscard]] inline auto query_actor(std::string_view name, const find_options& options = {}) {
  return detail::make_operation<std::optional<std::vector<std::string>>>(
      [name, options](tractor_nursery* in, tractor_value_fn done, void* user) {
        detail::c_find_options o(options);
        return tractor_query_actor(in, std::string(name).c_str(), &o, done, user);
      });
}

/// A portal to a registrar, whose end points are called with portal::run_from_ns(); see tractor_get_registry().
/// @param address  multiaddr; NULL: this actor's first registrar, which may be itself
/// @throws error with ::TRACTOR_EREGISTRY if what answers there is none, transport_error, timed_out, cancelled
[[nodiscard]] inline auto get_registry(const char* address = nullptr, const call_options& options = {}) {
  return detail::make_operation<portal>([address, options](tractor_nursery* in, tractor_portal_fn done, void* user) {
    detail::c_call_options o(options);
    return tractor_get_registry(in, address, &o, done, user);
  });
}

/// A portal to the root of this tree. @throws error a RuntimeError if the parent has not told where that is; transport_error,
/// timed_out, cancelled
[[nodiscard]] inline auto get_root(const call_options& options = {}) {
  return detail::make_operation<portal>([options](tractor_nursery* in, tractor_portal_fn done, void* user) {
    detail::c_call_options o(options);
    return tractor_get_root(in, &o, done, user);
  });
}

/// Somebody came or went.
struct watch_event {
  enum event_type {
    join = TRACTOR_WATCH_JOIN,     ///< is registered, or its addresses are others now
    leave = TRACTOR_WATCH_LEAVE,   ///< is not any more
    synced = TRACTOR_WATCH_SYNCED  ///< all who were there when the watch began have been told; comes once, of nobody
  };
  event_type type;
  std::string name, uuid;
  std::vector<std::string> addresses;  ///< as multiaddrs; empty for a leave
};

namespace detail {

/// A watch and what it has told so far; lives in the frame of watch_actors().
class watch {
 public:
  watch() = default;
  watch(const watch&) = delete;
  ~watch() {
    if (op_ > 0) tractor_op_abandon(actor_, op_);
  }

  void open(tractor_nursery* in, const char* name, const find_options& options) {
    c_find_options o(options);
    actor_ = tractor_nursery_actor(in);
    op_ = tractor_watch_actors(in, name, &o, on_event, on_end, this);
    check(op_);
  }

  class receiving : public waiter {
   public:
    explicit receiving(watch& w) noexcept : watch_(w) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      if (watch_.settled() && self.promise().may_hurry()) return false;
      wait_in(watch_.waiters_, self.promise().scope(), self, "watch_actors()");
      if (watch_.settled()) watch_.waiters_.wake_all();
      return true;
    }
    watch_event await_resume() {
      check_cancelled();
      return watch_.take();
    }

   private:
    watch& watch_;
  };
  receiving receive() noexcept { return receiving(*this); }

 private:
  bool settled() const noexcept { return !events_.empty() || op_ == 0; }
  watch_event take() {
    if (events_.empty()) throw_error(error_.get());
    watch_event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

  static void on_event(int type, const tractor_id* id, const char* const* addresses, void* user) {
    watch_event event{static_cast<watch_event::event_type>(type), {}, {}, {}};
    if (id) {
      event.name = id->name;
      event.uuid = id->uuid;
    }
    for (; addresses && *addresses; ++addresses) event.addresses.emplace_back(*addresses);
    auto self = static_cast<watch*>(user);
    self->events_.push_back(std::move(event));
    self->waiters_.wake_all();
  }
  static void on_end(const tractor_error* err, void* user) {
    auto self = static_cast<watch*>(user);
    self->op_ = 0;
    self->error_.reset(tractor_error_ref(err));
    self->waiters_.wake_all();
  }

  tractor_actor* actor_ = nullptr;
  tractor_op op_ = 0;
  std::deque<watch_event> events_;
  error_ptr error_;
  wait_list waiters_;
};

}  // namespace detail

/// Watches a registrar: first who is registered, then who comes and goes. It has no end of its own; dropping it ends the watch.
///
///     auto events = watch_actors("worker");
///     while (auto event = co_await events.receive()) ...
///
/// The watch belongs to the scope that asks for the first event. @param name  whom; empty: everybody.
/// @param options  at most one of `registry_addrs`; the timeout bounds the whole watch
/// @throws error with ::TRACTOR_EREGISTRY if the registrar can't be asked or is lost; timed_out, cancelled
inline generator<watch_event> watch_actors(std::string name = {}, find_options options = {}) {
  detail::watch watch;
  watch.open(co_await detail::this_scope(), name.empty() ? nullptr : name.c_str(), options);
  for (;;) {
    watch_event event = co_await watch.receive();
    co_yield event;
  }
}

/// Checks a table of where actors are to be, as a configuration has it: names with lists of addresses, which are multiaddrs or
/// pairs. @return the same with all addresses as multiaddrs. @throws error a ValueError that names the place
template <class Table>
std::map<std::string, std::vector<std::string>> parse_endpoints(const Table& table) {
  tractor_bytes parsed = tractor_parse_endpoints(encode(table));
  if (const char* why = tractor_bytes_error(parsed)) throw error("ValueError", why);
  return value(parsed).as<std::map<std::string, std::vector<std::string>>>();
}

}  // namespace tractor
