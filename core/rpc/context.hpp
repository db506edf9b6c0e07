// The callee's side of one dialog: a scope that answers when it ends.
#pragma once

#include <string>
#include <vector>

#include "base/handles.hpp"
#include "base/pool.hpp"
#include "rpc/cid.hpp"
#include "rpc/endpoint.hpp"
#include "rpc/link.hpp"
#include "scope/nursery.hpp"

namespace tractor::core {

class Context final : public Nursery, public Pooled<Context> {
 public:
  /// Runs the endpoint inside this call; the answer leaves when the scope has ended.
  static void run(PeerLink& link, const wire::Start& start, const Endpoint& endpoint, SharedBuffer& buffer);

  std::string_view cid() const { return cid_.view(); }
  const char* cid_text() const { return cid_.c_str(); }
  const tractor_id& peer() const { return peer_; }
  PeerLink& link() { return *link_; }

  Status answer(Bytes value);
  /// The arguments do not fit: a TypeError, in place of the StartAck if that has not left.
  void refuse(Failure why);
  /// Somebody asks it to stop; `ack_cid`, if not empty, gets its CancelAck when it has ended.
  void cancel_by(const ActorId& who, std::string_view ack_cid);

 private:
  Context(PeerLink& link, std::string_view cid, const Endpoint& endpoint);
  ~Context() override = default;
  void on_idle() override;
  bool deliver_end(const ErrorRef& outcome) override;
  void on_gone() override;
  void send_ack();
  void send_answer();

  Ref<PeerLink> link_;
  Cid cid_;
  const Endpoint* endpoint_;
  tractor_id peer_;
  Ref<PeerIdentity> kept_peer_;  ///< what `peer_` points into, once there is no link
  std::string answer_;
  std::vector<Cid> acks_;
  bool answered_ = false, ack_sent_ = false, refused_ = false;
};

}  // namespace tractor::core
