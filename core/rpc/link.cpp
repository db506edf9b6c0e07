#include "rpc/link.hpp"

#include <algorithm>
#include <tuple>

#include "base/log.hpp"
#include "fault/box.hpp"
#include "rpc/args.hpp"
#include "rpc/dialog.hpp"
#include "rpc/pipe.hpp"
#include "rpc/task_context.hpp"
#include "wire/cursor.hpp"

namespace tractor::core {

namespace {

/// The fields of the extension that tell limits which are not the default.
constexpr std::string_view kMaxFrameKey = "max_frame";
constexpr std::string_view kWindowKey = "window";
/// How long an older parent needs before it can notice a child that connects.
constexpr int64_t kCourtesyDelay = 20 * kMillisecond;
constexpr int64_t kFlushLimit = kSecond / 2;

/// Marks our Aids: peers that know it need none of the courtesies that an older one does. A map, so that it can grow.
void pack_extension(OutBuffer& out, size_t max_frame, size_t window) {
  bool tell_frame = max_frame != wire::kMaxFrameDefault, tell_window = window != kDefaultStreamWindow;
  wire::Packer pack(out);
  pack.map(1 + tell_frame + tell_window);
  pack.str("v");
  pack.integer(uint64_t{1});
  if (tell_frame) {
    pack.str(kMaxFrameKey);
    pack.integer(uint64_t{max_frame});
  }
  if (tell_window) {
    pack.str(kWindowKey);
    pack.integer(uint64_t{window});
  }
}

std::optional<uint64_t> number_in(Bytes extension, std::string_view key) {
  auto value = Args(extension).find(key);
  wire::Token token;
  uint64_t number = 0;
  if (!value || !wire::Cursor(*value).next(token) || !token.to_uint64(number)) return std::nullopt;
  return number;
}

/// What a native peer takes.
size_t max_frame_in(Bytes extension) {
  uint64_t bytes = number_in(extension, kMaxFrameKey).value_or(0);
  if (bytes == 0) return wire::kMaxFrameDefault;
  return bytes < wire::kMaxFramePossible ? bytes : wire::kMaxFramePossible;
}

size_t window_in(Bytes extension) {
  uint64_t bytes = number_in(extension, kWindowKey).value_or(kDefaultStreamWindow);
  return bytes < INT64_MAX / 2 ? bytes : INT64_MAX / 2;
}

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
  OutBuffer extension;
  pack_extension(extension, host_.max_frame(), host_.stream_window());
  aid.ext = extension.view();
  channel_->send(aid);
}

void PeerLink::on_aid(const wire::Aid& aid) {
  if (aid.uuid.empty()) return violation("an Aid without a uuid");
  peer_->id = {std::string(aid.name), std::string(aid.uuid), aid.pid.value_or(0)};
  native_ = !aid.ext.empty();
  size_t window = native_ ? window_in(aid.ext) : 0;
  if (native_) peer_max_frame_ = max_frame_in(aid.ext);
  registrar_ = aid.is_registrar.value_or(false);
  registrar_unknown_ = !aid.is_registrar.has_value();
  if (aid.is_probe) {
    TRACTOR_LOG(kTransport, "tractor.ipc", "answered a registry probe of pid %lld", static_cast<long long>(peer().pid));
    return close(Error::of(Status::transport, "the probe is answered"), true);
  }
  if (!aid_sent_ && native_) host_.inherit_limits(peer_max_frame_, window);
  if (host_.stream_window() > 0) peer_window_ = window;
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

/// The messages that come often, in the layout that every sender uses. False: not one of them.
bool PeerLink::on_frequent(Bytes body, SharedBuffer& buffer) {
  if (yield_of_ && body.starts_with(yield_head_)) {
    Bytes payload = body.substr(yield_head_.size());
    wire::Cursor in(payload);
    if (!in.skip(wire::kMaxFrameDepth - 1) || !in.at_end()) return false;
    yield_of_->on_yield(payload, buffer);
    return true;
  }
  switch (wire::looks_like(body)) {
    case wire::Frequent::start: {
      wire::Start start;
      // What it repeats was checked the first time: who asks, and what for.
      if (!start_memo_.recall(body, start) || tasks_.find(start.cid)) return false;
      TaskContext::run(*this, start, *static_cast<const Endpoint*>(start_memo_.target()), buffer);
      return true;
    }
    case wire::Frequent::start_ack: {
      wire::StartAck ack{};
      if (!wire::decode_canonical(body, ack)) return false;
      Dialog* call = calls_.find(ack.cid);
      if (call) call->on_start_ack(ack.functype);
      return call != nullptr;
    }
    case wire::Frequent::return_: {
      wire::Return answer;
      if (!wire::decode_canonical(body, answer)) return false;
      Dialog* call = calls_.find(answer.cid);
      if (call) call->on_return(answer.pld, buffer);
      return call != nullptr;
    }
    case wire::Frequent::yield: {
      wire::Yield item;
      if (!wire::decode_canonical(body, item)) return false;
      Dialog* of = dialog(item.cid);
      if (!of) return false;
      yield_of_ = of;
      yield_head_ = body.substr(0, body.size() - item.pld.size());
      of->on_yield(item.pld, buffer);
      return true;
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
      Dialog* of = dialog(bad->cid);
      if (of) return of->on_garbled(Error::of(Failure::of(Status::msg_type, bad->message)));
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
  auto dialog_of = [&](std::string_view cid) {
    Dialog* found = dialog(cid);
    if (!found)
      TRACTOR_LOG(kRuntime, "tractor.rpc", "%s for unknown dialog %.*s dropped", wire::message_name(message),
                  static_cast<int>(cid.size()), cid.data());
    return found;
  };
  struct Visitor {
    PeerLink& link;
    Bytes body;
    SharedBuffer& buffer;
    decltype(dialog_of)& find;
    void operator()(const wire::Start& m) { link.on_start(m, body, buffer); }
    void operator()(const wire::StartAck& m) {
      if (Dialog* d = find(m.cid)) d->on_start_ack(m.functype);
    }
    void operator()(const wire::Return& m) {
      if (Dialog* d = find(m.cid)) d->on_return(m.pld, buffer);
    }
    void operator()(const wire::CancelAck& m) {
      if (Dialog* d = find(m.cid)) d->on_cancel_ack();
    }
    void operator()(const wire::ErrorMsg& m) { link.on_error(m); }
    void operator()(const wire::Started& m) {
      if (Dialog* d = find(m.cid)) d->on_started(m.pld, buffer);
    }
    void operator()(const wire::Yield& m) {
      if (Dialog* d = find(m.cid)) d->on_yield(m.pld, buffer);
    }
    void operator()(const wire::Stop& m) {
      if (Dialog* d = find(m.cid)) d->on_stop(m.because_of_error);
    }
    void operator()(const wire::Credit& m) {
      if (Dialog* d = find(m.cid)) d->on_credit(m.bytes);
    }
    void operator()(const wire::Aid&) { link.violation("a second Aid"); }
    void operator()(const wire::SpawnSpec& m) { link.host_.on_spawn_spec(link, m); }
  };
  std::visit(Visitor{*this, body, buffer, dialog_of}, message);
}

void PeerLink::on_error(const wire::ErrorMsg& msg) {
  if (!msg.cid) return host_.on_peer_failed(*this, unbox(msg, peer()));
  if (Dialog* of = dialog(*msg.cid)) return of->on_error(msg);
  on_late_error(msg);
}

void PeerLink::on_late_error(const wire::ErrorMsg& msg) {
  auto of =
      std::find_if(given_up_.begin(), given_up_.end(), [&](const GivenUp& g) { return g.cid.view() == *msg.cid; });
  ErrorRef err = of == given_up_.end() ? ErrorRef() : Error::from([&] { return unbox(msg, peer()); });
  if (!err || err->code() == Status::overrun) {  // that is not its last word
    TRACTOR_LOG(kRuntime, "tractor.rpc", "Error for unknown dialog %.*s dropped", static_cast<int>(msg.cid->size()),
                msg.cid->data());
    return;
  }
  if (err->code() != Status::ctx_canceled)
    TRACTOR_LOG(kWarning, "tractor.rpc", "%s of %s failed when nobody waited for it any more: %s", of->what.c_str(),
                peer().name.c_str(), err->log_text().c_str());
  given_up_.erase(of);
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
      return host_.on_cancel_actor(*this, start.cid, Args(start.kwargs).duration("patience"));
    }
  }
  auto endpoint = host_.find_endpoint(start.ns, start.func);
  if (!endpoint) return send_error(*Error::of(endpoint.failure()), start.cid);
  start_memo_.remember(body, start, *endpoint);
  TaskContext::run(*this, start, **endpoint, buffer);
}

void PeerLink::on_cancel_task(const wire::Start& start) {
  auto target = Args(start.kwargs).text("cid");
  if (!target) return send_error(*Error::of(target.failure()), start.cid);
  send(wire::StartAck{start.cid, wire::FuncType::asyncfunc});
  if (TaskContext* ctx = tasks_.find(*target)) return ctx->cancel_by(peer(), start.cid);
  cancel_ack(start.cid);
}

// --- sending -------------------------------------------------------------------------------------------------------

Failure PeerLink::too_long(const std::string& what, size_t frame) const {
  return Failure::of(Status::invalid,
                     what + " needs a frame of " + std::to_string(frame) + " bytes; " + peer().name +
                         " takes no more than " + std::to_string(peer_max_frame_),
                     "ValueError");
}

void PeerLink::leads_to_oneself() {
  to_oneself_ = true;
  peer_max_frame_ = wire::kMaxFramePossible;
  channel_->set_max_frame(wire::kMaxFramePossible);
}

size_t PeerLink::send_start(const Cid& cid, std::string_view ns, std::string_view func, Bytes kwargs) {
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
  if (size_t size = found->size(kwargs); size > peer_max_frame_) return size;
  found->append(channel_->out(), cid.c_str(), kwargs);
  channel_->sent();
  return 0;
}

void PeerLink::send(const wire::Message& message) {
  try {
    channel_->send(message);
  } catch (const std::bad_alloc&) {
    channel_->lose_for_memory();
  }
}

void PeerLink::request_cancel_task(std::string_view target_cid) {
  try {
    OutBuffer kwargs;
    pack_cancel_task(kwargs, target_cid);
    std::ignore = send_start(Cid::fresh(), "self", "_cancel_task", kwargs.view());
  } catch (const std::bad_alloc&) {
    channel_->lose_for_memory();
  }
}

void PeerLink::cancel_ack(std::string_view cid) { send(wire::CancelAck{cid, true}); }

void PeerLink::send_error(const Error& error, std::string_view cid) {
  if (phase_ != Phase::open) return;
  try {
    send_boxed(error, cid);
  } catch (const std::bad_alloc&) {
    channel_->lose_for_memory();
  }
}

void PeerLink::send_boxed(const Error& error, std::string_view cid) {
  BoxedError boxed(error, host_.self(), cid);
  OutBuffer& out = channel_->out();
  size_t start = out.size();
  wire::encode(boxed.message(), out);
  if (size_t size = out.size() - start - wire::kPrefix; size > peer_max_frame_) {
    out.truncate(start);
    wire::ErrorMsg shorter = boxed.message();
    std::string note = too_long("the whole error", size).message;
    // What was raised says more than where it came from.
    shorter.tb = note;
    size_t rest = size - boxed.message().tb.size() - shorter.message->size() + note.size();
    size_t room = peer_max_frame_ > rest ? peer_max_frame_ - rest : 0;
    shorter.message = shorter.message->substr(0, room / 2);  // a character that is cut gets longer
    wire::encode(shorter, out);
  }
  channel_->sent();
}

// --- dialogs -------------------------------------------------------------------------------------------------------

Dialog* PeerLink::dialog(std::string_view cid) const {
  if (Dialog* ours = calls_.find(cid)) return ours;
  return tasks_.find(cid);
}

void PeerLink::add_call(Dialog& call) { calls_.add(call); }
void PeerLink::remove_call(Dialog& call) {
  if (yield_of_ == &call) yield_of_ = nullptr;
  calls_.remove(call);
}
void PeerLink::give_up(const Dialog& call, std::string_view what) {
  if (phase_ != Phase::open) return;
  try {
    if (given_up_.size() == kGivenUpKept) given_up_.erase(given_up_.begin());
    given_up_.push_back({Cid(call.cid()), std::string(what)});
  } catch (const std::bad_alloc&) {
    // Then the log does not say it.
  }
}

void PeerLink::add_task(TaskContext& ctx) { tasks_.add(ctx); }
void PeerLink::remove_task(TaskContext& ctx) {
  if (yield_of_ == &ctx) yield_of_ = nullptr;
  tasks_.remove(ctx);
}

void PeerLink::wait_until_drained(Pipe& pipe) {
  if (!static_cast<Link<BlockedTag>&>(pipe).linked()) blocked_.push_back(pipe);
  channel_->notify_drained();
}

void PeerLink::on_drained(Channel&) {
  // Each may have to wait again, behind those that have not had their turn.
  List<Pipe, BlockedTag> waited;
  waited.take(blocked_);
  while (Pipe* pipe = waited.pop_front()) pipe->drained();
}

void PeerLink::fail_calls(const ErrorRef& why) {
  while (Dialog* call = calls_.any()) call->on_lost(why);
}

// --- the end -------------------------------------------------------------------------------------------------------

void PeerLink::on_lost(Channel&, Failure why) {
  close(Error::from([&] {
    if (why.code == Status::no_memory) return Error::of(why);
    std::string who = peer().empty() ? "" : " to " + peer().name;
    return Error::of(Status::transport, "connection" + who + " lost: " + why.message);
  }));
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
  if (tasks_.size() > 0) {
    ErrorRef vanished = Error::from([&] {
      Error::Fields gone;
      gone.code = Status::canceled;
      gone.message = "the caller " + peer().name + " is gone";
      gone.canceller = peer();
      return Error::make(std::move(gone));
    });
    if (!vanished->canceled()) vanished = host_.engine().cancel_error("");
    tasks_.each([&](TaskContext& ctx) { ctx.cancel_from_outside(vanished); });
  }
  if (Waiter* waiter = std::exchange(waiter_, nullptr)) waiter->on_greeted(*this, why);
  // The host keeps what it has accepted from the start, greeted or not.
  if ((was_open || accepted_) && greeting_ != Greeting::probe)
    host_.on_link_lost(*this, why);
  else
    fail_calls(why);
}

}  // namespace tractor::core
