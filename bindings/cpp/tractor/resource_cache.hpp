// One resource for many users.
#pragma once

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "arrival.hpp"
#include "arguments.hpp"
#include "box.hpp"
#include "event.hpp"
#include "hazard.hpp"
#include "hold.hpp"
#include "options.hpp"
#include "resource.hpp"
#include "start.hpp"
#include "task.hpp"
#include "task_group.hpp"

namespace tractor {

namespace detail {

/// One time that a resource is open: from its first user to its end.
class shared_opening {
 public:
  /// One that uses it; lives in the user's frame.
  class user {
   public:
    explicit user(std::shared_ptr<shared_opening> of) : of_(std::move(of)) { of_->users_.push_back(this); }
    user(const user&) = delete;
    ~user() {
      leave();
      std::erase(of_->leavers_, this);
    }

    /// Its body is cancelled there if the resource has to end before it. False if it has to already.
    bool begin(tractor_nursery* scope) noexcept {
      scope_ = scope;
      return present_;
    }
    void leave() noexcept {
      if (!std::exchange(present_, false)) return;
      std::erase(of_->users_, this);
      of_->close_if_unused();
    }
    /// After that: has it to wait for the end, as the last one, or because the resource goes before its users?
    bool sees_its_end() const noexcept { return of_->users_.empty() || of_->cut_; }
    arrival::waiting end() {
      of_->leavers_.push_back(this);
      if (of_->gone.is_set()) ended_.come();
      return ended_.wait();
    }

   private:
    friend shared_opening;
    std::shared_ptr<shared_opening> of_;
    tractor_nursery* scope_ = nullptr;
    arrival ended_;
    bool present_ = true;
  };

  event entered;  ///< it is open, or over
  event gone;
  std::exception_ptr failure;

  bool is_open() const noexcept { return entered.is_set() && !closing_; }
  /// Did it have to end before its users?
  bool was_cut() const noexcept { return cut_; }
  /// Will anybody be told how it ended?
  bool is_awaited() const noexcept { return !leavers_.empty(); }

  /// What the resource's block does.
  task<> until_unused() {
    tractor_nursery* scope = co_await this_scope();
    co_await unused_.wait();
    if (is_stopped(scope)) throw cancelled{};
  }
  void end() noexcept {
    entered.set();
    gone.set();
    for (user* u : leavers_) u->ended_.come();
  }

 private:
  /// Decided at once, so that nobody comes while it closes.
  void close_if_unused() noexcept {
    if (!users_.empty()) return;
    closing_ = true;
    unused_.come();
  }
  /// The scope of the resource is cancelled. Those who have not begun to use it never will.
  static void cut(void* user_data) {
    auto self = static_cast<shared_opening*>(user_data);
    self->closing_ = self->cut_ = true;
    std::erase_if(self->users_, [](user* u) {
      if (u->scope_) tractor_nursery_cancel(u->scope_, "its resource ends");
      return !(u->present_ = u->scope_ != nullptr);
    });
    self->close_if_unused();
  }

  std::vector<user*> users_, leavers_;
  arrival unused_{cut, this};
  bool closing_ = false, cut_ = false;
};

}  // namespace detail

/// Opens one resource for each key, with the first that uses it, and closes it with the last; the original's
/// `maybe_open_context()`. The resource runs in a task of its own. What happens to one key, happens one after the other: who comes
/// while it is being closed opens it again afterwards. The cache has to outlive its uses.
template <class Key, class T>
class resource_cache {
 public:
  /// Resources run in the actor's own nursery,
  resource_cache() = default;
  /// or in this group.
  explicit resource_cache(task_group& owner) : owner_(owner.c_nursery()) {}
  resource_cache(const resource_cache&) = delete;
  resource_cache& operator=(const resource_cache&) = delete;

  /// Runs `body(value)` or `body(value, cache_hit)` with the key's T&, which `open` makes if nobody has it open: a resource<T> or a
  /// function as `block` says, called with the block alone.
  ///
  ///     co_await feeds.use("prices", open_prices, [&](feed& f) -> task<> { ... });
  ///
  /// What `open` captures by reference has to outlive the resource, not only its first use.
  /// The last user goes on when the resource is closed, no cancel cuts that short. If a resource ends while it is used, its users
  /// are cut short.
  /// @throws what `open` throws before its block, to the first user; what it throws after it, to the last one or to those who were
  ///         cut short, stronger than a cancel; what the body throws
  template <class K = Key, class Open, class Body>
  requires std::is_convertible_v<K&&, Key>
  [[nodiscard]] task<> use(K&& key, Open&& open, Body&& body) {
    detail::refuse_hazards<K&&>();
    if constexpr (!detail::is_resource<Open>) detail::refuse_hazard_bodies<Open&&>();
    detail::refuse_hazard_bodies<Body&&>();
    return run<std::decay_t<Open>, Body>(*this, std::forward<K>(key), std::forward<Open>(open),
                                         std::forward<Body>(body));
  }

