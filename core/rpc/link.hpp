// One connection to another actor: the identity handshake, then dialogs of both directions.
#pragma once

#include <memory>
#include <vector>

#include "base/ids.hpp"
#include "base/ref.hpp"
#include "fault/error.hpp"
#include "ipc/channel.hpp"
#include "loop/loop.hpp"
#include "rpc/cid.hpp"
#include "rpc/endpoint.hpp"
#include "scope/nursery.hpp"
#include "wire/canonical.hpp"

namespace tractor::core {

class Dialog;
class Pipe;
class TaskContext;
struct BlockedTag;
class PeerLink;

/// How much of one stream may be on its way to an actor, unless it says otherwise.
constexpr size_t kDefaultStreamWindow = 2 * 1024 * 1024;

/// What the connections of an actor ask of it.
class LinkHost : public EndpointFinder {
 public:
  virtual Engine& engine() = 0;
  virtual const ActorId& self() const = 0;
  virtual bool is_registrar() const = 0;
  virtual Nursery& service() = 0;  ///< owns the tasks that others asked for
  /// The longest frame body that it takes. Other native actors are told of it.
  virtual size_t max_frame() const = 0;
  virtual int64_t handshake_timeout() const = 0;
  /// By sockets, unless it has something else.
  virtual std::unique_ptr<Dialer> dial(const Address& to, int64_t timeout, Dialer::Handler& handler) {
    return core::dial(engine().loop(), to, timeout, handler);
  }
  /// How much of a stream may be on its way to us; 0: we grant nothing, and need no grants.
  virtual size_t stream_window() const = 0;

  /// The parent takes frames up to that, and we have not told it yet what we take.
  virtual void inherit_limits(size_t max_frame, size_t stream_window) = 0;
  /// The peer has said who it is. Probes and failed handshakes never get here.
  virtual void on_link_open(PeerLink& link) = 0;
  /// It is gone, once. Calls on it are still pending: fail_calls() now, or when the reason is known.
  virtual void on_link_lost(PeerLink& link, const ErrorRef& why) = 0;
  /// SpawnSpec from the parent.
  virtual void on_spawn_spec(PeerLink& link, const wire::SpawnSpec& spec) = 0;
  /// A request to end this whole actor; answer by link.cancel_ack(cid). `patience`: when it will be killed, from now on, if
  /// the peer says so.
  virtual void on_cancel_actor(PeerLink& link, std::string_view cid, int64_t patience) = 0;
  /// "My whole runtime failed".
  virtual void on_peer_failed(PeerLink& link, ErrorRef err) = 0;

 protected:
  ~LinkHost() = default;
};

/// Who speaks first in a handshake.
enum class Greeting : uint8_t {
  at_once,    ///< both sides send their identity before they read
  to_parent,  ///< a child's first connection: a parent without our extension gets the identity a moment later
  probe,      ///< ask who listens there, and leave
};

/// Who is on the other side. Whoever names the peer to the program keeps it, since it may outlive the connection.
struct PeerIdentity final : RefCounted<PeerIdentity> {
  ActorId id;
};

class PeerLink final : public LoopRefCounted<PeerLink>, private ChannelHandler, private Timer {
 public:
  static Ref<PeerLink> accept(LinkHost& host, std::unique_ptr<Transport> transport);
  static Ref<PeerLink> dial(LinkHost& host, std::unique_ptr<Transport> transport, Greeting greeting);
  static void destroy(const PeerLink* self) { delete self; }

  const ActorId& peer() const { return peer_->id; }
  const Ref<PeerIdentity>& identity() const { return peer_; }
  bool peer_is_native() const { return native_; }
  bool peer_is_registrar() const { return registrar_; }
  bool peer_registrar_unknown() const { return registrar_unknown_; }
  bool accepted() const { return accepted_; }
  bool is_open() const { return phase_ == Phase::open; }
  bool is_closed() const { return phase_ == Phase::closed; }
  const Transport& transport() const { return channel_->transport(); }
  LinkHost& host() { return host_; }
  Channel& channel() { return *channel_; }

