#include "runtime/registry_watch.hpp"

#include <new>
#include <utility>

#include "rpc/args.hpp"
#include "rpc/open_context.hpp"
#include "runtime/actor.hpp"
#include "scope/callback.hpp"

namespace tractor::core {

OpToken RegistryWatch::start(Actor& actor, Nursery& in, Question question, const ErrorRef& bad,
                             const Handlers& handlers) {
  NurseryOptions options;
  options.name = "watch";
  options.timeout = question.timeout;
  question.timeout = 0;
  UserNursery* nursery = UserNursery::open(in, std::move(options), handlers.on_end, handlers.user);
  OpToken token = nursery->end_token();
  try {
    if (token < 0) throw std::bad_alloc();
    if (bad) {
      nursery->fail(bad);
    } else if (!nursery->cancel_called()) {
      auto* watch = new (nursery->alloc(sizeof(RegistryWatch)))
          RegistryWatch(*nursery, std::exchange(question.name, {}), handlers);
      try {
        nursery->on_end([](const tractor_error*, void* self) { static_cast<RegistryWatch*>(self)->~RegistryWatch(); },
                        watch);
      } catch (const std::bad_alloc&) {
        watch->~RegistryWatch();
        throw;
      }
      DiscoverOp::start(actor, *nursery, std::move(question), {}, on_registry, watch);
    }
  } catch (const std::bad_alloc&) {
    nursery->fail(Error::out_of_memory());
  }
  nursery->close();
  return token;
}

/// However the registrar goes, it is one and the same to whoever watches it.
void RegistryWatch::lost(const char* how, const ErrorRef& cause) {
  nursery_.fail(Error::from([&] {
    Error::Fields f;
    f.code = Status::registry;
    f.type = "RuntimeError";
    f.message = how;
    if (cause) f.message += ": " + cause->message();
    f.cause = cause;
    return Error::make(std::move(f));
  }));
}

void RegistryWatch::on_registry(const tractor_error* err, tractor_portal* portal, void* self) {
  auto& watch = *static_cast<RegistryWatch*>(self);
  if (err) {
    ErrorRef why(from_c(err));
    why->mark_handled();
    if (why->code() != Status::transport) return watch.nursery_.fail(why);
    return watch.lost("can't reach the registrar", why);
  }
  try {
    watch.begin(*from_c(portal));
  } catch (const std::bad_alloc&) {
    watch.nursery_.fail(Error::out_of_memory());
  }
}

void RegistryWatch::begin(Portal& registrar) {
  const PeerLink* link = registrar.link();
  if (link && !link->peer_is_native())
    return nursery_.fail(Error::of(Failure::of(
        Status::not_supported, "the registrar " + registrar.id().name + " is of another make and can't be watched")));
  OutBuffer args;
  wire::Packer pack(args);
  pack.map(1);
  pack.str("name");
  name_.empty() ? pack.nil() : pack.text(name_);
  OpenContext::open(registrar, nursery_, {"self", "watch_actors", args.view()}, {}, {},
                    {.on_open = on_open, .on_end = on_stream_end, .user = this, .generator = true});
}

void RegistryWatch::on_open(tractor_stream* stream, void* self) {
  auto& watch = *static_cast<RegistryWatch*>(self);
  watch.stream_ = from_c(stream);
  watch.receive();
}

void RegistryWatch::receive() {
  try {
    if (stream_->receive(&nursery_, on_item, this) >= 0 || nursery_.cancel_called()) return;
  } catch (const std::bad_alloc&) {
  }
  nursery_.fail(Error::out_of_memory());
}

void RegistryWatch::on_item(const tractor_error* err, const tractor_value* value, void* self) {
  auto& watch = *static_cast<RegistryWatch*>(self);
  if (err) return from_c(err)->mark_handled();  // the stream's end says the same
  try {
    if (!watch.take(from_c(value)->bytes())) return watch.lost("what the registrar says makes no sense", {});
  } catch (const std::bad_alloc&) {
    return watch.nursery_.fail(Error::out_of_memory());
  }
  watch.receive();
}

void RegistryWatch::on_stream_end(const tractor_error* err, void* self) {
  auto& watch = *static_cast<RegistryWatch*>(self);
  ErrorRef why(from_c(err));
  if (why) why->mark_handled();
  if (!watch.nursery_.cancel_called()) watch.lost("lost the registrar", why);
}

bool RegistryWatch::take(Bytes event) {
  Args in(event);
  auto kind = in.text("event");
  if (!kind) return false;
  if (*kind == "reset") {
    for (auto& [uuid, known] : known_) known.told = false;
    return true;
  }
  if (*kind == "synced") {
    synced();
    return true;
  }
  auto uid = in.uid("uid");
  if (!uid) return false;
  if (*kind == "leave") {
    if (auto known = known_.find(std::string(uid->uuid)); known != known_.end()) leave(known);
    return true;
  }
  auto packed = in.find("addrs");
  auto addrs = packed ? read_addresses(*packed) : Failure{};
  if (*kind != "join" || !addrs) return false;
  std::vector<std::string> texts;
  for (const Address& addr : *addrs) texts.push_back(addr.to_string());
  join({std::string(uid->name), std::string(uid->uuid), 0}, std::move(texts));
  return true;
}

void RegistryWatch::join(const ActorId& who, std::vector<std::string> addrs) {
  auto [at, news] = known_.try_emplace(who.uuid);
  Known& known = at->second;
  known.told = true;
  if (!news && known.addrs == addrs) return;
  known.who = who;
  known.addrs = std::move(addrs);
  tell(TRACTOR_WATCH_JOIN, &known);
}

void RegistryWatch::leave(std::map<std::string, Known>::iterator known) {
  Known gone = std::move(known->second);
  known_.erase(known);
  gone.addrs.clear();
  tell(TRACTOR_WATCH_LEAVE, &gone);
}

void RegistryWatch::synced() {
  for (auto known = known_.begin(); known != known_.end();) {
    auto next = std::next(known);
    if (!known->second.told) leave(known);
    known = next;
  }
  if (!std::exchange(synced_, true)) tell(TRACTOR_WATCH_SYNCED, nullptr);
}

void RegistryWatch::tell(int event, const Known* whom) {
  // The program may have ended the watch from inside the last event, and have given it up.
  if (nursery_.cancel_called()) return;
  std::vector<const char*> addrs;
  tractor_id id{"", "", 0};
  if (whom) {
    id = {whom->who.name.c_str(), whom->who.uuid.c_str(), 0};
    for (const std::string& addr : whom->addrs) addrs.push_back(addr.c_str());
  }
  addrs.push_back(nullptr);
  CallbackScope scope;
  handlers_.on_event(event, whom ? &id : nullptr, addrs.data(), handlers_.user);
}

}  // namespace tractor::core
