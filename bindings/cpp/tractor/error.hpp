// What went wrong, as exceptions over the C library's error objects.
#pragma once

#include <tractor/error.h>

#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "handle.hpp"

namespace tractor {

/// Thrown out of an await when the scope around it is cancelled. It is no std::exception, so that handlers of those let it
/// pass; a handler of it should tidy up and throw it on. The scope that was cancelled takes it.
struct cancelled final {};

/// Any failure. Copies share one immutable object, which is the one the C library knows.
class [[gnu::visibility("default")]] error : public std::exception {
 public:
  explicit error(const tractor_error* e) noexcept : c_(tractor_error_ref(e)) {}
  /// An error of the program's own. @param type what other actors know it as, such as "ValueError"
  error(const char* type, const std::string& message)
      : c_(tractor_error_newf(TRACTOR_EUSER, type, "%s", message.c_str())) {}
  error(int code, const char* type, const std::string& message)
      : c_(tractor_error_newf(code, type, "%s", message.c_str())) {}
  error(const error& other) noexcept : std::exception(other), c_(tractor_error_ref(other.c_)) {}
  error& operator=(const error& other) noexcept {
    error copy(other);
    std::swap(c_, copy.c_);
    return *this;
  }
  ~error() override { tractor_error_unref(c_); }

  const char* what() const noexcept override { return tractor_error_message(c_); }
  /// A ::tractor_status, such as TRACTOR_EREMOTE.
  int code() const noexcept { return tractor_error_code(c_); }
  /// A ::tractor_kind: what to do about it.
  int kind() const noexcept { return tractor_error_kind(c_); }
  /// The name of its type, here or where it came from; see tractor_error_boxed_type().
  const char* type() const noexcept { return tractor_error_boxed_type(c_); }
  /// Where it was raised, or the last lines of a dead child's stderr; NULL: not known.
  const char* traceback() const noexcept { return tractor_error_traceback(c_); }
  /// The name of its code, such as "ETIMEDOUT".
  const char* code_name() const noexcept { return tractor_error_name(c_); }
  /// The type that it was raised as first; reliable for two hops, see tractor_error_source_type().
  const char* source_type() const noexcept { return tractor_error_source_type(c_); }
  /// The actor that raised it first, as far as the protocol knows; NULL: this one.
  const tractor_id* source() const noexcept { return tractor_error_source(c_); }
  /// The actor whose message caused it, such as the one that sent too much into a stream; NULL: none.
  const tractor_id* sender() const noexcept { return tractor_error_sender(c_); }
  /// The actors that it came through, its origin first.
  std::vector<const tractor_id*> relays() const {
    std::vector<const tractor_id*> all(tractor_error_relay_count(c_));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = tractor_error_relay(c_, i);
    return all;
  }
  /// The error that led to this one.
  std::optional<error> cause() const {
    std::optional<error> why;
    if (const tractor_error* c = tractor_error_cause(c_)) why.emplace(c);
    return why;
  }
  /// Who asked for the cancellation; NULL: nobody, or somebody in this process.
  const tractor_id* canceller() const noexcept { return tractor_error_canceller(c_); }
  /// The whole error as an indented tree of several lines.
  std::string format() const {
    text_ptr text(tractor_error_format(c_));
    return text ? text.get() : what();
  }
  /// Lives as long as this exception.
  const tractor_error* c_error() const noexcept { return c_; }

  /// Throws what it stands for: an exception of this process as itself, anything else as the class of its code.
  [[noreturn]] void raise() const;
  /// What it stands for, if that is an E: the very object for an exception of this process; otherwise null.
  template <class E>
  std::shared_ptr<const E> as() const;

 private:
  tractor_error* c_;
};

/// A task in another process raised: type() says what.
struct [[gnu::visibility("default")]] remote_error : error {
  using error::error;
};
/// The task that was called was cancelled, and not by this caller; canceller() says by whom.
struct [[gnu::visibility("default")]] context_cancelled : remote_error {
  using remote_error::remote_error;
};
/// The peer does not expose the module.
struct [[gnu::visibility("default")]] not_exposed : remote_error {
  using remote_error::remote_error;
};
/// A deadline passed.
struct [[gnu::visibility("default")]] timed_out : error {
  using error::error;
};
/// A connection or a process is gone.
struct [[gnu::visibility("default")]] transport_error : error {
  using error::error;
};
/// A child process died unasked.
struct [[gnu::visibility("default")]] child_died : transport_error {
  using transport_error::transport_error;
  /// 0 or more; minus the number of the signal that killed it; INT_MIN if nobody knows.
  int exit_status() const noexcept { return tractor_error_exit_status(c_error()); }
};
/// A child did not become ready.
struct [[gnu::visibility("default")]] spawn_failed : error {
  using error::error;
  int exit_status() const noexcept { return tractor_error_exit_status(c_error()); }
};
struct process_result;
/// A program that run_process() ran failed: traceback() has its last lines on stderr.
struct [[gnu::visibility("default")]] process_failed : error {
  using error::error;
  /// The exit status, or minus the number of the signal that killed it.
  int returncode() const noexcept { return tractor_error_exit_status(c_error()); }
  /// The rest of it; see process.hpp.
  process_result result() const;
};
/// A value does not have the type that was asked for.
struct [[gnu::visibility("default")]] msg_type_error : error {
  using error::error;
};
/// The receiver of a stream was too slow, or a subscriber missed values.
struct [[gnu::visibility("default")]] stream_overrun : error {
  using error::error;
};
/// SIGINT or SIGTERM.
struct [[gnu::visibility("default")]] interrupted : error {
  using error::error;
};
/// The program uses the library wrongly.
struct [[gnu::visibility("default")]] misuse_error : error {
  using error::error;
};

/// Several failures of one nursery; its members may be groups themselves.
struct [[gnu::visibility("default")]] error_group : error {
  using error::error;
  std::size_t size() const noexcept { return tractor_error_child_count(c_error()); }
  error operator[](std::size_t index) const noexcept { return error(tractor_error_child(c_error(), index)); }