  /// Without memory for what is sent, here and below, the connection is lost: its peer waits for it.
  void send(const wire::Message& message);
  /// Zero, or how long the frame would be: longer than the peer takes it, and it was not sent.
  [[nodiscard]] size_t send_start(const Cid& cid, std::string_view ns, std::string_view func, Bytes kwargs);
  /// A Start whose answer nobody waits for.
  void request_cancel_task(std::string_view target_cid);
  void cancel_ack(std::string_view cid);
  /// Shortened if it has to be. Without `cid` it is about this whole actor.
  void send_error(const Error& error, std::string_view cid);
  /// A longer frame would cost the connection.
  size_t peer_max_frame() const { return peer_max_frame_; }
  /// What to say of a frame that was not sent; `what` needs it.
  Failure too_long(const std::string& what, size_t frame) const;
  /// It is the connection to oneself: nobody has to be protected from long frames, and the window is the actor's own. Its
  /// two ends have greeted each other before that was known.
  void leads_to_oneself();

  /// What either side grants the other on a stream; both are 0 if they did not agree on that.
  size_t own_window() const { return peer_window() > 0 ? host_.stream_window() : 0; }
  size_t peer_window() const { return to_oneself_ ? host_.stream_window() : peer_window_; }
  /// `pipe` has something to send, and is told when all that is pending has been written.
  void wait_until_drained(Pipe& pipe);
  /// The peer does what it must not: it loses its connection.
  void violation(std::string what);

  void add_call(Dialog& call);
  void remove_call(Dialog& call);
  void fail_calls(const ErrorRef& why);
  /// `call` waits no longer for its task, which `what` names: if that still fails, the log says so.
  void give_up(const Dialog& call, std::string_view what);
  void add_task(TaskContext& ctx);
  void remove_task(TaskContext& ctx);
  size_t task_count() const { return tasks_.size(); }
  size_t call_count() const { return calls_.size(); }

  /// Ends the connection now, or once what is pending has been written. Calls fail with `why`; tasks that the peer asked
  /// for are cancelled. The host is told.
  void close(ErrorRef why, bool flush = false);
  /// While set, the end of the handshake and the link are this object's to hear of; for probes and dialled links.
  class Waiter {
   public:
    virtual void on_greeted(PeerLink& link, const ErrorRef& err) = 0;

   protected:
    ~Waiter() = default;
  };
  void set_waiter(Waiter* waiter) { waiter_ = waiter; }

 private:
  friend class LoopRefCounted<PeerLink>;
  enum class Phase : uint8_t { greeting, open, closed };

  PeerLink(LinkHost& host, std::unique_ptr<Transport> transport, Greeting greeting, bool accepted);
  ~PeerLink();

  void on_frame(Channel& channel, Bytes body, SharedBuffer& buffer) override;
  void on_lost(Channel& channel, Failure why) override;
  void on_timer() override;

  void send_aid();
  void on_aid(const wire::Aid& aid);
  void greeted();
  bool on_frequent(Bytes body, SharedBuffer& buffer);
  void on_start(const wire::Start& start, Bytes body, SharedBuffer& buffer);
  void on_cancel_task(const wire::Start& start);
  void on_error(const wire::ErrorMsg& msg);
  void on_late_error(const wire::ErrorMsg& msg);
  void send_boxed(const Error& error, std::string_view cid);

  void on_drained(Channel& channel) override;
  /// Ours or the peer's; null if it is over or never was.
  Dialog* dialog(std::string_view cid) const;

  struct GivenUp {
    Cid cid;
    std::string what;
  };
  static constexpr size_t kGivenUpKept = 16;

  LinkHost& host_;
  Ref<Channel> channel_;
  Ref<PeerIdentity> peer_ = make_ref<PeerIdentity>();
  CidMap<Dialog> calls_;
  CidMap<TaskContext> tasks_;
  std::vector<GivenUp> given_up_;  ///< the last ones
  List<Pipe, BlockedTag> blocked_;
  wire::StartMemo start_memo_;
  std::string yield_head_;      ///< of the last Yield, all but its payload,
  Dialog* yield_of_ = nullptr;  ///< which was for this one: a stream's messages come in rows
  std::vector<std::unique_ptr<wire::StartTemplate>> templates_;
  Waiter* waiter_ = nullptr;
  size_t peer_window_ = 0;
  size_t peer_max_frame_ = wire::kMaxFramePossible;
  Greeting greeting_;
  Phase phase_ = Phase::greeting;
  bool accepted_, aid_sent_ = false, native_ = false, registrar_ = false, registrar_unknown_ = false;
  bool to_oneself_ = false;
};

}  // namespace tractor::core
