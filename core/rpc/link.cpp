#include "rpc/link.hpp"

#include "base/log.hpp"
#include "fault/box.hpp"
#include "rpc/args.hpp"
#include "rpc/call.hpp"
#include "rpc/context.hpp"

namespace tractor::core {

namespace {

/// Marks our Aids: peers that know it need none of the courtesies that an older one does. A map, so that it can grow.
constexpr Bytes kExtension{"\x81\xa1v\x01", 4};
/// How long an older parent needs before it can notice a child that connects.
constexpr int64_t kCourtesyDelay = 20 * kMillisecond;
constexpr int64_t kFlushLimit = kSecond / 2;

}  // namespace

PeerLink::PeerLink(LinkHost& host, std::unique_ptr<Transport> transport, Greeting greeting, bool accepted)
    : host_(host),
      channel_(Channel::open(host.engine().loop(), std::move(transport), *this)),
      greeting_(greeting),
      accepted_(accepted) {}

PeerLink::~PeerLink() = default;

Ref<PeerLink> PeerLink::accept(LinkHost& host, std::unique_ptr<Transport> transport) {
  auto link = Ref<PeerLink>::adopt(new PeerLink(host, std::move(transport), Greeting::at_once, true));
  host.engine().loop().arm_after(*link, host.handshake_timeout());
  link->send_aid();
  return link;
}

Ref<PeerLink> PeerLink::dial(LinkHost& host, std::unique_ptr<Transport> transport, Greeting greeting) {
  auto link = Ref<PeerLink>::adopt(new PeerLink(host, std::move(transport), greeting, false));
  host.engine().loop().arm_after(*link, host.handshake_timeout());
  if (greeting != Greeting::to_parent) link->send_aid();
  return link;
}

// --- handshake -----------------------------------------------------------------------------------------------------

void PeerLink::send_aid() {
  aid_sent_ = true;
  const ActorId& self = host_.self();
  wire::Aid aid;
  aid.name = self.name;
  aid.uuid = self.uuid;
  aid.pid = self.pid;
  aid.is_registrar = host_.is_registrar();
  std::string probe_uuid;
  if (greeting_ == Greeting::probe) {
    probe_uuid = make_uuid();
    aid.name = "registry-probe";
    aid.uuid = probe_uuid;
    aid.is_registrar.reset();
    aid.is_probe = true;
  }
  aid.ext = kExtension;
  channel_->send(aid);
}

void PeerLink::on_aid(const wire::Aid& aid) {
  if (aid.uuid.empty()) return violation("an Aid without a uuid");
  peer_->id = {std::string(aid.name), std::string(aid.uuid), aid.pid.value_or(0)};
  native_ = !aid.ext.empty();
  registrar_ = aid.is_registrar.value_or(false);
  registrar_unknown_ = !aid.is_registrar.has_value();
  if (aid.is_probe) {
    TRACTOR_LOG(kTransport, "tractor.ipc", "answered a registry probe of pid %lld", static_cast<long long>(peer().pid));
    return close(Error::of(Status::transport, "the probe is answered"), true);
  }
  if (aid_sent_) return greeted();
  if (native_) {
    send_aid();
    return greeted();
  }
  host_.engine().loop().arm_after(*this, kCourtesyDelay);
}

void PeerLink::greeted() {
  phase_ = Phase::open;
  Timer::disarm();
  channel_->set_max_frame(host_.max_frame());
  if (Waiter* waiter = std::exchange(waiter_, nullptr)) {
    waiter->on_greeted(*this, {});
    if (greeting_ == Greeting::probe) return;
  }
  if (phase_ == Phase::open) host_.on_link_open(*this);
}

void PeerLink::on_timer() {
  if (!peer().empty() && !aid_sent_) {
    send_aid();
    return greeted();
  }
  close(Error::of(Status::transport, "the peer did not say who it is in time"));
}

// --- frames --------------------------------------------------------------------------------------------------------

void PeerLink::violation(std::string what) {
  TRACTOR_LOG(kWarning, "tractor.ipc", "closing the connection of %s[%.6s]: %s",
              peer().empty() ? "an unknown peer" : peer().name.c_str(), peer().uuid.c_str(), what.c_str());
  close(Error::of(Status::transport, "protocol violation by the peer: " + std::move(what)));
}

/// The messages of a call, in the layout that every sender uses. False: not one of them.
bool PeerLink::on_frequent(Bytes body, SharedBuffer& buffer) {
  switch (wire::looks_like(body)) {
    case wire::Frequent::start: {
      wire::Start start;
      // What it repeats was checked the first time: who asks, and what for.
      if (!start_memo_.recall(body, start) || tasks_.find(start.cid)) return false;
      Context::run(*this, start, *static_cast<const Endpoint*>(start_memo_.target()), buffer);
      return true;
    }
    case wire::Frequent::start_ack: {
      wire::StartAck ack{};
      if (!wire::decode_canonical(body, ack)) return false;
      Call* call = calls_.find(ack.cid);
      if (call) call->on_start_ack(ack.functype);
      return call != nullptr;
    }
    case wire::Frequent::return_: {
      wire::Return answer;
      if (!wire::decode_canonical(body, answer)) return false;
      Call* call = calls_.find(answer.cid);
      if (call) call->on_return(answer.pld, buffer);
      return call != nullptr;
    }
    case wire::Frequent::none: return false;
  }
  return false;
}

void PeerLink::on_frame(Channel&, Bytes body, SharedBuffer& buffer) {
  if (phase_ == Phase::open && on_frequent(body, buffer)) return;
  auto decoded = wire::decode(body);
  if (auto* bad = std::get_if<wire::DecodeError>(&decoded)) {
    // A known message with a wrong field concerns its dialog alone; anything else means that the peer is not to be
    // trusted with the connection.
    if (phase_ == Phase::open && bad->kind == wire::DecodeError::bad_field && !bad->cid.empty()) {
      Call* call = calls_.find(bad->cid);
      if (call) return call->on_lost(Error::of(Failure::of(Status::msg_type, bad->message)));
    }
    return violation(std::move(bad->message));
  }
  auto& message = std::get<wire::Message>(decoded);
  if (phase_ == Phase::greeting) {
    auto* aid = std::get_if<wire::Aid>(&message);
    if (!aid || !peer().empty())
      return violation(std::string("expected an Aid, received ") + wire::message_name(message));
    return on_aid(*aid);
  }
  auto call_of = [&](std::string_view cid) {
    Call* call = calls_.find(cid);
    if (!call)
      TRACTOR_LOG(kRuntime, "tractor.rpc", "%s for unknown dialog %.*s dropped", wire::message_name(message),
                  static_cast<int>(cid.size()), cid.data());
    return call;
  };
  struct Visitor {
    PeerLink& link;
    Bytes body;
    SharedBuffer& buffer;
    decltype(call_of)& find;
    void operator()(const wire::Start& m) { link.on_start(m, body, buffer); }
    void operator()(const wire::StartAck& m) {
      if (Call* c = find(m.cid)) c->on_start_ack(m.functype);
    }
    void operator()(const wire::Return& m) {
      if (Call* c = find(m.cid)) c->on_return(m.pld, buffer);
    }
    void operator()(const wire::CancelAck& m) {
      if (Call* c = find(m.cid)) c->on_cancel_ack();
    }
    void operator()(const wire::ErrorMsg& m) { link.on_error(m); }
    void operator()(const wire::Started& m) { stray(m.cid, "Started"); }
    void operator()(const wire::Yield& m) { stray(m.cid, "Yield"); }
    void operator()(const wire::Stop& m) { stray(m.cid, "Stop"); }
    void operator()(const wire::Aid&) { link.violation("a second Aid"); }
    void operator()(const wire::SpawnSpec& m) { link.host_.on_spawn_spec(link, m); }
    void stray(std::string_view cid, const char* name) {
      if (Call* c = find(cid)) c->on_stray(name);
    }
  };
  std::visit(Visitor{*this, body, buffer, call_of}, message);
}

void PeerLink::on_error(const wire::ErrorMsg& msg) {
  if (!msg.cid) return host_.on_peer_failed(*this, unbox(msg, peer()));
  if (Call* call = calls_.find(*msg.cid)) return call->on_error(msg);
  if (Context* ctx = tasks_.find(*msg.cid)) return ctx->fail(unbox(msg, peer()));
  TRACTOR_LOG(kRuntime, "tractor.rpc", "Error for unknown dialog %.*s dropped", static_cast<int>(msg.cid->size()),
              msg.cid->data());
}

void PeerLink::on_start(const wire::Start& start, Bytes body, SharedBuffer& buffer) {
  if (start.uid.uuid != peer().uuid || start.uid.name != peer().name)
    return violation("a Start in the name of '" + std::string(start.uid.name) + "', which is not who it is");
  if (tasks_.find(start.cid)) {
    TRACTOR_LOG(kWarning, "tractor.rpc", "a second Start for dialog %.*s dropped", static_cast<int>(start.cid.size()),
                start.cid.data());
    return;
  }
  if (start.ns == "self") {
    if (start.func == "_cancel_task") return on_cancel_task(start);
    if (start.func == "cancel") {
      send(wire::StartAck{start.cid, wire::FuncType::asyncfunc});
      return host_.on_cancel_actor(*this, start.cid);
    }
  }
  auto endpoint = host_.find_endpoint(start.ns, start.func);
  if (!endpoint) return send_error(*Error::of(endpoint.failure()), start.cid);
  start_memo_.remember(body, start, *endpoint);
  Context::run(*this, start, **endpoint, buffer);
}

void PeerLink::on_cancel_task(const wire::Start& start) {
  auto target = Args(start.kwargs).text("cid");
  if (!target) return send_error(*Error::of(target.failure()), start.cid);
  send(wire::StartAck{start.cid, wire::FuncType::asyncfunc});
  if (Context* ctx = tasks_.find(*target)) return ctx->cancel_by(peer(), start.cid);
  cancel_ack(start.cid);
}

// --- sending -------------------------------------------------------------------------------------------------------

void PeerLink::send_start(const Cid& cid, std::string_view ns, std::string_view func, Bytes kwargs) {
  constexpr size_t kTemplates = 8;
  wire::StartTemplate* found = nullptr;
  for (auto& t : templates_) {
    if (!t->matches(ns, func)) continue;
    found = t.get();
    if (&t != &templates_.front()) std::swap(t, templates_.front());
    break;
  }
  if (!found) {
    if (templates_.size() == kTemplates) templates_.pop_back();
    const ActorId& self = host_.self();
    templates_.insert(templates_.begin(),
                      std::make_unique<wire::StartTemplate>(ns, func, wire::Uid{self.name, self.uuid}));
    found = templates_.front().get();
  }
  found->append(channel_->out(), cid.c_str(), kwargs);
  channel_->sent();
}

void PeerLink::request_cancel_task(std::string_view target_cid) {
  OutBuffer kwargs;
  wire::Packer pack(kwargs);
  pack.map(1);
  pack.str("cid");
  pack.str(target_cid);
  send_start(Cid::fresh(), "self", "_cancel_task", kwargs.view());
}

void PeerLink::cancel_ack(std::string_view cid) { send(wire::CancelAck{cid, true}); }

void PeerLink::send_error(const Error& error, std::string_view cid) {
  if (phase_ != Phase::open) return;
  BoxedError boxed(error, host_.self(), cid);
  channel_->send(boxed.message());
}

// --- dialogs -------------------------------------------------------------------------------------------------------

void PeerLink::add_call(Call& call) { calls_.add(call); }
void PeerLink::remove_call(Call& call) { calls_.remove(call); }
void PeerLink::add_task(Context& ctx) { tasks_.add(ctx); }
void PeerLink::remove_task(Context& ctx) { tasks_.remove(ctx); }

void PeerLink::fail_calls(const ErrorRef& why) {
  while (Call* call = calls_.any()) call->on_lost(why);
}

// --- the end -------------------------------------------------------------------------------------------------------

void PeerLink::on_lost(Channel&, Failure why) {
  std::string who = peer().empty() ? "" : " to " + peer().name;
  close(Error::of(Failure::of(Status::transport, "connection" + who + " lost: " + why.message)));
}

void PeerLink::close(ErrorRef why, bool flush) {
  if (phase_ == Phase::closed) return;
  Ref<PeerLink> self(this);
  bool was_open = phase_ == Phase::open;
  phase_ = Phase::closed;
  Timer::disarm();
  if (flush)
    channel_->close_when_flushed(kFlushLimit);
  else
    channel_->close();
  Error::Fields gone;
  gone.code = Status::canceled;
  gone.message = "the caller " + peer().name + " is gone";
  gone.canceller = peer();
  if (tasks_.size() > 0) {
    ErrorRef vanished = Error::make(std::move(gone));
    tasks_.each([&](Context& ctx) { ctx.cancel_from_outside(vanished); });
  }
  if (Waiter* waiter = std::exchange(waiter_, nullptr)) waiter->on_greeted(*this, why);
  // The host keeps what it has accepted from the start, greeted or not.
  if ((was_open || accepted_) && greeting_ != Greeting::probe)
    host_.on_link_lost(*this, why);
  else
    fail_calls(why);
}

}  // namespace tractor::core
