// The error object: immutable once shared, readable from any thread.
#pragma once

#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <tractor/types.h>

#include "base/ids.hpp"
#include "base/ref.hpp"
#include "base/result.hpp"

namespace tractor::core {

class Error final : public RefCounted<Error> {
 public:
  using ReleaseFn = void (*)(void* user);

  static constexpr int kNoExit = INT_MIN;

  struct Fields {
    Status code = Status::user;
    std::string type;         ///< exception type name; empty: the code's own
    std::string message;      ///< one line, no newline at its end
    std::string traceback;    ///< may be empty
    ActorId source;           ///< where it was raised first; empty: here
    std::string source_type;  ///< the type it was raised as, if relays replaced `type`
    ActorId sender;
    ActorId canceller;
    std::vector<ActorId> relay_path;  ///< from the origin to the last actor that passed it on
    int exit_status = kNoExit;        ///< of the process whose death this is; minus a signal's number
    bool remote = false;              ///< unboxed from an Error message
    Ref<const Error> cause;
    std::vector<Ref<const Error>> members;
    const void* payload_tag = nullptr;  ///< a language's own exception rides along inside this process
    void* payload = nullptr;
    ReleaseFn payload_release = nullptr;
  };

  /// Never null: when memory is short, a static object that says so.
  static Ref<const Error> make(Fields fields) noexcept;
  static Ref<const Error> of(Status code, std::string_view message) noexcept;
  static Ref<const Error> of(const Failure& failure) noexcept;
  /// Same failure seen from another place: its root cause stays recognisable.
  static Ref<const Error> caused(Status code, std::string message, Ref<const Error> cause) noexcept;
  static Ref<const Error> out_of_memory() noexcept;
  /// What `make` returns, which may need memory to say what is wrong.
  template <class F>
  static Ref<const Error> from(F&& make) noexcept {
    try {
      return make();
    } catch (const std::bad_alloc&) {
      return out_of_memory();
    }
  }
  /// The sole member itself, or a group of all. Nested groups stay as they are.
  static Ref<const Error> group(std::string message, std::vector<Ref<const Error>> members) noexcept;

  const Fields& fields() const { return f_; }
  Status code() const { return f_.code; }
  int kind() const;
  const char* name() const;  ///< "ECANCELED"
  const std::string& message() const { return f_.message; }
  bool canceled() const { return f_.code == Status::canceled; }
  const std::string& type() const { return f_.type; }
  const std::string& source_type() const { return f_.source_type.empty() ? f_.type : f_.source_type; }
  /// How Python would call the object's class: that of a relayed error is RemoteActorError, whatever is boxed in it.
  const char* class_name() const;

  /// Identities in the public shape; null if not set. They live as long as this object.
  const tractor_id* source_id() const { return id(source_); }
  const tractor_id* sender_id() const { return id(sender_); }
  const tractor_id* canceller_id() const { return id(canceller_); }
  const tractor_id* relay_id(size_t i) const { return i < f_.relay_path.size() ? &ids_[i] : nullptr; }

  /// The object at the end of the chain of causes: errors with one root are one failure.
  const Error* root() const;
  /// Depth first through members and causes.
  const Error* find(Status code) const;
  /// An indented tree for people, several lines, with its newline at the end.
  std::string format() const;
  /// The same for the log, which must not stop anything.
  std::string log_text() const noexcept;

  /// Somebody read or raised it; an error dropped unseen is logged.
  void mark_handled() const { times_handled_.fetch_add(1, std::memory_order_relaxed); }
  bool handled() const { return times_handled() > 0; }
  uint32_t times_handled() const { return times_handled_.load(std::memory_order_relaxed); }

  static void destroy(const Error* self);

 private:
  explicit Error(Fields&& fields);
  ~Error();
  static const Error* out_of_memory_object();
  size_t publish(const ActorId& who);
  size_t publish_if_set(const ActorId& who);
  const tractor_id* id(size_t at) const { return at == kNone ? nullptr : &ids_[at]; }

  static constexpr size_t kNone = SIZE_MAX;
  Fields f_;
  std::vector<tractor_id> ids_;  // the relay path, then those that are set
  size_t source_ = kNone, sender_ = kNone, canceller_ = kNone;
  mutable std::atomic<uint32_t> times_handled_{0};
};

using ErrorRef = Ref<const Error>;

}  // namespace tractor::core
