#include "runtime/registration.hpp"

#include <algorithm>
#include <new>

#include "base/log.hpp"
#include "rpc/args.hpp"
#include "runtime/actor.hpp"

namespace tractor::core {

namespace {

constexpr int64_t kConnectLimit = 10 * kSecond;
constexpr int64_t kRegisterLimit = 10 * kSecond;
constexpr int64_t kUnregisterLimit = kSecond / 2;
/// Between attempts to reach a registrar that was lost.
constexpr int64_t kFirstPause = 100 * kMillisecond;
constexpr int64_t kLongestPause = 5 * kSecond;

std::string entry(const ActorId& id, const Address& addr, bool lease) {
  OutBuffer kwargs;
  wire::Packer pack(kwargs);
  pack.map(lease ? 3 : 2);
  pack.str("uid");
  pack_uid(pack, id);
  pack.str("addr");
  pack_address(pack, addr);
  if (lease) {
    pack.str("lease");
    pack.boolean(true);
  }
  return std::string(kwargs.view());
}

void hang_up(PeerLink& link) { link.close(Error::of(Status::closed, "registered"), true); }

}  // namespace

Registration::Registration(Actor& actor) : actor_(actor), events_(actor.loop()), over_(actor.loop()) {}

Task<Result<Done>> Registration::begin(Halt& halt) {
  for (const Address& registrar : actor_.registry_addrs()) {
    Place& place = places_.emplace_back();
    place.registrar = registrar;
    place.text = registrar.to_string();
  }
  for (Place& place : places_)
    if (auto told = co_await tell(place, halt); !told) co_return told.failure();
  // One may have been lost since.
  if (std::any_of(places_.begin(), places_.end(),
                  [](const Place& p) { return p.lease || p.state == Place::State::lost; }))
    keep();
  co_return Done{};
}

/// Its connection to the parent serves, and is a lease like any other.
bool Registration::is_parent(const Address& registrar) const {
  PeerLink* parent = actor_.parent_link();
  return parent && parent->is_open() && parent->peer_is_native() && parent->peer_is_registrar() &&
         registrar == actor_.parent_address();
}

bool Registration::complete() const {
  return std::none_of(places_.begin(), places_.end(), [](const Place& p) { return p.state == Place::State::lost; });
}

/// At the boot a registrar has answered there. By now it may be anybody, and one of another make would not survive the question.
Task<Result<Ref<PeerLink>>> Registration::reach(const Place& place, int64_t limit, Halt* halt) {
  auto link = co_await connect(actor_, place.registrar, Greeting::at_once, limit, halt);
  if (!link)
    co_return Failure::of(Status::registry, "can't reach the registrar: " + link.failure().message, "ConnectionError");
  if (!(*link)->peer_is_registrar() && !(*link)->peer_registrar_unknown()) {
    hang_up(**link);
    co_return Failure::of(Status::registry, place.text + " is no registrar", "RuntimeError");
  }
  co_return link;
}

Task<Result<Done>> Registration::tell(Place& place, Halt& halt) {
  const bool own_connection = !is_parent(place.registrar);
  Ref<PeerLink> link(actor_.parent_link());
  if (own_connection) {
    auto reached = co_await reach(place, kConnectLimit, &halt);
    if (!reached) co_return reached.failure();
    link = std::move(*reached);
  }
  const bool lease = link->peer_is_native();
  Result<Done> told = Done{};
  for (const Address& addr : actor_.addresses()) {
    Answer answer = co_await ask(link, actor_.backstage(), "self", "register_actor", entry(actor_.self(), addr, lease),
                                 kRegisterLimit, &halt, own_connection ? OnHalt::hang_up : OnHalt::cancel);
    if (!answer.err) continue;
    told = Failure::of(Status::registry, "the registrar refused " + addr.to_string() + ": " + answer.err->message(),
                       "RuntimeError");
    break;
  }
  if (told) place.state = Place::State::told;
  if (told && lease && link->is_open())
    place.lease = std::move(link);
  else if (told && lease)
    place.state = Place::State::lost;  // between its answer and now
  else if (own_connection)
    hang_up(*link);
  co_return told;
}

PeerLink* Registration::link_to(const Address& registrar) const {
  for (const Place& place : places_)
    if (place.lease && place.lease->is_open() && place.registrar == registrar) return place.lease.get();
  return nullptr;
}

void Registration::on_link_lost(const PeerLink& link) {
  for (Place& place : places_) {
    if (place.lease.get() != &link) continue;
    place.lease.reset();
    place.state = Place::State::lost;
    // Without its parent it ends, which is told already.
    if (ending_ || &link == actor_.parent_link()) continue;
    TRACTOR_LOG(kWarning, "tractor.registry", "lost the registrar at %s", place.text.c_str());
    events_.put(Event::lost);
  }
}

/// As long as the actor is up, whatever becomes of its registrars.
Flow Registration::keep() {
  keeping_ = true;
  // At once, the first time; but a registrar that takes us in and drops us again is not asked without a pause either.
  int64_t pause = kFirstPause, next_try = actor_.loop().now();
  while (!ending_) {
    co_await events_.next(complete() ? kForever : next_try);
    if (complete() || ending_ || actor_.loop().now() < next_try) continue;
    for (Place& place : places_) {
      if (place.state != Place::State::lost || ending_) continue;
      try {
        auto told = co_await tell(place, halt_);
        TRACTOR_LOG(kRuntime, "tractor.registry", "%s: %s", place.text.c_str(),
                    told ? "registered again" : told.failure().message.c_str());
      } catch (const std::bad_alloc&) {
      }
    }
    if (complete()) pause = kFirstPause;
    next_try = actor_.loop().after(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
  keeping_ = false;
  over_.put(Event::settled);
}

Task<Done> Registration::end() {
  ending_ = true;
  if (keeping_) {
    halt_.halt(actor_.engine().cancel_error("the actor ends"));
    events_.put(Event::ending);
    while (keeping_) co_await over_.next();
  }
  for (Place& place : places_) co_await take_back(place);
  co_return Done{};
}

Task<Done> Registration::take_back(Place& place) {
  // A registrar that is our parent forgets its children as soon as they begin to end.
  if (place.state != Place::State::told || (place.lease && place.lease.get() == actor_.parent_link())) co_return Done{};
  Loop& loop = actor_.loop();
  int64_t deadline = loop.now() + kUnregisterLimit;
  Ref<PeerLink> link = std::move(place.lease);
  if (!link) {
    auto reached = co_await reach(place, kUnregisterLimit, nullptr);
    if (!reached) {
      TRACTOR_LOG(kRuntime, "tractor.registry", "can't unregister: %s", reached.failure().message.c_str());
      co_return Done{};
    }
    link = std::move(*reached);
  }
  OutBuffer kwargs;
  wire::Packer pack(kwargs);
  pack.map(1);
  pack.str("uid");
  pack_uid(pack, actor_.self());
  Answer answer = co_await ask(link, actor_.backstage(), "self", "unregister_actor", std::string(kwargs.view()),
                               std::max<int64_t>(deadline - loop.now(), 1), nullptr, OnHalt::hang_up);
  if (answer.err) TRACTOR_LOG(kRuntime, "tractor.registry", "can't unregister: %s", answer.err->message().c_str());
  link->close(Error::of(Status::closed, "unregistered"), true);
  co_return Done{};
}

}  // namespace tractor::core
