// What the two sides of a context have in common: a scope that is linked with one in another actor, and its stream.
//
// docs/contexts.md has the table of states, events and outcomes that TaskContext and OpenContext implement.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/handles.hpp"
#include "rpc/dialog.hpp"
#include "rpc/link.hpp"
#include "rpc/pipe.hpp"
#include "scope/nursery.hpp"
#include "wire/type_spec.hpp"

namespace tractor::core {

enum class Payload : uint8_t { started, stream, result };

struct StreamOptions {
  size_t buffer = 0;
  bool allow_overruns = false;
};

class Context : public Nursery, public Dialog {
 public:
  virtual bool is_caller() const = 0;
  const tractor_id& peer() const { return peer_; }
  PeerLink* link() const { return link_.get(); }

  // The program.
  Status open_stream(const StreamOptions& options, Stream*& out);
  virtual OpToken cancel_task(Nursery& in, int64_t timeout, const ErrorRef& bad, tractor_done_fn fn, void* user) = 0;
  /// A tractor_ctx_state.
  virtual int state() const = 0;
  static const char* state_name(int state);
  virtual bool cancel_called() const { return cancel_called_; }
  virtual bool cancel_acked() const { return false; }
  const tractor_id* canceller() const;
  const Error* remote_error() const { return remote_error_.get(); }
  const Error* local_error() const;
  const Error* maybe_error() const { return remote_error_ ? remote_error_.get() : local_error(); }
  /// Until `scope` has ended, payloads have to be of this type too.
  Status limit(Nursery& scope, Ref<const TypeSpec> type);

  // Its pipe.
  /// What comes is not wanted any more.
  virtual bool drops_items() = 0;
  /// Something that may have kept the context from its end was taken from the stream.
  virtual void stream_was_read() {}
  /// Null if the payload is what it should be. If not, the context fails with what is returned.
  ErrorRef refusal_of(Payload kind, Bytes value) { return checks_ ? refusal(kind, value) : ErrorRef(); }

  // From the connection.
  void on_yield(Bytes payload, SharedBuffer& buffer) override { pipe().arrived(payload, buffer); }
  void on_credit(uint64_t bytes) override { pipe().credited(bytes); }
  void on_stop(bool because_of_error) override { pipe().peer_stopped(because_of_error); }

 protected:
  Context(Nursery& parent, NurseryOptions options, PeerLink& link, std::string_view cid);
  ~Context() override = default;
  /// With the first message or the first use.
  Pipe& pipe() { return pipe_ ? *pipe_ : make_pipe(); }
  /// It has no payloads but its result.
  virtual bool is_function() const { return false; }
  /// Why there is no stream to open now; OK if there is one.
  virtual Status can_open_stream() const = 0;
  virtual void stream_opens() {}
  /// What may wait before the program opens its stream.
  virtual StreamOptions first_limits() const { return {}; }
  virtual const PayloadSpec* schema() const = 0;
  void describe_more(wire::Packer& out) override;
  /// The scope was told to stop: something failed in it, or it was cancelled.
  virtual void task_stopped() {}
  void on_gone() override;
  /// The first one counts.
  void note_remote_error(const ErrorRef& err);
  /// How an endpoint's message is called in errors.
  static const char* message_of(Payload kind);
  /// Null if it fits. `received`: it is the peer who made the mistake.
  ErrorRef check(Payload kind, Bytes value, bool received) const;

  Ref<PeerLink> link_;          ///< until it has ended
  std::unique_ptr<Pipe> pipe_;  ///< null: nothing of a stream has come or was wanted
  ErrorRef remote_error_, absorbed_;
  bool cancel_called_ = false;
  bool checks_ = false;  ///< payloads have to be of some type

 private:
  struct Limit {
    const Nursery* scope;
    Ref<const TypeSpec> type;
  };
  Pipe& make_pipe();
  ErrorRef refusal(Payload kind, Bytes value);
  void scope_stopped(const ErrorRef& why) override;

  tractor_id peer_;
  Ref<PeerIdentity> kept_peer_;  ///< what `peer_` points into, once there is no link
  std::vector<Limit> limits_;
};

}  // namespace tractor::core