  /// All failures in it and in the groups in it, in order. A group that came from another actor has no members here: then
  /// it is its only leaf.
  std::vector<error> leaves() const;
  /// The first leaf that is an E; null if there is none.
  ///
  ///     if (auto e = group.find<out_of_stock>()) std::puts(e->what());
  template <class E>
  std::shared_ptr<const E> find() const;
  /// The leaves for which `predicate(const error&)` holds, and the rest: each as a group of the same shape, a single one as
  /// itself, none as nullopt.
  ///
  ///     auto [known, rest] = group.split<remote_error>();
  ///     if (rest) rest->raise();
  template <class Predicate>
  std::pair<std::optional<error>, std::optional<error>> split(Predicate predicate) const;
  /// The same by what they are.
  template <class E>
  std::pair<std::optional<error>, std::optional<error>> split() const;
  /// Its only leaf, or itself if there are several.
  error collapse() const;
};

/// Throws what a C error stands for: a local exception as itself, ::TRACTOR_ECANCELED as `cancelled`, anything else as the
/// class of its code. @param e borrowed, not NULL
[[noreturn]] void throw_error(const tractor_error* e);

namespace detail {

/// The address says that an error's payload is an exception of this process, by the pointer that a std::exception_ptr is: so
/// two errors that were made of one exception have the same payload, and are one failure.
inline const char exception_tag = 0;

class exception_payload {
 public:
  static void* keep(const std::exception_ptr& exception) noexcept {
    exception_payload kept(exception);
    return kept.release();
  }
  static void drop(void* payload) noexcept { exception_payload(payload).get().~exception_ptr(); }
  [[noreturn]] static void rethrow(void* payload) { std::rethrow_exception(exception_payload(payload).get()); }

 private:
  static_assert(sizeof(std::exception_ptr) == sizeof(void*));

  explicit exception_payload(const std::exception_ptr& exception) noexcept {
    new (place_) std::exception_ptr(exception);
  }
  explicit exception_payload(void* payload) noexcept { std::memcpy(place_, &payload, sizeof payload); }

  std::exception_ptr& get() noexcept { return *std::launder(reinterpret_cast<std::exception_ptr*>(place_)); }
  void* release() const noexcept {
    void* payload;
    std::memcpy(&payload, place_, sizeof payload);
    return payload;
  }

  alignas(std::exception_ptr) unsigned char place_[sizeof(void*)];
};

/// For calls that answer a status, or a token and a negative status.
inline void check(std::int64_t status) {
  if (status >= 0) return;
  error_ptr e(tractor_error_newf(static_cast<int>(status), nullptr, nullptr));
  throw_error(e.get());
}

}  // namespace detail

inline void throw_error(const tractor_error* e) {
  if (void* local = tractor_error_payload(e, &detail::exception_tag)) detail::exception_payload::rethrow(local);
  switch (tractor_error_code(e)) {
    case TRACTOR_ECANCELED: throw cancelled{};
    case TRACTOR_ENOMEM: throw std::bad_alloc();
    case TRACTOR_EREMOTE: throw remote_error(e);
    case TRACTOR_ECTXCANCELED: throw context_cancelled(e);
    case TRACTOR_ENOENDPOINT: throw not_exposed(e);
    case TRACTOR_ETIMEDOUT: throw timed_out(e);
    case TRACTOR_ECHILD: throw child_died(e);
    case TRACTOR_ESPAWN: throw spawn_failed(e);
    case TRACTOR_EPROCESS: throw process_failed(e);
    case TRACTOR_EMSGTYPE: throw msg_type_error(e);
    case TRACTOR_EOVERRUN:
    case TRACTOR_ELAGGED: throw stream_overrun(e);
    case TRACTOR_EINTERRUPTED: throw interrupted(e);
    case TRACTOR_EGROUP: throw error_group(e);
  }
  switch (tractor_error_kind(e)) {
    case TRACTOR_KIND_TRANSPORT: throw transport_error(e);
    case TRACTOR_KIND_MISUSE: throw misuse_error(e);
  }
  throw error(e);
}

/// Makes an exception type of your own known to this program, which then passes errors of it on with their source's name; see
/// tractor_error_type_register(). It does nothing if it is known. @throws misuse_error if it is no name
inline void register_error_type(const char* name) {
  if (!tractor_error_type_known(name)) detail::check(tractor_error_type_register(name));
}

}  // namespace tractor

#include "error_group.hpp"
