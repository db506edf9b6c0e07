// Where this actor has told that it is to be found: it registers with each of its registrars, and stays registered.
//
// A registrar of our make keeps an entry as long as the connection on which it was made, the lease; so whoever is killed
// disappears by itself, and one that loses its registrar registers again as soon as somebody keeps the registry there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rpc/ask.hpp"
#include "scope/flow.hpp"

namespace tractor::core {

class Actor;

class Registration {
 public:
  explicit Registration(Actor& actor);
  /// Once the actor listens. The failure is that of the first registrar that can't be told.
  Task<Result<Done>> begin(Halt& halt);
  /// Takes back what it has told, for a bounded time.
  Task<Done> end();
  void on_link_lost(const PeerLink& link);
  /// The connection with that registrar, if it is kept.
  PeerLink* link_to(const Address& registrar) const;

 private:
  struct Place {
    Address registrar;
    std::string text;  ///< of that, so that its loss can be told without memory
    enum class State : uint8_t { untold, told, lost } state = State::untold;
    Ref<PeerLink> lease;  ///< if it is told; null: it keeps entries for ever
  };
  enum class Event : uint8_t { lost, ending, settled };

  bool is_parent(const Address& registrar) const;
  bool complete() const;
  Task<Result<Ref<PeerLink>>> reach(const Place& place, int64_t limit, Halt* halt);
  Task<Result<Done>> tell(Place& place, Halt& halt);
  Task<Done> take_back(Place& place);
  Flow keep();

  Actor& actor_;
  std::vector<Place> places_;
  Halt halt_;
  Mailbox<Event> events_, over_;
  bool keeping_ = false, ending_ = false;
};

}  // namespace tractor::core