  /// How many are open, or being opened or closed.
  std::size_t size() const noexcept { return entries_->size(); }

 private:
  struct entry : detail::shared_opening {
    T* value = nullptr;
  };
  using entries = std::map<Key, std::shared_ptr<entry>>;

  /// The task of one resource, from its opening to its end.
  template <class Open>
  static task<> keep_open(task_status<>& status, std::shared_ptr<entries> all, Key key, std::shared_ptr<entry> e,
                          Open open) {
    bool was_opened = false;
    auto stay = [&](T value) -> task<> {
      if (was_opened) throw misuse_error(TRACTOR_ERUNTIME, "RuntimeError", "a resource has called its block twice");
      was_opened = true;
      e->value = &value;
      e->entered.set();
      status.started();
      co_await e->until_unused();
    };
    try {
      co_await open(block<T>(stay));
      if (!was_opened)
        throw misuse_error(TRACTOR_ERUNTIME, "RuntimeError", "a resource has ended without calling its block");
    } catch (const cancelled&) {
    } catch (...) {
      e->failure = std::current_exception();
    }
    all->erase(key);
    bool is_told = was_opened && e->is_awaited();
    e->end();
    if (e->failure && !is_told) std::rethrow_exception(e->failure);
  }

  template <class Open>
  static task<> open_first(resource_cache& self, Key key, std::shared_ptr<entry> e, Open open) {
    tractor_nursery* scope = co_await detail::this_scope();
    task_group group(self.owner_ ? self.owner_ : tractor_actor_nursery(tractor_nursery_actor(scope)));
    auto opening = group.start("a shared resource", keep_open<Open>, self.entries_, key, e, std::move(open));
    try {
      co_await std::move(opening);
    } catch (...) {
      if (!e->gone.is_set()) {  // its task never began
        self.entries_->erase(key);
        e->end();
      }
      throw;
    }
  }

  /// The opening that is there for the key, when it is open; null if there is none.
  task<std::shared_ptr<entry>> find_open(const Key& key) {
    for (;;) {
      auto found = entries_->find(key);
      if (found == entries_->end()) co_return nullptr;
      std::shared_ptr<entry> e = found->second;
      if (e->is_open()) co_return e;
      if (e->entered.is_set())
        co_await e->gone.wait();
      else
        co_await e->entered.wait();
    }
  }

  template <class Open, class Body>
  static task<> run(resource_cache& self, Key key, Open open, Body body) {
    tractor_nursery* outer = co_await detail::this_scope();
    detail::hold parent_is_alive(outer, "the user of a resource");
    std::shared_ptr<entry> e = co_await self.find_open(key);
    bool hit = e != nullptr;
    if (!hit) e = self.entries_->emplace(key, std::make_shared<entry>()).first->second;
    typename entry::user me(e);
    if (!hit) co_await open_first<Open>(self, key, e, std::move(open));

    detail::opened_nursery opened(outer, {});
    detail::hold end_of_use(opened.get(), "the end of a resource");
    if (me.begin(opened.get())) {
      detail::hold work(opened.get(), "the user of a resource");
      try {
        if constexpr (std::is_invocable_v<Body&, T&, bool>)
          co_await body(*e->value, hit).in(opened.get());
        else
          co_await body(*e->value).in(opened.get());
      } catch (...) {
        detail::fail_scope(work);
      }
      me.leave();
    }
    if (me.sees_its_end()) {
      co_await me.end();
      fail_with_end(opened.get(), *e, detail::is_stopped(outer));
    }
    end_of_use.complete();
    if (const tractor_error* err = co_await opened.join()) throw_error(err);
  }

  static void fail_with_end(tractor_nursery* user, const entry& e, bool is_cancelled) {
    try {
      if (e.failure) std::rethrow_exception(e.failure);
      if (e.was_cut() && !is_cancelled)
        throw misuse_error(TRACTOR_ERUNTIME, "RuntimeError", "the resource was cancelled while it was used");
    } catch (...) {
      error_ptr why = detail::box_current_exception();
      tractor_nursery_fail(user, why.get());
    }
  }

  tractor_nursery* owner_ = nullptr;
  std::shared_ptr<entries> entries_ =
      std::make_shared<entries>();  ///< of the resources too: a use may be dropped with the cache
};

}  // namespace tractor
